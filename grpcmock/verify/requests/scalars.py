"""Single values that may satisfy some constraints: those that they mention, what lies beside them, and natural ones."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import INT, WELL_KNOWN
from grpcmock.matching.matcher import Equals, In
from grpcmock.matching.operators.encoded import Embedded, Json
from grpcmock.matching.operators.scalars import Affix, Approx, Compare, IgnoreCase, Regex, Size
from grpcmock.stubs.operators import Family
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.regex import examples
from grpcmock.verify.requests.constraints import Constraints, alternatives, satisfied

if TYPE_CHECKING:
    from grpcmock.matching.matcher import Matcher
    from grpcmock.matching.value_types import ScalarType

Solve = Callable[["Matcher"], Iterator[Any]]
"""Yields values that satisfy a matcher, as ProtoJSON; for what stands inside of strings and bytes."""

_SECOND = 10**9
_WORDS = ("value", "Alice", "a", "x1", "Berlin 7", "")
_EXAMPLES = 12
_MAX_LENGTH = 1 << 20


def pool(atoms: Constraints, kind: ScalarType, natural: Any, inside: Solve) -> Iterator[Any]:
    """Yield values of a scalar kind, as matchers see them, the likeliest first; one of them satisfies most constraints.

    Of numbers, whatever *atoms* leave open is among them. *natural* is a value that would fit the field, or ABSENT.
    """
    named = list(_named(atoms))
    yield from named
    if kind.family is Family.STRING:
        yield from texts(atoms, natural, inside)
    elif kind.family is Family.BYTES:
        yield from octets(atoms, natural, inside)
    elif kind.family in Family.ORDERED | Family.FLOAT:
        is_moment = kind is WELL_KNOWN["google.protobuf.Timestamp"] or kind is WELL_KNOWN["google.protobuf.Duration"]
        yield from numbers(atoms, natural, step=_SECOND if is_moment else 1)
    elif natural is not ABSENT:
        yield natural
    if kind.default is False:
        yield from (True, False)
    if kind is WELL_KNOWN["google.protobuf.FieldMask"]:
        yield frozenset()


def _named(atoms: Constraints) -> Iterator[Any]:
    for matcher, wanted in atoms:
        if wanted and isinstance(matcher, Equals):
            yield matcher.expected
        elif wanted and isinstance(matcher, In):
            yield from (value for value in matcher.values if value is not ABSENT)


# --- Numbers ----------------------------------------------------------------------------------------------------------


def numbers(atoms: Constraints, natural: Any, *, step: int = 1) -> Iterator[Any]:
    """Yield the numbers at, beside and between those that the constraints mention."""
    points = sorted(dict.fromkeys(point for point in _points(atoms) if not _is_infinite(point)))
    if not points and natural is not ABSENT:
        yield natural
    for point in points:
        yield from (point + step, point - step, point)
    for low, high in pairwise(points):
        yield low + (high - low) // 2 if isinstance(low, int) and isinstance(high, int) else low + (high - low) / 2
    for point in points:
        if isinstance(point, float):
            yield from (math.nextafter(point, math.inf), math.nextafter(point, -math.inf))
        elif step > 1:
            yield from (point + 1, point - 1)
    if points and natural is not ABSENT:
        yield natural
    yield from (1, 2, 0, 3, 7, 42, -1, 1000, 2**31 - 1, -(2**31), 2**63 - 1)


def _is_infinite(point: Any) -> bool:
    return isinstance(point, float) and not math.isfinite(point)


def _points(atoms: Constraints) -> Iterator[Any]:
    for matcher, _ in atoms:
        match matcher:
            case Equals() | Compare():
                if isinstance(matcher.expected, (int, float)):
                    yield matcher.expected
            case In():
                yield from (value for value in matcher.values if isinstance(value, (int, float)))
            case Approx():
                yield from (matcher.value, matcher.value - matcher.within, matcher.value + matcher.within)


def sizes(atoms: Constraints, least: int = 0) -> list[int]:
    """Return lengths that satisfy all ``$size`` among *atoms*, the smallest first; those from *least* on go before."""
    found: dict[int, None] = {}
    wanted = [(matcher.inner, wanted) for matcher, wanted in atoms if isinstance(matcher, Size)]
    for inner in alternatives(wanted):
        given = [matcher.expected for matcher, positive in inner if positive and isinstance(matcher, Equals)]
        for size in chain(given, numbers(inner, ABSENT), range(6), (least,)):
            if isinstance(size, int) and 0 <= size <= _MAX_LENGTH and satisfied(inner, INT.read(size)):
                found[size] = None
    return sorted(found, key=lambda size: (size < least, size))


# --- Strings ----------------------------------------------------------------------------------------------------------


def texts(atoms: Constraints, natural: Any, inside: Solve) -> Iterator[str]:
    """Yield strings built of the pieces that the constraints mention."""
    wanted = [matcher for matcher, positive in atoms if positive]
    lengths = sizes(atoms, 1)[:6] if any(isinstance(matcher, Size) for matcher, _ in atoms) else []
    for matcher in wanted:
        match matcher:
            case IgnoreCase():
                written = matcher.written
                yield from (written, written.lower(), written.upper(), written.swapcase())
            case Json():
                yield from (json.dumps(value, ensure_ascii=False) for value in inside(matcher.inner))
    affixes = [matcher for matcher in wanted if isinstance(matcher, Affix)]
    prefix, suffix, *middles = _pieces(affixes)
    for core in _cores(atoms, natural, lengths):
        for text in _around(core, prefix, suffix, middles):
            yield text
            yield from (_resized(text, length, prefix, suffix) for length in lengths)
    for matcher, _ in atoms:
        if isinstance(matcher, Compare) and isinstance(matcher.expected, str):
            yield from (matcher.expected, f"{matcher.expected}a", matcher.expected[:-1])


def _pieces(affixes: Iterable[Affix]) -> list[str]:
    """Return the longest prefix and suffix, then what must stand anywhere."""
    by_name: dict[str, list[str]] = {"$prefix": [""], "$suffix": [""], "$contains": []}
    for matcher in affixes:
        by_name[matcher.name].append(matcher.expected)
    return [max(by_name["$prefix"], key=len), max(by_name["$suffix"], key=len), *by_name["$contains"]]


def _cores(atoms: Constraints, natural: Any, lengths: list[int]) -> Iterator[str]:
    regexes = [matcher for matcher, wanted in atoms if wanted and isinstance(matcher, Regex)]
    found = [list(_matching(regex, lengths)) for regex in regexes]
    for some in found:
        yield from some
    if len(found) > 1:
        yield from ("".join(parts) for parts in zip(*found, strict=False))
    if isinstance(natural, str):
        yield natural
    yield from _WORDS


def _matching(regex: Regex, lengths: list[int]) -> Iterator[str]:
    random = KeyedRandom(regex.written.encode("utf-8", "surrogatepass"))
    if regex.name == "$glob":
        filled = re.sub(r"\[!?\]?[^\]]*\]", "[]", regex.written)
        for star in ("x", "", "value"):
            for one in "a1-":
                yield filled.replace("*", star).replace("?", one).replace("[]", one)
        sets = re.findall(r"\[(?!!)(\]?[^\]]*)\]", regex.written)
        if sets:
            picked = iter(members[0] for members in sets if members)
            yield re.sub(r"\[\]", lambda _: next(picked, "a"), filled.replace("*", "x").replace("?", "a"))
        return
    seen: dict[str, None] = {}
    for length in lengths or [0]:
        made = examples(regex.written, random, length, length) if length else examples(regex.written, random)
        for text in made:
            seen[text] = None
            if len(seen) >= _EXAMPLES:
                break
    yield from seen


def _around(core: str, prefix: str, suffix: str, middles: list[str]) -> Iterator[str]:
    """Put pieces around a core, sharing what they have in common, in the orders that may do."""
    if suffix and suffix[0] in core and not core.endswith(suffix):
        core = core[: core.rindex(suffix[0])]  # an address of another domain, a file with another ending
    begun = core if core.startswith(prefix) else prefix + core
    for middle in middles:
        if middle not in begun:
            begun += middle
    yield begun if begun.endswith(suffix) else _joined(begun, suffix)
    yield begun + suffix
    inner = "".join(middles)
    yield _joined(_joined(prefix, inner), suffix) if prefix or inner else suffix


def _joined(left: str, right: str) -> str:
    for size in range(min(len(left), len(right)), 0, -1):
        if left.endswith(right[:size]):
            return left + right[size:]
    return left + right


def _resized(text: str, length: int, prefix: str, suffix: str) -> str:
    """Make a text as long as is asked for, by what stands between its ends."""
    end = len(text) - len(suffix) if text.endswith(suffix) else len(text)
    head, tail = text[:end], text[end:]
    room = length - len(tail)
    if room >= len(head):
        return head + "a" * (room - len(head)) + tail
    return head[: max(room, min(len(prefix), len(head)))] + tail


# --- Bytes ------------------------------------------------------------------------------------------------------------


def octets(atoms: Constraints, natural: Any, inside: Solve) -> Iterator[bytes]:
    """Yield bytes built of what the constraints mention."""
    wanted = [matcher for matcher, positive in atoms if positive]
    for matcher in wanted:
        if isinstance(matcher, Embedded):
            yield from inside(matcher)
    prefix = max((matcher.expected for matcher in wanted if isinstance(matcher, Affix)), key=len, default=b"")
    lengths = sizes(atoms, 1)[:6]
    for core in (natural if isinstance(natural, bytes) else b"value", b"\x00\x01", b"\xff\xff", b""):
        text = core if core.startswith(prefix) else prefix + core
        yield text
        yield from ((text + b"a" * length)[:length] for length in lengths)
