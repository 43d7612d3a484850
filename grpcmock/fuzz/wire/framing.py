"""Requests whose messages are framed wrongly, unusually, or not to the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.wire.requests import extended, framed, good, headed

if TYPE_CHECKING:
    from grpcmock.client.raw import RawRequest


@dataclass(frozen=True, slots=True)
class RawVariant:
    """A request, and why it is as it is."""

    name: str
    why: str
    rule: str
    request: RawRequest


def broken(path: str, message: bytes, *, first: tuple[bytes, ...] = ()) -> Iterator[RawVariant]:
    """Yield requests that hold no whole message where one must be; good messages may come *first*."""
    for name, why, rule, chunk in (
        ("length-long", "a length prefix that announces ten bytes too many", "length", _announcing(message, 10)),
        ("length-4GiB", "a length prefix of 2^32 - 1", "length", framed(message, length=(1 << 32) - 1)),
        ("message-cut", "a message cut short by the end of the stream", "length", framed(message + b"\x78\1")[:-1]),
        ("prefix-cut", "three of the five bytes of a prefix", "prefix", framed(message)[:3]),
        ("flag-2", "the flag 2 in the prefix", "flag", framed(message, flag=2)),
        ("flag-255", "the flag 255 in the prefix", "flag", framed(message, flag=255)),
    ):
        request = replace(good(path), chunks=(*map(framed, first), chunk))
        yield RawVariant(name, why, f"framing.{rule}", request)


def _announcing(message: bytes, more: int) -> bytes:
    return framed(message, length=len(message) + more)


def split_unusually(path: str, message: bytes, *, streams: bool) -> Iterator[RawVariant]:
    """Yield good requests whose DATA frames fall elsewhere than a library would put them."""
    request, data = good(path, message), framed(message)
    ways = {
        "byte-by-byte": ("each byte in a frame of its own", tuple(data[i : i + 1] for i in range(len(data)))),
        "prefix-apart": ("the prefix and the message in frames of their own", (data[:5], data[5:])),
        "empty-frames": ("empty frames before, within and after", (b"", data[:3], b"", data[3:], b"")),
    }
    if streams:
        ways["one-frame"] = ("two messages in one frame", (data + data,))
        ways["across"] = ("two messages, cut within the second one's prefix", (data + data[:2], data[2:]))
    for name, (why, chunks) in ways.items():
        yield RawVariant(name, f"a good request with {why}", "framing.split", replace(request, chunks=chunks))


def unfinished(path: str, message: bytes) -> Iterator[RawVariant]:
    """Yield requests that don't end as they should, which a server must survive."""
    request = good(path, message)
    timed = extended(request, ("grpc-timeout", "200m"))
    yield RawVariant("no-half-close", "no half-close, and a deadline", "ending.open", replace(timed, end_stream=False))
    nothing = replace(timed, chunks=(), end_stream=False)
    yield RawVariant("nothing", "headers, then nothing, and a deadline", "ending.open", nothing)
    yield RawVariant(
        "reset-at-once", "a reset right after the headers", "ending.reset", replace(request, reset_after=0)
    )
    half = replace(request, chunks=(framed(message, length=len(message) + 10),), reset_after=1)
    yield RawVariant("reset-within", "a reset within a message", "ending.reset", half)
    whole = replace(request, reset_after=1)
    yield RawVariant("reset-after", "a reset after the message, before half-close", "ending.reset", whole)
    late = replace(request, after_end=(framed(message),))
    yield RawVariant("data-late", "data after half-close, which HTTP/2 forbids", "ending.late", late)


def ill_headed(path: str, message: bytes) -> Iterator[RawVariant]:
    """Yield requests whose headers break the rules of HTTP/2 or gRPC, which a server may refuse as it likes."""
    request = good(path, message)
    changes: dict[str, tuple[str, dict[str, str | None]]] = {
        "te-missing": ("no te header", {"te": None}),
        "te-wrong": ("te: gzip", {"te": "gzip"}),
        "content-type-missing": ("no content-type", {"content-type": None}),
        "content-type-text": ("content-type: text/plain", {"content-type": "text/plain"}),
        "content-type-unknown": ("an unknown codec in content-type", {"content-type": "application/grpc+grpcmock"}),
        "method-get": ("the method GET", {":method": "GET"}),
        "method-put": ("the method PUT", {":method": "PUT"}),
        "method-empty": ("an empty method", {":method": ""}),
        "path-missing": ("no path", {":path": None}),
        "path-relative": ("a path without a slash", {":path": path.removeprefix("/")}),
        "path-root": ("the path /", {":path": "/"}),
        "path-query": ("a path with a query", {":path": f"{path}?x=1"}),
        "scheme-odd": ("the scheme gopher", {":scheme": "gopher"}),
        "authority-odd": ("an authority that is no host", {":authority": "%%%/\\"}),
        "length-wrong": ("a content-length that is too large", {"content-length": "1000000"}),
        "encoding-empty": ("an empty grpc-encoding", {"grpc-encoding": ""}),
    }
    for timeout in ("", "1", "S", "1x", "-1S", "1.5S", "999999999S", " 1S"):
        changes[f"timeout-{timeout!r}"] = (f"grpc-timeout: {timeout!r}", {"grpc-timeout": timeout})
    for name, (why, changed) in changes.items():
        yield RawVariant(name, why, "headers", headed(request, changed))
    fields = {
        "key-upper": ("a key in upper case", (("X-Grpcmock", "1"),)),
        "key-space": ("a key with a space", (("x grpcmock", "1"),)),
        "key-empty": ("an empty key", (("", "1"),)),
        "value-control": ("a value with control characters", (("x-grpcmock", "a\0b\r\nc"),)),
        "value-bytes": ("a value that isn't ASCII", (("x-grpcmock", "\x80\xff"),)),
        "base64-bad": ("a binary value that is no base64", (("x-grpcmock-bin", "!not base64!"),)),
        "base64-cut": ("a binary value whose base64 is cut", (("x-grpcmock-bin", "A"),)),
        "details-bad": ("a grpc-status-details-bin of the client's", (("grpc-status-details-bin", "////"),)),
        "status": ("a grpc-status of the client's", (("grpc-status", "0"),)),
        "connection": ("a header of HTTP/1: connection", (("connection", "close"),)),
        "pseudo-late": ("a pseudo-header after the others", ((":path", path),)),
        "pseudo-unknown": ("an unknown pseudo-header", ((":grpcmock", "1"),)),
        "large-64KiB": ("64 KiB of metadata", tuple((f"x-grpcmock-{i}", "v" * 1000) for i in range(64))),
        "large-1MiB": ("1 MiB of metadata", tuple((f"x-grpcmock-{i}", "v" * 8000) for i in range(128))),
        "many": ("one key two thousand times", (("x-grpcmock", "v"),) * 2000),
    }
    for name, (why, added) in fields.items():
        yield RawVariant(name, why, "headers", extended(request, *added))
