"""A failed comparison of two protobuf messages shows their difference, field by field."""

from __future__ import annotations

import sys
from typing import Any


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain ``left == right`` where both are messages, or lists of them."""
    module = sys.modules.get("google.protobuf.message")
    if op != "==" or module is None:
        return None
    message = module.Message
    if isinstance(left, message) and isinstance(right, message):
        from grpcmock.mock.diff import diff_messages

        return [f"{_shown(left)} == {_shown(right)}", "", *diff_messages(left, right)]
    if _is_list_of(message, left) and _is_list_of(message, right):
        from grpcmock.mock.diff import diff_lists

        return [f"{_name(left)} == {_name(right)}", "", *diff_lists(left, right)]  # type: ignore[arg-type]
    return None


def _is_list_of(message: type, value: Any) -> bool:
    # Repeated fields are no lists, but are compared with them all the same.
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        return False
    if hasattr(value, "keys"):
        return False
    return not len(value) or all(isinstance(item, message) for item in value)


def _shown(message: Any) -> str:
    from grpcmock.schema.codec import to_text

    return f"{message.DESCRIPTOR.name} {to_text(message, 80)}"


def _name(value: Any) -> str:
    return f"{len(value)} × {value[0].DESCRIPTOR.name}" if len(value) else "[]"
