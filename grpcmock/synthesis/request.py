"""What is wanted of a message that is to be made, and where in it a value stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

MOST_FIELDS = 2_000
"""Fields of one message, unless fewer are wished for."""

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.synthesis.echo import Echo
    from grpcmock.synthesis.keyed_random import KeyedRandom
    from grpcmock.synthesis.message_context import MessageContext
    from grpcmock.synthesis.planning import Planner


@dataclass(slots=True)
class GenerationRequest:
    """What is wanted of one message."""

    planner: Planner
    random: KeyedRandom
    """What this message draws from."""

    series: KeyedRandom
    """What all messages of its stream draw from."""

    now: datetime
    requests: Sequence[Message] = ()
    counts_requests: bool = False
    """Whether it sums up a stream of requests."""

    ordinal: int = 0
    """Its place in its stream."""

    as_request: bool = False
    """Whether a client sends it: then what only a server may set is left out, instead of what only a client may."""

    most_fields: int = MOST_FIELDS
    """After so many fields only what must be set is set; after half as many again, no more messages."""

    refused: dict[str, int] = field(default_factory=dict)
    """By path, how many tries the validator has refused."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the message something is being made."""

    path: str
    random: KeyedRandom
    context: MessageContext
    echo: Echo
    types: tuple[str, ...] = ()
    """The full names of the messages around it."""

    @property
    def depth(self) -> int:
        return len(self.types)
