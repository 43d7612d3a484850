"""What is known of a call when a stub is sought for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

STARTED = "started"
"""The state in which every scenario begins."""


@dataclass(slots=True)
class CallContext:
    """What is known of one call; the messages become known as they come."""

    metadata: Mapping[str, Sequence[str | bytes]] = field(default_factory=dict)
    """The values of each lower-case key, in their order; ``bytes`` where the key ends with ``-bin``."""

    deadline: float | None = None
    """The seconds that were left when the call arrived; None if the client set no deadline."""

    state: Mapping[str, str] = field(default_factory=dict)
    """The states of the scenarios; one that is missing is in ``started``."""

    request: Message | None = None
    """The first message, once it is here."""

    requests: Sequence[Message] | None = None
    """All messages of a client that streams, once it has finished sending."""

    half_closed: bool = False
    """Whether the client has finished sending."""
