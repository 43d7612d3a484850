"""What a client says in one call, so that one stub of a set answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.status import Metadata


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """What a client says in one call."""

    messages: tuple[Message, ...]
    """The request messages: one, but where the client streams."""

    metadata: Metadata = ()
    deadline: float | None = None
    """Seconds; None leaves it to whoever calls."""

    without_deadline: bool = False
    """Whether the stub expects a client that sets no deadline."""

    before: CompiledStub | None = None
    """A stub that answers this call until it is exhausted."""

    state: Mapping[str, str] = field(default_factory=dict)
    """The states of scenarios in which this stub answers it, and no other."""

    def metadata_by_key(self) -> dict[str, list[str | bytes]]:
        """Return the values of each key."""
        return by_key(self.metadata)


def by_key(metadata: Metadata) -> dict[str, list[str | bytes]]:
    """Return the values of each key, in their order."""
    found: dict[str, list[str | bytes]] = {}
    for key, value in metadata:
        found.setdefault(key, []).append(value)
    return found
