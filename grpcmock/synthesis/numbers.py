"""Numbers within their rules: integers of any width, and floats of both."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.synthesis.keyed_random import KeyedRandom


_TRIES = 40
_BITS = {"f": ("<f", "<i"), "d": ("<d", "<q")}


@dataclass(frozen=True, slots=True)
class Range:
    """The whole range of a type, and what is plausible in it."""

    low: int
    high: int
    likely_low: int
    likely_high: int
    step: int = 1
    """Natural numbers are multiples of this."""


def integer(rules: Mapping[str, Any], kind: Range, random: KeyedRandom, *, zero: bool = True) -> int:
    """Draw an integer that keeps *rules*; the plausible ones first. If none can, the nearest to it.

    *zero* says whether zero may come out.
    """
    if "const" in rules:
        return int(rules["const"])
    refused: set[int] = set(rules.get("not_in", ())) | (set() if zero else {0})
    spans = _spans(rules, kind)
    listed = rules.get("in") or rules.get("example")
    if listed:
        fitting = [n for n in listed if n not in refused and any(low <= n <= high for low, high in spans)]
        if fitting or "in" in rules:
            return int(random.choice(fitting or listed))
    # A span may hold nothing but what is refused: the largest int64 alone, say.
    left = [(low, high) for low, high in spans if not refused.issuperset(range(low, min(high, low + len(refused)) + 1))]
    low, high = min((_likely(span, kind) for span in left or spans), key=lambda span: _distance(span, kind))
    drawn = low
    for _ in range(_TRIES):
        drawn = random.between(low, high)
        if drawn - drawn % kind.step >= low:
            drawn -= drawn % kind.step
        if drawn not in refused:
            return drawn
    outward = (end for far in range(1, len(refused) + 2) for end in (high + far, low - far))
    return next((n for n in outward if n not in refused and any(a <= n <= b for a, b in spans)), drawn)


def _spans(rules: Mapping[str, Any], kind: Range) -> list[tuple[int, int]]:
    """Give the ranges that the bounds leave. A lower bound above the upper one means "outside of the two"."""
    low = max(kind.low, rules["gt"] + 1 if "gt" in rules else rules.get("gte", kind.low))
    high = min(kind.high, rules["lt"] - 1 if "lt" in rules else rules.get("lte", kind.high))
    if low <= high:
        return [(low, high)]
    outside = [span for span in ((low, kind.high), (kind.low, high)) if span[0] <= span[1]]
    return outside or [(kind.low, kind.high)]


def _likely(span: tuple[int, int], kind: Range) -> tuple[int, int]:
    """Narrow a range to its plausible part; else to the end of it that lies nearest."""
    low, high = span
    if low <= kind.likely_high and high >= kind.likely_low:
        return max(low, kind.likely_low), min(high, kind.likely_high)
    width = max(kind.likely_high - kind.likely_low, 100 * kind.step)
    if low > kind.likely_high:
        return low, min(high, low + width)
    return max(low, high - width, 0 if kind.likely_low >= 0 <= high else low), high


def _distance(span: tuple[int, int], kind: Range) -> int:
    return max(0, span[0] - kind.likely_high, kind.likely_low - span[1])


def real(
    rules: Mapping[str, Any], likely: tuple[float, float], random: KeyedRandom, *, width: str = "d", zero: bool = True
) -> float:
    """Draw a float that keeps *rules*, exact in its *width* (``f`` or ``d``); with two decimals where that can be."""
    if "const" in rules:
        return float(rules["const"])

    def keeps(number: float) -> bool:
        return (zero or number != 0) and number not in rules.get("not_in", ()) and _within(rules, number)

    listed = rules.get("in") or rules.get("example")
    if listed:
        fitting = [number for number in listed if keeps(number)]
        if fitting or "in" in rules:
            return float(random.choice(fitting or listed))
    low, high = _real_span(rules, likely, width)
    drawn = low
    for attempt in range(_TRIES):
        exact = low + (high - low) * random.unit()
        drawn = _rounded(round(exact, 2) if attempt < _TRIES // 2 else exact, width)
        if keeps(drawn):
            return drawn
    return next((number for number in (low, high, 0.0) if keeps(number)), drawn)


def _within(rules: Mapping[str, Any], number: float) -> bool:
    over = ("gt" not in rules or number > rules["gt"]) and ("gte" not in rules or number >= rules["gte"])
    under = ("lt" not in rules or number < rules["lt"]) and ("lte" not in rules or number <= rules["lte"])
    low = rules.get("gt", rules.get("gte"))
    high = rules.get("lt", rules.get("lte"))
    outside = low is not None and high is not None and low > high
    bounded = (low is not None, high is not None)
    if outside:
        return over or under
    return all(kept for kept, asked in zip((over, under), bounded, strict=True) if asked)


def _real_span(rules: Mapping[str, Any], likely: tuple[float, float], width: str) -> tuple[float, float]:
    """Give the least and the greatest number to draw from, both allowed."""
    least = _next(rules["gt"], width, 1) if "gt" in rules else rules.get("gte", -math.inf)
    most = _next(rules["lt"], width, -1) if "lt" in rules else rules.get("lte", math.inf)
    if least > most:
        least, most = (least, math.inf) if abs(least) < math.inf else (-math.inf, most)
    low, high = max(least, likely[0]), min(most, likely[1])
    if low <= high:
        return low, high
    reach = max(likely[1] - likely[0], 1.0)
    if least > likely[1]:
        return least, _finite(min(most, least + max(reach, abs(least) / 100)), width)
    return _finite(max(least, most - max(reach, abs(most) / 100)), width), most


def _finite(number: float, width: str) -> float:
    most = 3.4028234663852886e38 if width == "f" else 1.7976931348623157e308
    return min(max(number, -most), most)


def _rounded(number: float, width: str) -> float:
    if width == "d":
        return number
    return float(struct.unpack("<f", struct.pack("<f", _finite(number, "f")))[0])


def _next(number: float, width: str, direction: int) -> float:
    """Give the next representable float above (1) or below (-1)."""
    if width == "d" or math.isinf(number) or math.isnan(number):
        return math.nextafter(number, math.inf * direction)
    real_format, int_format = _BITS[width]
    if number == 0:
        return direction * float(struct.unpack(real_format, struct.pack(int_format, 1))[0])
    bits = struct.unpack(int_format, struct.pack(real_format, number))[0]
    bits += direction if number > 0 else -direction
    return float(struct.unpack(real_format, struct.pack(int_format, bits))[0])
