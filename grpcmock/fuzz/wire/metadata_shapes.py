"""Metadata that any client may send: binary, repeated, large, and with keys that are unusual but legal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.status import Metadata

_LARGE = 4096
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def shapes() -> Iterator[tuple[str, str, Metadata]]:
    """Yield a name, a reason, and the metadata. All of it is within the 8 KiB that every server takes."""
    yield "binary", "every byte in a binary value", (("x-grpcmock-bin", bytes(range(256))),)
    yield "binary-empty", "an empty binary value", (("x-grpcmock-bin", b""),)
    yield "binary-repeated", "three binary values of one key", tuple(("x-grpcmock-bin", bytes([n])) for n in range(3))
    yield "repeated", "twenty values of one key", tuple(("x-grpcmock", str(n)) for n in range(20))
    yield "many", "sixty keys", tuple((f"x-grpcmock-{n}", "v") for n in range(60))
    yield "empty", "an empty value", (("x-grpcmock", ""),)
    yield "printable", "every printable character in a value", (("x-grpcmock", f"{_PRINTABLE} {_PRINTABLE}"),)
    yield "lists", "a value of commas and quotes", (("x-grpcmock", ',,";=,"'),)
    yield "odd-keys", "keys of digits, dots and underscores", (("0", "a"), ("x.y_z-1", "b"), ("_", "c"), ("-", "d"))
    yield "long-key", "a key of 500 characters", (("x-" + "k" * 498, "v"),)
    yield "large-4KiB", "a value of 4 KiB", (("x-grpcmock", "v" * 4096),)
    yield "large-binary", "a binary value of 4 KiB", (("x-grpcmock-bin", bytes(4096)),)
    yield "large-8KiB", "7.5 KiB in all", tuple((f"x-grpcmock-{n}", "v" * 700) for n in range(10))
    for key, value in (
        ("authorization", "Bearer"),
        ("authorization", "Basic %%%"),
        ("cookie", "a=b; =; ;;c"),
        ("traceparent", "00-zz-zz-zz"),
        ("baggage", "=,;="),
        ("x-forwarded-for", "no.address, ,::"),
        ("x-request-id", "../../\\0"),
        ("accept-language", "xx;q=nan"),
        ("date", "never"),
        ("if-match", '"'),
        ("x-goog-request-params", "%zz=&&="),
    ):
        yield f"{key}={value}", f"{key} with a value that makes no sense: {value}", ((key, value),)


def sort_of(pairs: Metadata) -> str:
    """Say what is special about metadata: ``binary``, ``large``, ``repeated``, or ``odd``."""
    keys = [key for key, _ in pairs]
    if sum(len(key) + len(value) for key, value in pairs) >= _LARGE:
        return "large"
    if any(key.endswith("-bin") for key in keys):
        return "binary"
    return "repeated" if len(set(keys)) < len(keys) else "odd"
