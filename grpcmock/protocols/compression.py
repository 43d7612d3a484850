"""Compression of messages and bodies: which one both sides know, and no more out of it than is allowed."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable

from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

ENCODINGS = ("identity", "deflate", "gzip")
"""How messages may be compressed."""

_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_QUALITY = re.compile(r"q=(0(\.[0-9]*)?|1(\.0*)?)")
_LEVEL = 6


def check(encoding: str, encodings: Iterable[str] = ENCODINGS) -> str:
    """Return an encoding as it stands in a header, ``identity`` for an empty one.

    Raises :class:`WireError` if it isn't known.
    """
    encoding = encoding.strip().lower() or "identity"
    if encoding not in encodings:
        known = ", ".join(encodings)
        raise WireError(Code.UNIMPLEMENTED, f"The request is compressed as {encoding!r}; this server takes {known}.")
    return encoding


def decompressed(data: bytes, encoding: str, limit: int) -> bytes:
    """Return data decompressed, of *limit* bytes at most (-1: any). Raises :class:`WireError`."""
    if encoding == "identity":
        return data
    decompressor = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        # One byte more than is allowed shows that there is too much, however much there is.
        plain = decompressor.decompress(data, limit + 1 if limit >= 0 else 0)
    except zlib.error as error:
        raise WireError(Code.INTERNAL, f"A message can't be decompressed as {encoding}: {error}.") from None
    if 0 <= limit < len(plain):
        raise too_large(len(plain), limit)
    if not decompressor.eof:
        raise WireError(Code.INTERNAL, f"A message ends within its {encoding} data.")
    return plain


def compressed(data: bytes, encoding: str) -> bytes:
    """Return data compressed; the same data give the same bytes."""
    if encoding == "identity":
        return data
    return gzip.compress(data, _LEVEL, mtime=0) if encoding == "gzip" else zlib.compress(data, _LEVEL)


def chosen(preferred: str, accepted: str) -> str:
    """Return how to compress: as *preferred*, if that is among those *accepted*, as a header lists them."""
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        if name.strip() == preferred:
            quality = _QUALITY.search(parameter.replace(" ", ""))
            return "identity" if quality and float(quality[1]) == 0 else preferred
    return "identity"


def too_large(size: int, limit: int) -> WireError:
    """Return the error of a message that exceeds the limit, in the words of gRPC's own servers."""
    return WireError(Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})")
