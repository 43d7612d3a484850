"""The one interface of all protocols: chunks of a request in, events of the engine out; its steps in, chunks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from grpcmock.engine.steps import Finish, HalfClose, Headers, Message, Reset, Send, Truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcmock.engine.steps import Open
    from grpcmock.protocols.http import Parts
    from grpcmock.schema import Method
    from grpcmock.status import Code

Incoming = Message | HalfClose
"""What the engine is told of the body of a request."""

Outgoing = Headers | Send | Truncate | Reset | Finish
"""The steps of the engine that say something. ``Wait``, ``Receive`` and what handlers do are left to transports."""


class ServerCall(Protocol):
    """One call under way, as one protocol has it on the wire.

    Nothing here waits.
    """

    opened: Open
    """What the engine is to open the exchange with: its ``protocol`` and the ``faults`` that can be sent are said."""

    def receive(self, data: bytes) -> Iterator[Incoming]:
        """Take a chunk of the body, cut anywhere, and yield what is whole by now; to the end, before the next chunk.

        Raises :class:`WireError`, behind what came before: the call ends with the status it names, and nothing more is
        received.
        """

    def receive_end(self) -> Iterator[Incoming]:
        """Take the end of the body, and yield what remains; ``HALF_CLOSE`` is the last. Raises :class:`WireError`."""

    def send(self, step: Outgoing) -> Parts:
        """Return what goes on the wire for a step, maybe nothing yet.

        After the last step, ``Finish``, ``Reset`` or ``Truncate``, the response is whole, or ends with ``Abort``. A
        ``Finish`` may come at any time, to end the call for a reason of the transport's.
        """


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """What is the same for all calls of a server."""

    max_message_size: int = 4 << 20
    """Bytes of the largest request message taken, decompressed; -1 for no limit."""

    compression: Literal["none", "gzip", "deflate"] = "none"
    """How responses are compressed, where the client takes it."""

    origins: tuple[str, ...] | None = None
    """The origins whose pages may call; None for those on loopback, ``("*",)`` for all, empty for none."""

    text_bodies: Mapping[str, str] = field(default_factory=dict)
    """By the path of a method: the field that a body is which is sent as text or YAML instead of JSON."""

    short_bodies: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """By the path of a method: gives the ProtoJSON of a body of JSON, which may say some things in a shorter way."""

    events: bool = False
    """Whether streams of JSON are server-sent events unless a client asks for lines; else it is the other way round."""

    event_id: Callable[[Method, bytes], str] = lambda _, __: ""
    """Gives the id of the event that a message of a method's stream is; empty for none."""


class WireError(Exception):
    """The client broke the rules of its protocol, or a limit; the call ends with this status."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
