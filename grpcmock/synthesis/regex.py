"""Strings that match a regular expression, as long as is wished."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.synthesis.regex_syntax import (
    ALL,
    MOST_COPIES,
    PRINTABLE,
    Chars,
    Copies,
    Either,
    Node,
    Ranges,
    Sequence,
    UnreadableError,
    parse,
)

if TYPE_CHECKING:
    from grpcmock.synthesis.keyed_random import KeyedRandom

_DAY = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)")
_TIME = re.compile(r"(?<!\d)(\d\d):(\d\d)(?!\d)")
"""What is written like a day or a time of day should be one."""

_SENSIBLE = 30
"""So many of them are; a pattern may have no room for those that there are."""

_PREFERRED = (((97, 122),), ((97, 122), (48, 57)), ((65, 90), (97, 122), (48, 57)), PRINTABLE, ALL)
"""What to write where a class leaves a choice: the plainest characters first."""


def examples(pattern: str, random: KeyedRandom, shortest: int = 0, longest: float = math.inf) -> Iterator[str]:
    """Yield strings meant to match *pattern*, of *shortest* to *longest* characters where the pattern has such.

    Nothing is promised: the caller checks each. Nothing at all comes of a pattern that can't be read.
    """
    try:
        node = parse(pattern)
    except UnreadableError:
        return
    low = max(shortest, node.shortest)
    high = min(longest, node.longest)
    natural = min(high, max(low, node.shortest + 6)) if node.shortest < 6 else low
    for attempt in range(40):
        wished = natural if attempt < 8 else random.between(low, int(max(low, min(high, low + 4 * attempt))))
        written = _write(node, random, int(wished))
        sensible = _TIME.sub(_on_the_clock, _DAY.sub(_in_the_calendar, written))
        yield sensible if attempt < _SENSIBLE else written


def _in_the_calendar(found: re.Match[str]) -> str:
    """Return a day that there is for the digits of one."""
    year, month, day = (int(part) for part in found.groups())
    return f"{year:04}-{month % 12 + 1:02}-{day % 28 + 1:02}"


def _on_the_clock(found: re.Match[str]) -> str:
    return f"{int(found[1]) % 24:02}:{int(found[2]) % 60:02}"


def _write(node: Node, random: KeyedRandom, wished: int) -> str:
    """Write an example of *node*, as near to *wished* characters as its parts allow."""
    match node:
        case Chars():
            return _char(node.ranges, random)
        case Sequence():
            spare = max(0, wished - node.shortest)
            return "".join(_write(part, random, size) for part, size in _shares(node.parts, spare, random))
        case Either():
            fitting = [b for b in node.branches if b.shortest <= wished <= b.longest]
            return _write(random.choice(fitting or node.branches), random, wished)
        case Copies():
            return _write_copies(node, random, wished)


def _shares(parts: tuple[Node, ...], spare: int, random: KeyedRandom) -> Iterator[tuple[Node, int]]:
    """Share *spare* characters out among those parts that can grow."""
    growing = sum(part.longest > part.shortest for part in parts)
    for position, part in enumerate(parts):
        room = part.longest - part.shortest
        if not room:
            yield part, part.shortest
            continue
        growing -= 1
        later = sum(other.longest - other.shortest for other in parts[position + 1 :])
        most = int(min(room, spare))
        least = int(max(0, spare - later))
        share = min(most, random.between(least, max(least, 2 * spare // (growing + 1)))) if growing else most
        spare -= share
        yield part, part.shortest + share


def _write_copies(node: Copies, random: KeyedRandom, wished: int) -> str:
    least, most = node.least, int(min(node.most, MOST_COPIES, max(node.least, wished)))
    unit_low, unit_high = max(1, node.node.shortest), max(1, node.node.longest)
    fewest = max(least, min(most, math.ceil(wished / unit_high)))
    largest = max(fewest, min(most, wished // unit_low))
    count = random.between(fewest, largest)
    pieces = []
    left = wished
    for remaining in range(count, 0, -1):
        piece = _write(node.node, random, round(left / remaining))
        left = max(0, left - len(piece))
        pieces.append(piece)
    return "".join(pieces)


def _char(ranges: Ranges, random: KeyedRandom) -> str:
    plain = _plainest(ranges)
    if not plain:
        return ""
    low, high = random.choice(plain)
    code = random.between(low, high)
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"


@lru_cache(maxsize=512)
def _plainest(ranges: Ranges) -> Ranges:
    """Keep the plainest characters of a class; none of an empty one."""
    for preferred in _PREFERRED:
        common = tuple(
            (max(low, wanted_low), min(high, wanted_high))
            for low, high in ranges
            for wanted_low, wanted_high in preferred
            if max(low, wanted_low) <= min(high, wanted_high)
        )
        if common:
            return common
    return ()
