"""What gRPC has, and the others have from it: messages in envelopes, metadata, timeouts, status messages.

The rules are those of grpc/grpc, doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from grpcmock.protocols import compression
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.status import Metadata

PREFIX = 5
"""Bytes before each message: whether it is compressed, and its length."""

COMPRESSED = 1
"""The flag of an envelope whose message is compressed."""

_RESERVED = frozenset(
    (
        "te",
        "content-type",
        "content-length",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-message-type",
    )
)
"""Headers that are the business of gRPC over HTTP/2, and no metadata."""

_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PLAIN = "".join(chr(byte) for byte in range(0x20, 0x7F) if chr(byte) != "%")


class EnvelopeReader:
    """Takes the bytes of a stream as they come, gives whole envelopes: the byte of flags, and the data behind it."""

    def __init__(self, limit: int = -1) -> None:
        """*limit* is the bytes of the largest envelope, -1 for none."""
        self._limit = limit
        self._buffer = bytearray()

    @property
    def is_within_message(self) -> bool:
        """Whether an envelope has begun that isn't whole yet."""
        return bool(self._buffer)

    def envelopes(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take more bytes, and yield the envelopes that they complete. Raises :class:`WireError`."""
        self._buffer += data
        while len(self._buffer) >= PREFIX:
            flags, size = self._buffer[0], int.from_bytes(self._buffer[1:PREFIX], "big")
            self.check_flags(flags)
            if 0 <= self._limit < size:
                raise compression.too_large(size, self._limit)
            if len(self._buffer) < PREFIX + size:
                return
            message = bytes(self._buffer[PREFIX : PREFIX + size])
            del self._buffer[: PREFIX + size]
            yield flags, message

    def check_flags(self, flags: int) -> None:
        """Raise :class:`WireError` if an envelope may not begin so."""


class MessageReader(EnvelopeReader):
    """Takes the bytes of a stream as they come, gives whole messages."""

    def __init__(self, encoding: str = "identity", limit: int = -1) -> None:
        """*encoding* is how the head of the request says that messages are compressed; *limit*, the bytes of the
        largest message, -1 for none.

        Raises :class:`WireError` if the encoding isn't one of ``ENCODINGS``.
        """
        super().__init__(limit)
        self._encoding = compression.check(encoding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes, and yield the messages that they complete. Raises :class:`WireError`."""
        for flags, message in self.envelopes(data):
            yield self._decompress(message) if flags else message

    def check_flags(self, flags: int) -> None:
        if flags > COMPRESSED:
            raise WireError(Code.INTERNAL, f"A message begins with the flag {flags}; it must be 0 or 1.")

    def _decompress(self, message: bytes) -> bytes:
        if self._encoding == "identity":
            raise WireError(Code.INTERNAL, "A message is compressed, but the head of the request names no compression.")
        return compression.decompressed(message, self._encoding, self._limit)


def framed(message: bytes, flags: int = 0) -> bytes:
    """Give a message in its envelope."""
    return bytes((flags,)) + len(message).to_bytes(4, "big") + message


def compressed(message: bytes, encoding: str) -> bytes:
    """Give a message in its envelope, compressed."""
    if encoding == "identity":
        return framed(message)
    return framed(compression.compressed(message, encoding), COMPRESSED)


def truncated(message: bytes) -> bytes:
    """Give the head of a framed message that announces all of it; of an empty one, part of the prefix."""
    return framed(message)[: PREFIX + len(message) // 2] if message else framed(message)[: PREFIX - 2]


def metadata_of(headers: Iterable[tuple[str, str]], reserved: Collection[str] = _RESERVED) -> Metadata:
    """Give the metadata among the headers of a request: those that aren't *reserved*.

    Raises :class:`WireError` on what is no base64.
    """
    found: list[tuple[str, str | bytes]] = []
    for key, value in headers:
        if key.startswith(":") or key in reserved:
            continue
        if key.endswith("-bin"):
            found += [(key, _unbase64(key, part.strip())) for part in value.split(",")]
        else:
            found.append((key, value))
    return tuple(found)


def _unbase64(key: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise WireError(Code.INTERNAL, f"The value of the metadata key {key!r} is no base64.") from None


def headers_of(metadata: Metadata) -> list[tuple[str, str]]:
    """Give metadata as headers of a response; a value that HTTP/2 can't carry loses its control characters."""
    return [
        (key.lower(), base64.b64encode(value).rstrip(b"=").decode() if isinstance(value, bytes) else _clean(value))
        for key, value in metadata
    ]


def _clean(value: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", value)


def parse_timeout(text: str) -> float:
    """Give the seconds of a ``grpc-timeout`` header, such as ``100m``. Raises :class:`WireError`.

    >>> parse_timeout("250m")
    0.25
    """
    found = re.fullmatch(r"([0-9]{1,8})([HMSmun])", text)
    if found is None:
        raise WireError(Code.INTERNAL, f"The header grpc-timeout is {text!r}; it must be like '100m'.")
    return int(found[1]) * _UNITS[found[2]]


def percent_encoded(message: str) -> str:
    """Give a status message as the header ``grpc-message`` carries it."""
    return quote(message, safe=_PLAIN, errors="replace")
