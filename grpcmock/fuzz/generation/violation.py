"""A rule that a message breaks."""

from __future__ import annotations

from dataclasses import dataclass

EVALUATION = "evaluation"
"""No rule, but a value on which one can't be checked, such as bytes that are no text where a pattern is asked for."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One rule that one part of a message breaks."""

    path: str
    """Where: ``lines[].quantity``; items of lists and values of maps stand below ``[]``. Empty: the message itself."""

    rule: str
    """Which: the id of a ``buf.validate`` rule, such as ``int32.gt``; ``google.api.field_behavior``,
    ``google.api.resource``, ``google.api.field_info``; or ``proto.required`` of proto2."""

    reason: str
    """What is wrong, in words."""

    @property
    def id(self) -> str:
        """Stable and short: ``lines[].quantity~int32.gt``."""
        return f"{self.path}~{self.rule}"
