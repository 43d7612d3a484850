"""The vocabulary between the engine and a server: events go in, steps come out. Nothing here does any I/O.

A server opens an exchange and carries out each step it is given, in order::

    step = exchange.resume()
    while True:
        match step:
            case Headers(): …send initial metadata…;    event = None
            case Send():    …write step.data…;          event = None
            case Wait():    …sleep step.seconds…;       event = None
            case Receive(): event = Message(bytes) or HalfClose()
            case Finish() | Reset() | Truncate(): …end the call…; break
        step = exchange.resume(event)

If the client goes away or the deadline passes, the server calls ``exchange.cancel()`` instead, whatever it was doing.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpcmock.status import Code

Metadata = tuple[tuple[str, str | bytes], ...]
"""Pairs of lower-case keys and values, ``bytes`` where the key ends with ``-bin``; a key may stand several times."""


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


@dataclass(frozen=True, slots=True)
class Message:
    """The client sent a message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class HalfClose:
    """The client has finished sending."""


Event = Message | HalfClose


# Steps ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for the next event and resume with it. A unary request counts as one message, then half-close."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Send initial metadata now."""

    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Send:
    """Send one response message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Pause. ``inf`` seconds last until the call is cancelled."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncate:
    """Send a message cut short: its prefix announces all of ``data``, half of it follows. The last step."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the HTTP/2 stream. The last step."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the call with this status. The last step."""

    code: Code = Code.OK
    message: str = ""
    trailers: Metadata = ()
    drop: bool = False
    """End the stream without sending status or trailers."""


Step = Receive | Headers | Send | Wait | Truncate | Reset | Finish

RECEIVE = Receive()
HALF_CLOSE = HalfClose()
