"""Strings and bytes that servers stumble over, from the plainest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.choices import Draw

PLAIN = ("a", "b", "0", "abc", "Alice", "x1", "item-1", "42", "A", "hello world")

ODD = (
    " ",
    "\t",
    "\n",
    "\x00",
    "a\x00b",
    "\x7f",
    "\u00a0",  # a blank that does not break
    "\ufeff",  # a byte order mark
    "\u200b",  # a blank of no width
    "e\u0301",  # combining: é in two code points, …
    "\u00e9",  # … and in one
    "a" + "\u0300" * 12,
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",  # right to left
    "\u202eabc",  # the mark that turns the direction
    "\U0001f600",  # four bytes
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # three people joined to one picture
    "\U0010ffff",
    "\ud7ff\ue000",  # the neighbors of the surrogates
    "\u0130i\u0131I",  # letters whose case depends on the language
    "\u00df",
    "\ufb01",  # a ligature, which normalization takes apart
    "\u4f60\u597d",
    "' OR '1'='1",
    '"',
    "\\",
    "`",
    "<b>&amp;</b>",
    "../../etc/passwd",
    "/",
    "//",
    "a/b",
    "C:\\x",
    "%s%n",
    "%00",
    "{}",
    "{0}",
    "${x}",
    "{{7*7}}",
    "null",
    "None",
    "NaN",
    "true",
    "-1",
    "0x10",
    "1e999",
    "9223372036854775808",
    "2024-02-30",
    "a,b;c",
    "a=b&c=d",
    "-rf",
    "*",
    "http://[::1",
    "a@b",
)
"""Blank, with control characters, combining, right to left, of four bytes; like paths, formats, numbers, code."""

LENGTHS = (16, 64, 255, 256, 257, 1_000, 1_024, 4_096, 10_000, 65_536)
_UNITS = ("a", "x ", "\u00e9", "\U0001f600", "/a", "\x00", "1", "(")
_ALPHABET = "ab01 -_.AZz9/:@\n\u00e9\u00df\u6f22\U0001f600"
_MOST_CHARACTERS = 24

ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\xff\xfe",
    b"\x80",
    b"\xc3\x28",  # invalid as UTF-8
    b"\x00" * 8,
    b"\x89PNG\r\n\x1a\n",
    b"\x1f\x8b\x08\x00",  # the beginning of a gzip stream
    b"{}",
    b"\x0a\x02\x08\x01",  # a message
    b"\x08",  # half a message
    b"a",
)


def plain(draw: Draw) -> str:
    return PLAIN[draw(len(PLAIN))]


def unusual(draw: Draw) -> str:
    return ODD[draw(len(ODD))]


def characters(draw: Draw) -> str:
    """Draw a few characters, each followed by the question whether there is one more."""
    made: list[str] = []
    while draw(5) and len(made) < _MOST_CHARACTERS:
        which = draw(len(_ALPHABET) + 3)
        if which < len(_ALPHABET):
            made.append(_ALPHABET[which])
        else:
            code = draw(0x110000 - 0x800)  # any character but the surrogates, which no string of a message may hold
            made.append(chr(code if code < 0xD800 else code + 0x800))
    return "".join(made)


def long(draw: Draw) -> str:
    """Draw a unit and how often it comes: a very long string costs two choices."""
    return _UNITS[draw(len(_UNITS))] * LENGTHS[draw(len(LENGTHS))]


def unusual_bytes(draw: Draw) -> bytes:
    return ODD_BYTES[draw(len(ODD_BYTES))]


def octets(draw: Draw) -> bytes:
    made = bytearray()
    while draw(5) and len(made) < _MOST_CHARACTERS:
        made.append(draw(256))
    return bytes(made)


def long_bytes(draw: Draw) -> bytes:
    return bytes((draw(256),)) * LENGTHS[draw(len(LENGTHS))]


def of_pool(pool: Sequence[Any]) -> Callable[[Draw], Any]:
    """Give a drawer of one of *pool*."""
    values, size = tuple(pool), len(pool)
    if size == 1:
        only = values[0]
        return lambda _: only
    return lambda draw: values[draw(size)]
