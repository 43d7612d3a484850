"""Single values of any scalar type: natural ones where the rules allow, others that keep them where not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.synthesis import names, numbers, strings, words
from grpcmock.synthesis.planning import FieldPlan, Shape

if TYPE_CHECKING:
    from grpcmock.schema.annotations import Rules
    from grpcmock.synthesis.keyed_random import KeyedRandom
    from grpcmock.synthesis.message_context import MessageContext

_DULL = (
    "UNSPECIFIED",
    "UNKNOWN",
    "INVALID",
    "UNDEFINED",
    "UNSET",
    "NONE",
    "ERROR",
    "FAILED",
    "DELETED",
    "UNRECOGNIZED",
)
_WIDE = 2
"""After so many refusals of natural values, any value of the type is tried."""


@dataclass(frozen=True, slots=True)
class ValueRequest:
    """One value that is wanted."""

    plan: FieldPlan
    rules: Rules
    context: MessageContext
    random: KeyedRandom
    refused: int = 0
    """How many values the validator has refused in this place."""

    peers: tuple[Any, ...] = ()
    """What the fields hold that a refused rule compares this one with."""

    parent: str = ""
    """The resource under which names are to lie, if the request says so."""

    @property
    def zero(self) -> bool:
        """Whether the zero value will do."""
        return not (self.plan.must and not self.plan.tracked) or self.rules.zero_is_free


def draw(wish: ValueRequest) -> Any:
    """Give a value for a scalar or enum field."""
    hints = (*wish.plan.literals, *wish.peers) if wish.refused else ()
    if hints and wish.random.happens(0.4 if wish.peers else 0.8):
        guess = _guess(wish, wish.random.choice(hints))
        if guess is not None:
            return guess
    return _DRAWERS[wish.plan.shape](wish)


def _guess(wish: ValueRequest, literal: Any) -> Any:
    """Make a value out of what a refused rule mentions: that, or something near to it."""
    random, shape = wish.random, wish.plan.shape
    if shape is Shape.TEXT:
        if isinstance(literal, str):
            word = random.choice(words.NOUNS)
            return random.choice((literal, f"{literal}{word}", f"{word}{literal}", f"{word}{literal}{word}"))
        return random.text("abcdefghijklmnopqrstuvwxyz", min(10_000, max(0, int(literal) + random.between(-1, 1))))
    if isinstance(literal, str):
        return None
    low, high = wish.plan.limits
    if shape is Shape.INTEGER:
        if random.happens(0.5):
            literal = _near(literal, wish)
        return min(high, max(low, int(literal)))
    if shape is Shape.REAL:
        return literal + random.choice((-1.0, 0.0, 0.5, 1.0))
    return None


def _near(number: float, wish: ValueRequest) -> float:
    """Give a number that stands in a simple relation to one that a refused rule mentions."""
    random = wish.random
    other = random.choice(wish.plan.literals or wish.peers)
    if isinstance(other, str) or not other:
        other = 1
    related = (number * other, number // other, number + other, number - other)
    return float(random.choice(related) + random.between(-1, 1))


def _draw_text(wish: ValueRequest) -> str:
    options = wish.plan.options
    if options.patterns and not wish.rules.values and not wish.refused:
        return strings.resource_name(options.patterns[0], wish.random, wish.parent)
    return strings.text(
        wish.rules.values,
        wish.context,
        wish.random,
        maker=wish.plan.maker,
        format_name=options.format,
        patterns=options.patterns,
        empty=wish.zero,
        skip=wish.refused,
    )


def _draw_bytes(wish: ValueRequest) -> bytes:
    label, random = wish.plan.label, wish.random

    def natural() -> bytes:
        if label.endswith(("hash", "checksum", "digest", "sha256", "signature", "key", "token", "nonce", "salt")):
            return random.bytes(32)
        return names.sentence(wish.context, random).encode()

    return strings.octets(wish.rules.values, random, natural=natural, empty=wish.zero, skip=wish.refused)


def _draw_integer(wish: ValueRequest) -> int:
    plan, random, context = wish.plan, wish.random, wish.context
    rules, (low, high) = wish.rules.values, plan.limits
    if not rules and not wish.refused:
        if plan.clock:
            moment = context.moment(frozenset(plan.label.split("_")))
            return max(low, min(high, (moment or 0) * plan.clock))
        if plan.label == "id":
            # The ids of a list or stream follow one another.
            return context.series.child("id").between(1, 9_000) + context.ordinal
    likely_low, likely_high = plan.span or (1, 100)
    if wish.refused >= _WIDE and random.happens(0.7):
        likely_high = 10 ** random.between(1, min(18, wish.refused + 2))
        likely_low = -likely_high if random.happens(0.3) else 0
    kind = numbers.Range(low, high, max(low, math.floor(likely_low)), min(high, max(0, math.ceil(likely_high))))
    return numbers.integer(rules, kind, random, zero=wish.zero)


def _draw_real(wish: ValueRequest) -> float:
    plan, random, place = wish.plan, wish.random, wish.context.place
    likely = plan.span or (1.0, 100.0)
    if plan.label in ("lat", "latitude") or plan.label.endswith("_latitude"):
        likely = (place.latitude, place.latitude + 0.05)
    elif plan.label in ("lng", "lon", "longitude") or plan.label.endswith("_longitude"):
        likely = (place.longitude, place.longitude + 0.05)
    if wish.refused >= _WIDE and random.happens(0.7):
        reach = 10.0 ** random.between(1, min(18, wish.refused + 2))
        likely = (-reach if random.happens(0.3) else 0.0, reach)
    width = "f" if plan.descriptor.type == FieldDescriptor.TYPE_FLOAT else "d"
    return numbers.real(wish.rules.values, likely, random, width=width, zero=wish.zero)


def _draw_flag(wish: ValueRequest) -> bool:
    if "const" in wish.rules.values:
        return bool(wish.rules.values["const"])
    if not wish.zero:
        return True
    natural = names.flag(wish.plan.label)
    return wish.random.happens(0.5) if natural is None or wish.refused else natural


def _draw_enum(wish: ValueRequest) -> int:
    rules, enum = wish.rules.values, wish.plan.descriptor.enum_type
    assert enum is not None
    if "const" in rules:
        return int(rules["const"])
    refused = set(rules.get("not_in", ())) | (set() if wish.zero else {0})
    allowed = [number for number in rules.get("in", ()) or enum.values_by_number if number not in refused]
    if not allowed:
        return enum.values[0].number

    def dullness(number: int) -> int:
        value = enum.values_by_number.get(number)
        if value is None:
            return 1
        dull = any(word in value.name.upper() for word in _DULL) or value.GetOptions().deprecated
        return 2 if number == 0 else int(dull)

    least = min(map(dullness, allowed))
    if wish.refused < _WIDE:
        allowed = [number for number in allowed if dullness(number) == least]
    return wish.random.choice(allowed)


_DRAWERS = {
    Shape.TEXT: _draw_text,
    Shape.BYTES: _draw_bytes,
    Shape.INTEGER: _draw_integer,
    Shape.REAL: _draw_real,
    Shape.FLAG: _draw_flag,
    Shape.ENUM: _draw_enum,
}
