"""Raw requests: a good gRPC request over HTTP/2, and the parts to make a bad one of."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.client.raw import Fields, RawRequest

if TYPE_CHECKING:
    from grpcmock.schema import Method

GOOD: Fields = (
    (":method", "POST"),
    (":scheme", ""),
    (":path", ""),
    (":authority", ""),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("user-agent", "grpcmock"),
)
"""The header fields of a good request, its path to be filled in."""

_BOMB_BLOCK = bytes(1 << 20)
_GZIP_HEADER = bytes.fromhex("1f8b08 00 00000000 02 ff")  # RFC 1952: deflate, no name, no time, compressed best


def good(path: str, *messages: bytes) -> RawRequest:
    """Make the request that a gRPC library would send, each message in a DATA frame of its own.

    Without messages an empty frame ends it, as from a library: grpc-go lets a handler wait for ever for the end of a
    stream that came with the headers.
    """
    return RawRequest(headers=with_fields(GOOD, {":path": path}), chunks=tuple(map(framed, messages)) or (b"",))


def of(method: Method, *messages: bytes) -> RawRequest:
    """Make the good request of a method."""
    return good(method.path, *messages)


def framed(message: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """Put gRPC's prefix before a message; with a *flag* or a *length* that may be wrong."""
    size = len(message) if length is None else length
    return bytes([flag]) + size.to_bytes(4, "big") + message


def with_fields(fields: Fields, changed: dict[str, str | None]) -> Fields:
    """Give header fields with some changed, added at the end, or, for None, left out."""
    kept = [(key, changed.get(key, value)) for key, value in fields]
    present = {key for key, _ in fields}
    kept += [(key, value) for key, value in changed.items() if key not in present]
    return tuple((key, value) for key, value in kept if value is not None)


def headed(request: RawRequest, changed: dict[str, str | None]) -> RawRequest:
    """Give a request with some header fields changed."""
    return replace(request, headers=with_fields(request.headers, changed))


def extended(request: RawRequest, *fields: tuple[str, str]) -> RawRequest:
    """Give a request with more header fields."""
    return replace(request, headers=(*request.headers, *fields))


def packed(message: bytes, encoding: str) -> bytes:
    """Compress a message; the same bytes in every run."""
    return gzip.compress(message, 6, mtime=0) if encoding == "gzip" else zlib.compress(message, 6)


@lru_cache(maxsize=4)
def bomb(head: bytes, size: int) -> bytes:
    """Compress with gzip *head* and *size* zeros after it: some thousandth of their size, always the same bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # A full flush leaves no way back over it: what comes after it is the same wherever it stands.
    block = packer.compress(_BOMB_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(bytes(size % len(_BOMB_BLOCK))) + packer.flush()
    crc = zlib.crc32(head)
    for _ in range(size // len(_BOMB_BLOCK)):
        crc = zlib.crc32(_BOMB_BLOCK, crc)
    crc = zlib.crc32(bytes(size % len(_BOMB_BLOCK)), crc)
    trailer = struct.pack("<II", crc, (len(head) + size) % 2**32)
    return _GZIP_HEADER + start + block * (size // len(_BOMB_BLOCK)) + end + trailer
