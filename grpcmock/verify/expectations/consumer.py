"""What a consumer expects of an answer where it asks for less than the stub says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerExpectation:
    """What is expected of an answer where that is looser than the answer itself, as the rules of a Pact are."""

    responses: tuple[Node, ...] = ()
    """Patterns for the response messages, in their order."""

    any_message: bool = False
    """Whether the status may have any message."""
