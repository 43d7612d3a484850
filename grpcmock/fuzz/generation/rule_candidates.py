"""Values worth trying against the rules of a field: at their bounds and around them, and such as break formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation import scalars, texts
from grpcmock.synthesis import numbers, regex
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.planning import FieldPlan, Shape

if TYPE_CHECKING:
    from grpcmock.schema.annotations import Rules

_LONGEST = 70_000
"""Longer strings are not tried, nor …"""

MOST_ITEMS = 1_000
"""… more items."""

_INSIDE = 24
_BOUNDS = ("gt", "gte", "lt", "lte", "const")
_SIZES = ("min_len", "max_len", "len", "min_bytes", "max_bytes", "len_bytes")
_MALFORMED = (
    *(
        "a b",
        "@",
        "a@",
        "@b.c",
        "a@b@c",
        "a@-b.c",
        "::1::",
        "1.2.3",
        "256.1.1.1",
        "1.2.3.4/33",
        "1.2.3.4/24",
        "::1/129",
    ),
    *("2001:db8::1/32", "http://[", "http://%%%", "://", "%zz", "-a-.", "a..b", "host:", "host:99999", ":80", "a_b"),
    *("123e4567-e89b-12d3-a456-42661417400", "123e4567e89b12d3a45642661417400g", "g" * 36, "01ARZ3NDEKTSV4RRFFQ69G5FA"),
    *("1a.b", ".1a", "a.", "x: y\r\nz", "\x7f"),
)
"""Near misses of e-mail and IP addresses, URIs, host names, UUIDs, ULIDs, qualified names, header values."""


def values(plan: FieldPlan, rules: Rules, natural: Sequence[Any]) -> Iterator[Any]:
    """Yield values of a scalar or enum field, or of the elements of a list, to be checked by its rules.

    *natural* ones keep the rules, as far as is known.
    """
    yield from natural
    listed = rules.values
    yield from listed.get("in", ())
    yield from listed.get("not_in", ())
    yield from listed.get("example", ())
    if "const" in listed and plan.shape is not Shape.MESSAGE:
        yield listed["const"]
    yield from _BY_SHAPE[plan.shape](plan, rules, natural)


def _integers(plan: FieldPlan, rules: Rules, natural: Sequence[Any]) -> Iterator[Any]:
    low, high = plan.limits
    wanted: list[int] = [0, 1]
    for number in (*_numbers(rules.values), *(n for n in plan.literals if isinstance(n, (int, float))), *natural):
        wanted += [int(number) + step for step in (0, -1, 1, -2, 2)]
    wanted += _inside(plan, rules)
    wanted += scalars.integers_at_bounds(low, high)
    yield from (number for number in wanted if low <= number <= high)


def _inside(plan: FieldPlan, rules: Rules) -> Iterator[int]:
    """Yield numbers from everywhere between the bounds."""
    low, high = plan.limits
    for index in range(_INSIDE):
        random = KeyedRandom(f"{plan.descriptor.full_name}~{index}".encode())
        yield numbers.integer(rules.values, numbers.Range(low, high, low, high), random)


def _reals(plan: FieldPlan, rules: Rules, natural: Sequence[Any]) -> Iterator[Any]:
    narrow = plan.descriptor.type == FieldDescriptor.TYPE_FLOAT
    for number in (*_numbers(rules.values), *(n for n in plan.literals if isinstance(n, (int, float))), *natural):
        near = scalars.narrowed(number) if narrow else float(number)
        yield from (near, next_real(near, 1, narrow=narrow), next_real(near, -1, narrow=narrow), near + 1, near - 1)
    yield from scalars.reals_at_bounds(narrow=narrow)


def next_real(number: float, direction: int, *, narrow: bool) -> float:
    """Give the next float above (1) or below (-1), in 32 bits if *narrow*."""
    if not narrow or math.isinf(number) or math.isnan(number):
        return math.nextafter(number, math.inf * direction)
    step = max(abs(number) * 2.0**-24, 2.0**-150)
    for factor in (1.0, 1.5, 2.0):
        following = scalars.narrowed(number + direction * step * factor)
        if following != number:
            return following
    return number


def _numbers(rules: Mapping[str, Any]) -> Iterator[Any]:
    for name in _BOUNDS:
        if isinstance(rules.get(name), (int, float)):
            yield rules[name]


def _flags(_: FieldPlan, __: Rules, ___: Sequence[Any]) -> Iterator[Any]:
    yield from (False, True)


def _enums(plan: FieldPlan, _: Rules, __: Sequence[Any]) -> Iterator[Any]:
    enum = plan.descriptor.enum_type
    assert enum is not None
    yield from scalars.declared(enum)
    if not enum.is_closed:
        yield from scalars.undeclared(enum)


def _texts(plan: FieldPlan, rules: Rules, natural: Sequence[Any]) -> Iterator[Any]:
    yield ""
    for size in sizes(rules.values, _SIZES, _LONGEST):
        yield from of_length(rules, natural, size)
    for known in (*natural[:2], *rules.values.get("in", ())[:2], rules.values.get("const", "")):
        yield from _near(known)
    for name in ("prefix", "suffix", "contains", "not_contains"):
        if part := rules.values.get(name):
            yield from (
                part,
                part[:-1],
                f"{part}{part}",
                f"x{part}x",
                *(_without(known, part) for known in natural[:2]),
            )
    if pattern := rules.values.get("pattern"):
        yield from regex.examples(pattern, KeyedRandom(pattern.encode()))
    for literal in plan.literals:
        if isinstance(literal, str):
            yield from (literal, f"{literal}x", f"x{literal}")
        elif 0 <= literal <= _LONGEST:
            yield from ("a" * max(0, int(literal) + step) for step in (-1, 0, 1))
    yield from _MALFORMED
    yield from texts.PLAIN
    yield from texts.ODD


def _near(known: str) -> Iterator[str]:
    """Yield what differs from a fitting text by as little as possible."""
    if not known:
        return
    yield from (f"{known}!", f"!{known}", f"{known} ", f" {known}", f"{known}\n", known[:-1], known[1:])
    yield from (known.upper(), known.lower(), f"{known}{known}", f"!{known[1:]}", f"{known[:-1]}!", f"{known}/x")


def _without(known: str, part: Any) -> Any:
    return known.replace(part, type(known)())


def of_length(rules: Rules, natural: Sequence[Any], size: int) -> Iterator[str]:
    """Yield texts of *size* characters, or bytes: such that keep the other rules, if possible."""
    for known in natural[:3]:
        padding = size - len(known)
        yield known + (known[-1:] or "a") * padding if padding >= 0 else known[:size]
        yield known[: len(known) // 2] + "a" * padding + known[len(known) // 2 :] if padding > 0 else known[-size:]
    if pattern := rules.values.get("pattern"):
        yield from regex.examples(pattern, KeyedRandom(pattern.encode()), size, size)
    prefix, inside, suffix = (rules.values.get(name, "") for name in ("prefix", "contains", "suffix"))
    room = size - len(prefix) - len(inside) - len(suffix)
    if room >= 0:
        yield f"{prefix}{'a' * room}{inside}{suffix}"
    yield "a" * size
    yield "\u00e9" * size
    yield "\u00e9" * (size // 2) + "a" * (size % 2)


def _octets(_: FieldPlan, rules: Rules, natural: Sequence[Any]) -> Iterator[Any]:
    yield b""
    for size in sizes(rules.values, ("min_len", "max_len", "len"), _LONGEST):
        yield b"a" * size
        yield from (known[:size].ljust(size, b"a") for known in natural[:2])
    yield from (b"a" * size for size in (3, 4, 5, 15, 16, 17))
    for known in (*natural[:2], rules.values.get("const", b"")):
        if known:
            yield from (known[:-1], known[1:], known + b"\x00", b"\x00" + known, known[:-1] + b"!", b"!" + known[1:])
    for name in ("prefix", "suffix", "contains"):
        if part := rules.values.get(name):
            yield from (part, part[:-1], *(_without(known, part) for known in natural[:2]))
    yield from (item + b"x" for item in rules.values.get("in", ()))
    yield from texts.ODD_BYTES


def sizes(rules: Mapping[str, Any], names: Iterable[str], longest: int) -> Iterator[int]:
    """Yield the sizes that rules name, and those next to them."""
    named = [int(rules[name]) for name in names if name in rules]
    yield from dict.fromkeys(n for size in named for n in (size, size - 1, size + 1) if 0 <= n <= longest)


def lists(
    plan: FieldPlan, good: Sequence[Any], bad: Sequence[Any], naturals: Sequence[list[Any]]
) -> Iterator[list[Any]]:
    """Yield lists to be checked: of *good* items, of which some may be the same, and with one *bad* one."""
    yield from naturals
    rules = plan.rules.values
    yield []
    guesses = [int(n) for n in plan.literals if isinstance(n, (int, float)) and 0 <= n <= MOST_ITEMS]
    counts = [*sizes(rules, ("min_items", "max_items"), MOST_ITEMS), *guesses, 1, 2, 3]
    whole = max(naturals, key=len, default=[])
    for count in dict.fromkeys(counts):
        if distinct := _distinct(plan, [*whole, *good], count):
            yield distinct
        if good and count:
            yield [good[-1]] * count
    least = max(1, int(rules.get("min_items", 1)))
    if good and least <= MOST_ITEMS:
        start = (_distinct(plan, [*whole, *good], least) or [good[-1]] * least)[: max(0, least - 1)]
        yield from ([*start, item] for item in bad)
        yield from ([*start, item] for item in good)


def _distinct(plan: FieldPlan, items: Sequence[Any], count: int) -> list[Any]:
    """Give *count* different items; none if there are not so many."""
    found: list[Any] = []
    for item in (*items, *_more(plan, items)):
        if len(found) == count:
            break
        if item not in found:
            found.append(item)
    return found if len(found) == count else []


def _more(plan: FieldPlan, items: Sequence[Any]) -> Iterator[Any]:
    if plan.shape is Shape.INTEGER and items:
        yield from (items[-1] + step for step in range(1, MOST_ITEMS))
    elif plan.shape is Shape.TEXT:
        for index in range(MOST_ITEMS):
            yield f"{index:x}"


def maps(
    plan: FieldPlan,
    good: tuple[Sequence[Any], Sequence[Any]],
    bad: tuple[Sequence[Any], Sequence[Any]],
    natural: Sequence[dict[Any, Any]],
) -> Iterator[dict[Any, Any]]:
    """Yield maps to be checked, of *good* and *bad* keys and values."""
    yield from natural
    yield {}
    keys = list(dict.fromkeys([*(key for known in natural for key in known), *good[0]]))
    contents = [*(value for known in natural for value in known.values()), *good[1]]
    if not keys or not contents:
        return
    rules = plan.rules.values
    for count in dict.fromkeys([*sizes(rules, ("min_pairs", "max_pairs"), MOST_ITEMS), 1, 2]):
        if count <= len(keys):
            yield {key: contents[index % len(contents)] for index, key in enumerate(keys[:count])}
    least = max(1, int(rules.get("min_pairs", 1)))
    if least > len(keys):
        return
    start = dict.fromkeys(keys[: least - 1], contents[0])
    yield from ({**start, keys[least - 1]: value} for value in (*good[1], *bad[1]))
    yield from ({**start, key: contents[0]} for key in bad[0])


_BY_SHAPE: Mapping[Shape, Callable[[FieldPlan, Rules, Sequence[Any]], Iterator[Any]]] = {
    Shape.TEXT: _texts,
    Shape.BYTES: _octets,
    Shape.INTEGER: _integers,
    Shape.REAL: _reals,
    Shape.FLAG: _flags,
    Shape.ENUM: _enums,
}
