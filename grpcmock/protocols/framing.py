"""gRPC's own layer on HTTP/2, without any I/O: length-prefixed messages, metadata, timeouts, status messages.

The rules are those of grpc/grpc, doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.status import Metadata

PREFIX = 5
"""Bytes before each message: whether it is compressed, and its length."""

ENCODINGS = ("identity", "deflate", "gzip")
"""How messages may be compressed."""

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
"""Headers that are gRPC's own business and no metadata."""

_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_PLAIN = "".join(chr(byte) for byte in range(0x20, 0x7F) if chr(byte) != "%")


class MessageReader:
    """Takes the bytes of a stream as they come, gives whole messages."""

    def __init__(self, encoding: str = "identity", limit: int = -1) -> None:
        """*encoding* is that of the header ``grpc-encoding``; *limit* the bytes of the largest message, -1 for none.

        Raises :class:`WireError` if the encoding isn't one of ``ENCODINGS``.
        """
        if encoding not in ENCODINGS:
            known = ", ".join(ENCODINGS)
            raise WireError(
                Code.UNIMPLEMENTED, f"The request is compressed as {encoding!r}; this server takes {known}."
            )
        self._encoding = encoding
        self._limit = limit
        self._buffer = bytearray()

    @property
    def is_within_message(self) -> bool:
        """Whether a message has begun that isn't whole yet."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes, and yield the messages that they complete. Raises :class:`WireError`."""
        self._buffer += data
        while len(self._buffer) >= PREFIX:
            compressed, size = self._buffer[0], int.from_bytes(self._buffer[1:PREFIX], "big")
            if compressed > 1:
                raise WireError(Code.INTERNAL, f"A message begins with the flag {compressed}; it must be 0 or 1.")
            if 0 <= self._limit < size:
                raise self._too_large(size)
            if len(self._buffer) < PREFIX + size:
                return
            message = bytes(self._buffer[PREFIX : PREFIX + size])
            del self._buffer[: PREFIX + size]
            yield self._decompress(message) if compressed else message

    def _decompress(self, message: bytes) -> bytes:
        if self._encoding == "identity":
            raise WireError(
                Code.INTERNAL, "A message is compressed, but the header grpc-encoding names no compression."
            )
        decompressor = zlib.decompressobj(_WINDOW_BITS[self._encoding])
        try:
            # One byte more than is allowed shows that there is too much, however much there is.
            plain = decompressor.decompress(message, self._limit + 1 if self._limit >= 0 else 0)
        except zlib.error as error:
            raise WireError(Code.INTERNAL, f"A message can't be decompressed as {self._encoding}: {error}.") from None
        if 0 <= self._limit < len(plain):
            raise self._too_large(len(plain))
        if not decompressor.eof:
            raise WireError(Code.INTERNAL, f"A message ends within its {self._encoding} data.")
        return plain

    def _too_large(self, size: int) -> WireError:
        return WireError(Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {self._limit})")


def framed(message: bytes) -> bytes:
    """Give a message with its prefix, uncompressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def truncated(message: bytes) -> bytes:
    """Give the head of a framed message that announces all of it; of an empty one, part of the prefix."""
    return framed(message)[: PREFIX + len(message) // 2] if message else framed(message)[: PREFIX - 2]


def metadata_of(headers: Iterable[tuple[str, str]]) -> Metadata:
    """Give the metadata among the headers of a request. Raises :class:`WireError` on what is no base64."""
    found: list[tuple[str, str | bytes]] = []
    for key, value in headers:
        if key.startswith(":") or key in _RESERVED:
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
