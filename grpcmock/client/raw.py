"""Requests over HTTP/2 as they stand, which no gRPC library would send, and all that came back."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import unquote

from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.status import Metadata

Fields = tuple[tuple[str, str], ...]
"""Header fields in their order; each character is one byte (Latin-1), so that every byte can be said."""

LARGEST_MESSAGE = 64 << 20
"""Bytes to which a compressed response is unpacked at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """One stream of HTTP/2."""

    headers: Fields
    """The header fields, pseudo-headers among them, in their order. An empty ``:authority`` or ``:scheme`` stands for
    that of the target."""

    chunks: tuple[bytes, ...] = ()
    """What goes into DATA frames, one chunk each: gRPC's own prefixes are part of it. What is larger than a frame, or
    than flow control lets through, is split."""

    end_stream: bool = True
    """Whether the last frame ends the client's side of the stream."""

    reset_after: int | None = None
    """After how many chunks the stream is reset by the client; None for never."""

    after_end: tuple[bytes, ...] = ()
    """What is sent in DATA frames after the frame that ended the stream, which HTTP/2 forbids."""


class RawEnd(Enum):
    """What ended a stream."""

    SERVER = "the server ended the stream"
    RESET = "the server reset the stream"
    GOAWAY = "the server took leave of the connection"
    LOST = "the connection was lost"
    DEADLINE = "the time was up"
    ENOUGH = "more messages came than were wanted"
    CANCELLED = "the client reset the stream"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came: whole, with the flag of its prefix."""

    flag: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOutcome:
    """What came back on one stream."""

    end: RawEnd
    seconds: float

    headers: Fields = ()
    """The first header fields, ``:status`` among them."""

    trailers: Fields = ()
    """Those that ended the stream; empty if ``headers`` did so themselves."""

    trailers_only: bool = False
    """Whether the first header fields ended the stream."""

    frames: tuple[Frame, ...] = ()
    rest: bytes = b""
    """What came after the last whole message."""

    late: int = 0
    """How many messages came after header fields that held a status."""

    reset: int | None = None
    """The error code of RST_STREAM."""

    goaway: int | None = None
    """The error code of GOAWAY."""

    reason: str = ""
    """Why there is no orderly end, in words."""

    first_seconds: float | None = None
    """When the first whole message came."""

    sent: int = 0
    """How many chunks went out."""

    @property
    def http_status(self) -> int | None:
        """The status of HTTP; None if no headers came, or none that make sense."""
        text = _first(self.headers, ":status")
        return int(text) if text is not None and text.isascii() and text.isdecimal() else None

    @property
    def grpc_status(self) -> int | None:
        """The status of gRPC as it came, even a number that gRPC doesn't have; None if there is none."""
        text = self._closing("grpc-status")
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    @property
    def code(self) -> int:
        """The status of gRPC, or what takes its place: by the rules of grpc/grpc, from HTTP's own status or reset."""
        if (code := self.grpc_status) is not None:
            return code
        if self._closing("grpc-status") is not None:
            return Code.UNKNOWN
        match self.end:
            case RawEnd.RESET:
                return _BY_RESET.get(self.reset or 0, Code.INTERNAL)
            case RawEnd.GOAWAY | RawEnd.LOST:
                return Code.UNAVAILABLE
            case RawEnd.DEADLINE:
                return Code.DEADLINE_EXCEEDED
            case RawEnd.ENOUGH | RawEnd.CANCELLED:
                return Code.CANCELLED
            case RawEnd.SERVER:
                status = self.http_status
                return Code.INTERNAL if status == 200 else _BY_HTTP.get(status or 0, Code.UNKNOWN)

    @property
    def message(self) -> str:
        """The status message, decoded; else the reason why there is none."""
        text = self._closing("grpc-message")
        if text is not None:
            return unquote(text.encode("latin-1").decode("utf-8", "replace"), errors="replace")
        if self.grpc_status is not None:
            return ""
        if self.end is RawEnd.SERVER:
            return f"HTTP status {_first(self.headers, ':status')} and no grpc-status"
        return self.reason or self.end.value

    @property
    def initial_metadata(self) -> Metadata:
        """The headers as gRPC gives them: none if they came with the end."""
        return () if self.trailers_only else _metadata(self.headers)

    @property
    def trailing_metadata(self) -> Metadata:
        return _metadata(self.headers if self.trailers_only else self.trailers)

    @property
    def messages(self) -> tuple[bytes, ...]:
        """The messages, unpacked where that can be done."""
        encoding = _first(self.headers, "grpc-encoding") or "identity"
        return tuple(_unpacked(frame, encoding) for frame in self.frames)

    def _closing(self, key: str) -> str | None:
        found = _first(self.trailers, key)
        return _first(self.headers, key) if found is None else found


_BY_HTTP = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
"""grpc/grpc, doc/http-grpc-status-mapping.md."""

_BY_RESET = {
    0x7: Code.UNAVAILABLE,  # REFUSED_STREAM
    0x8: Code.CANCELLED,  # CANCEL
    0xB: Code.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    0xC: Code.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}
"""grpc/grpc, doc/PROTOCOL-HTTP2.md; whatever isn't here is INTERNAL."""

_OWN = frozenset(("content-type", "grpc-status", "grpc-message", "grpc-encoding", "grpc-accept-encoding"))
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def split(data: bytes) -> tuple[tuple[Frame, ...], bytes]:
    """Split what came in DATA frames into messages, and the rest that makes no whole one."""
    frames, start = [], 0
    while len(data) - start >= 5:
        size = int.from_bytes(data[start + 1 : start + 5], "big")
        if len(data) - start - 5 < size:
            break
        frames.append(Frame(data[start], data[start + 5 : start + 5 + size]))
        start += 5 + size
    return tuple(frames), data[start:]


def header_fields(metadata: Metadata) -> Fields:
    """Give metadata as header fields: binary values in base64."""
    return tuple(
        (key, base64.b64encode(value).rstrip(b"=").decode() if isinstance(value, bytes) else value)
        for key, value in metadata
    )


def _first(fields: Fields, key: str) -> str | None:
    return next((value for name, value in fields if name == key), None)


def _metadata(fields: Fields) -> Metadata:
    return tuple((key, _value(key, text)) for key, text in fields if key not in _OWN and not key.startswith(":"))


def _value(key: str, text: str) -> str | bytes:
    if not key.endswith("-bin"):
        return text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("latin-1")


def _unpacked(frame: Frame, encoding: str) -> bytes:
    bits = _WINDOW_BITS.get(encoding)
    if not frame.flag & 1 or bits is None:
        return frame.data
    try:
        return zlib.decompressobj(bits).decompress(frame.data, LARGEST_MESSAGE)
    except zlib.error:
        return frame.data
