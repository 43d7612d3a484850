"""One call with a real server, planned to its end: what the client does, and what it should get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grpcmock.client.actions import Action, Send
from grpcmock.verify.expectations.expected import ExpectedMessage, ExpectedMetadata, ExpectedStatus

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.status import Metadata

SPARE = 10
"""Messages beyond those expected that are awaited before a stream is taken to have no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call."""

    label: str = ""
    """Which part of the stub this is, where it has several: ``answers[1]``."""

    requests: tuple[Message, ...]
    """What is sent."""

    actions: tuple[Action, ...]
    metadata: Metadata = ()
    deadline: float | None = None
    without_deadline: bool = False
    responses: tuple[ExpectedMessage, ...] = ()
    headers: tuple[ExpectedMetadata, ...] = ()
    status: ExpectedStatus | None = field(default_factory=ExpectedStatus)
    """None if the client cancels a conversation that has no end."""

    exact: bool = False
    """Whether details and metadata must be equal, too."""

    @property
    def limit(self) -> int:
        """How many responses are taken at most."""
        return len(self.responses) + SPARE


def sending(message: Message) -> Action:
    """Return the action that sends a request message."""
    return Send(message.SerializePartialToString(deterministic=True))
