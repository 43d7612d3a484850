"""What became of a captured call: a stub that answers as the server did, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from grpcmock.schema import Method


@dataclass(frozen=True, slots=True)
class RecordedStub:
    """A captured call in the keys of the stub format."""

    method: Method
    matching: dict[str, Any]
    """The keys that say when the stub holds."""
    answer: dict[str, Any]
    """The keys that say what it answers."""
    request_key: str
    """Tells requests apart: equal for calls that one stub would answer."""
    answer_key: str
    """Tells answers apart."""
    opening_key: str
    """Tells the first request messages apart."""
    conversation_key: str
    """Tells apart all that the client sent, where a script waits for it; empty elsewhere."""
    eagerness: int = 0
    """How much the server waited for before it sent what it sent: the less, the more eager."""
    ignored: tuple[str, ...] = ()
    """Fields of the answer that a real server can't be verified with, since rules have changed them."""
    notes: tuple[str, ...] = ()
    """What passed that the stub doesn't say."""


class SkippedCall(NamedTuple):
    """A call that becomes no stub."""

    name: str
    reason: str


class NotExpressibleError(Exception):
    """A call has something in it that no stub can say."""
