"""What servers say of the fields of a request in the details of a status."""

from __future__ import annotations

from typing import Any


def violations_in(message: Any) -> list[tuple[str, str]]:
    """Return the paths and words of a ``BadRequest``, or of the ``Violations`` of protovalidate."""
    if message is None:
        return []
    if message.DESCRIPTOR.full_name == "google.rpc.BadRequest":
        return [(one.field, one.description) for one in message.field_violations]
    if message.DESCRIPTOR.full_name == "buf.validate.Violations":
        return [(".".join(step.field_name for step in one.field.elements), one.message) for one in message.violations]
    return []
