"""The vocabulary between the engine and a server: events go in, steps come out. Nothing here does any I/O.

A server opens an exchange and carries out each step it is given, in order::

    step = exchange.resume()
    while True:
        match step:
            case Headers(): …send initial metadata…;    event = None
            case Send():    …write step.data…;          event = None
            case Wait():    …sleep step.seconds…;       event = None
            case GoAway():  …tell the connection…;      event = None
            case Receive(): event = Message(bytes) or HalfClose(); None once step.until is done, if that is sooner
            case Invoke():  event = …what the handler asks first…
            case Resume():  event = …what the handler asks next, given step.message…
            case Forward(): event = HandlerReturned(…what the server elsewhere ended the call with…)
            case Finish() | Reset() | Truncate(): …end the call…; break
        step = exchange.resume(event)

If the client goes away or the deadline passes, the server calls ``exchange.cancel()`` instead, whatever it was doing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.status import Code, Metadata

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtoMessage

    from grpcmock.engine.call_record import CallRecord, ProtocolName
    from grpcmock.engine.front import Conversation
    from grpcmock.responses.context import RenderContext
    from grpcmock.stubs.model import Handler


# Events -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A call begins."""

    path: str
    """``/package.Service/Method``."""

    metadata: Metadata = ()
    deadline: float | None = None
    """Seconds left; None if the client set no deadline."""

    peer: str = ""

    protocol: ProtocolName = "grpc"
    """What the client speaks."""

    faults: frozenset[str] = WIRE_FAULTS
    """The faults that can be put on the wire in this call; one of others that strikes ends it with INTERNAL."""


@dataclass(frozen=True, slots=True)
class Message:
    """The client sent a message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HalfClose:
    """The client has finished sending."""


@dataclass(frozen=True, slots=True)
class NextRequest:
    """The handler wants the next request message; it is given one by ``Resume``."""

    until: Any = None
    """A future of the server: once it is done, the handler is resumed without a message."""


@dataclass(frozen=True, slots=True)
class HandlerSent:
    """The handler sends a message: of the response type, or as the ProtoJSON of one."""

    value: Any


@dataclass(frozen=True, slots=True)
class HandlerReturned:
    """The handler ends the call."""

    finish: Finish


@dataclass(frozen=True, slots=True)
class HandlerRaised:
    """The handler failed, with an exception that wasn't meant for the client."""

    error: BaseException


# Steps ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for the next event and resume with it. A unary request counts as one message, then half-close."""

    until: Any = None
    """A future of the server: once it is done, resume without an event, and leave that to the next ``Receive``."""

    conversation: Conversation | None = None
    """What is known of the messages that may come: a server may answer those by itself if ``Exchange.hand_on`` says so.
    """


@dataclass(frozen=True, slots=True)
class Headers:
    """Send initial metadata now."""

    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Send:
    """Send one response message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SendAll:
    """Send several response messages, one right after the other. Servers see a ``Send`` for each of them."""

    messages: Iterable[bytes]
    """One at least."""


Part = tuple[float | None, bytes]
"""The seconds that a server waits, None for not at all, and the message that it sends then."""


@dataclass(frozen=True, slots=True)
class SendTimed:
    """Send several response messages, with pauses before some of them. Servers see a ``Wait`` and a ``Send`` for each,
    unless they keep the time themselves."""

    parts: Iterable[Part]
    """One at least."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause. ``inf`` seconds last until the call is cancelled."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncate:
    """Send a message cut short: its prefix announces all of ``data``, half of it follows. The last step."""

    data: bytes


@dataclass(frozen=True, slots=True)
class GoAway:
    """Tell the client by a GOAWAY to send its next calls over another connection. Those under way go on."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the HTTP/2 stream. The last step."""

    error: int = 8
    """The error of HTTP/2, CANCEL if nothing else is said."""

    connection: bool = False
    """Close the whole connection instead."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the call with this status. The last step."""

    code: Code = Code.OK
    message: str = ""
    trailers: Metadata = ()
    drop: bool = False
    """End the stream without sending status or trailers."""

    wire_status: str = ""
    """What goes to the wire as ``grpc-status`` in the place of the code, right or wrong."""


@dataclass(frozen=True, slots=True)
class Invoke:
    """Begin ``handler(context, call, ask)``, a coroutine that awaits ``ask(event)`` for each thing it does.

    Resume with the first event that it asks; the answer to that, and the next event, come by ``Resume``. Its last event
    is ``HandlerReturned`` or ``HandlerRaised``.
    """

    handler: Handler
    context: RenderContext
    call: CallRecord


@dataclass(frozen=True, slots=True)
class Resume:
    """Answer what the handler has asked, and resume with what it asks next."""

    message: ProtoMessage | None = None
    """The request message that it wanted; None once there are no more."""


class Client(Protocol):
    """The client's side of a call, as whoever passes the call on sees it. Messages are raw bytes."""

    async def read(self) -> bytes | None:
        """Give the next request message; None once the client has finished sending."""

    async def write(self, data: bytes) -> None:
        """Send a response message; waits until the client lets it through."""

    async def send_headers(self, metadata: Metadata) -> None:
        """Send initial metadata."""

    def time_left(self) -> float | None:
        """Give the seconds to the deadline; None without one."""


class Forwarder(Protocol):
    """Passes calls on to another server. It runs in the loop of the server that took the call."""

    async def __call__(self, path: str, metadata: Metadata, client: Client) -> Finish:
        """Pass one call on, whole, and give its end. Cancelled when the client goes away."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Leave the whole call to *forwarder*: ``forwarder(call.path, call.metadata, client)``.

    *received* are the messages that were read so far, and come first; resume with the ``HandlerReturned`` that it ends
    with. What passes is noted in *call* by whoever carries this out.
    """

    forwarder: Forwarder
    call: CallRecord
    received: tuple[bytes, ...] = ()
    half_closed: bool = False


HandlerEvent = NextRequest | Headers | HandlerSent | HandlerReturned | HandlerRaised
"""What a handler does, one thing after the other."""

Event = Message | HalfClose | HandlerEvent
Step = Invoke | Resume | Forward | Receive | Headers | Send | Wait | GoAway | Truncate | Reset | Finish

Steps = Generator[Step | SendAll | SendTimed, Event | None, None]
"""A part of a call: it yields what is to be done, and is resumed with what came of it."""


class EndOfCall(Exception):  # noqa: N818 - it is no error
    """Ends a call from wherever its plan is."""

    def __init__(self, step: Finish | Reset | Truncate) -> None:
        super().__init__(step)
        self.step = step


RECEIVE = Receive()
HALF_CLOSE = HalfClose()
