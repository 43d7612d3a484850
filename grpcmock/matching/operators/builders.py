"""From each operator, as it is written, to its matcher."""

# ruff: noqa: ARG001 - all builders have one signature

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grpcmock.errors import SchemaError
from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import BYTES, DOUBLE, INT, JSON, STRING
from grpcmock.matching.matcher import And, Equals, Exists, In, Matcher, Never, Not, One, Or
from grpcmock.matching.messages import MessageKind
from grpcmock.matching.operators import dynamic
from grpcmock.matching.operators.collections import All, At, Each, Keys, Some, Unordered, Values
from grpcmock.matching.operators.dynamic import OfType
from grpcmock.matching.operators.scalars import (
    Affix,
    Approx,
    Compare,
    Embedded,
    IgnoreCase,
    Json,
    Regex,
    Size,
    compile_glob,
    compile_regex,
)
from grpcmock.matching.value_types import (
    ALL_OPERATORS,
    BINARY,
    AnyType,
    DynamicType,
    ListType,
    MapType,
    Place,
    ScalarType,
    ValueType,
)
from grpcmock.schema.values import describe
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.matching.compiler import Compiler

Builder = Callable[["Compiler", Node, ValueType, Place, str], Matcher]


# --- On anything ------------------------------------------------------------------------------------------------------


def _eq(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    inner = c.exact(node, kind, place, path)
    return inner if inner.count == 1 and isinstance(kind, ScalarType) else One(inner)


def _ne(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return Not(_eq(c, node, kind, place, path), 1)


def _in(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    if type(node.value) is not list:
        return c.fail(f"expected a list of values, not {describe(node.plain())}.", node.location, path)
    inners = []
    for number, item in enumerate(node.value):
        if item.is_mapping and any(key in ALL_OPERATORS for key in item.value):
            c.fail(
                "the items are values; there can't be operators in them.",
                item.location,
                f"{path}[{number}]",
                hint="Write $or: [patterns].",
                rule="operator-in-values",
            )
            continue
        inners.append(c.exact(item, kind, place, f"{path}[{number}]"))
    if isinstance(kind, ScalarType):
        null = ABSENT if place.tracked else kind.default
        return In(kind, tuple(inner.expected if type(inner) is Equals else null for inner in inners))
    return Or(kind, tuple(inners))


def _nin(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return Not(_in(c, node, kind, place, path), 1)


def _exists(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    if type(node.value) is not bool:
        return c.fail(f"expected true or false, not {describe(node.plain())}.", node.location, path)
    return Exists(kind, node.value, place.tracked)


def _not(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    inner = c.pattern(node, kind, place, path)
    return Not(inner, inner.count)


def _and(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return And(kind, _patterns(c, node, kind, place, path, least=1))


def _or(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return Or(kind, _patterns(c, node, kind, place, path, least=1))


def _patterns(
    c: Compiler, node: Node, kind: ValueType, place: Place, path: str, *, least: int = 0
) -> tuple[Matcher, ...]:
    if type(node.value) is not list or len(node.value) < least:
        what = "an empty list" if node.value == [] else describe(node.plain())
        c.fail(f"expected a list of patterns, not {what}.", node.location, path)
        return (Never(kind),)
    return tuple(c.pattern(item, kind, place, f"{path}[{number}]") for number, item in enumerate(node.value))


# --- On what has an order ---------------------------------------------------------------------------------------------


def _comparison(name: str) -> Builder:
    def build(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        if isinstance(kind, DynamicType):
            value = node.value
            if isinstance(value, str):
                compared = _operand(c, node, STRING, path, lambda text: Compare(kind, name, text))
                return OfType(kind, dynamic.TEXT, compared)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return OfType(kind, dynamic.NUMBER, Compare(kind, name, value))
            return c.fail(f"expected a number or a string, not {describe(node.plain())}.", node.location, path)
        assert isinstance(kind, ScalarType)
        return _operand(c, node, kind, path, lambda value: Compare(kind, name, value))

    return build


def _approx(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    if not node.is_mapping or node.value.keys() != {"value", "within"}:
        return c.fail("expected {value: …, within: …}.", node.location, path)
    number = kind if isinstance(kind, ScalarType) else DOUBLE
    value = c.read(node.value["value"], number, f"{path}.value")
    within = c.read(node.value["within"], DOUBLE, f"{path}.within")
    if value is ABSENT or within is ABSENT:
        return Never(kind)
    if not within >= 0 or math.isinf(within):
        return c.fail("expected a distance of 0 or more.", node.value["within"].location, f"{path}.within")
    return _typed(kind, dynamic.NUMBER, Approx(kind, value, within))


# --- On strings and bytes ---------------------------------------------------------------------------------------------


def _affix(name: str) -> Builder:
    def build(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        # Of a wrapper, the kind is another one, but its operators are those of what it wraps.
        inside = BYTES if kind.operators == BINARY else STRING
        return _operand(c, node, inside, path, lambda value: _typed(kind, dynamic.TEXT, Affix(kind, name, value)))

    return build


def _ignore_case(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _operand(c, node, STRING, path, lambda text: _typed(kind, dynamic.TEXT, IgnoreCase(kind, text)))


def _regular(name: str, compile_: Callable[[str], Callable[[str], object]]) -> Builder:
    def build(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        text = c.read(node, STRING, path)
        if text is ABSENT:
            return Never(kind)
        try:
            find = compile_(text)
        except ValueError as error:
            return c.fail(f"{text!r} doesn't compile: {error}.", node.location, path, rule="bad-regex")
        return _typed(kind, dynamic.TEXT, Regex(kind, name, text, find))

    return build


def _json(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.TEXT, Json(kind, c.pattern(node, JSON, Place.ELEMENT, path)))


def _message(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    if not node.is_mapping or "type" not in node.value or not node.value.keys() <= {"type", "pattern"}:
        return c.fail("expected {type: package.Message, pattern: …}.", node.location, path)
    type_, pattern = node.value["type"], node.value.get("pattern")
    if not isinstance(type_.value, str):
        return c.fail(f"expected the name of a message type, not {describe(type_.plain())}.", type_.location, path)
    try:
        message_class = c.registry.message(type_.value.rpartition("/")[2])
    except SchemaError as error:
        return c.fail(str(error), type_.location, f"{path}.type", rule="unknown-type")
    if pattern is None:
        return Embedded(kind, message_class, None)
    inside = c.kinds.of_class(message_class)
    return Embedded(kind, message_class, c.pattern(pattern, inside, Place.ROOT, f"{path}.pattern"))


def _size(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    inner = c.pattern(node, INT, Place.ELEMENT, path)
    if type(inner) is Equals and inner.expected < 0:
        return c.fail("a size is 0 or more.", node.location, path)
    return _typed(kind, dynamic.SIZED, Size(kind, inner))


# --- On lists, maps and messages --------------------------------------------------------------------------------------


def _first(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, At(kind, 0, _element(c, node, kind, path)))


def _last(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, At(kind, -1, _element(c, node, kind, path)))


def _each(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, Each(kind, _element(c, node, kind, path)))


def _some(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, Some(kind, _element(c, node, kind, path)))


def _all(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, All(kind, _patterns(c, node, _element_kind(kind), Place.ELEMENT, path)))


def _unordered(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    return _typed(kind, dynamic.LIST, Unordered(kind, _patterns(c, node, _element_kind(kind), Place.ELEMENT, path)))


def _keys(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    key = kind.key if isinstance(kind, MapType) else STRING
    return _typed(kind, dynamic.OBJECT, Keys(kind, c.pattern(node, key, Place.ELEMENT, path)))


def _values(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    value = kind.value if isinstance(kind, MapType) else JSON
    return _typed(kind, dynamic.OBJECT, Values(kind, c.pattern(node, value, Place.ELEMENT, path)))


def _only(c: Compiler, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
    if not node.is_mapping:
        return c.fail(f"expected a mapping, not {describe(node.plain())}.", node.location, path)
    if isinstance(kind, MessageKind):
        return c.fields(node, kind, Place.ELEMENT, path, exact=False, only=True)
    if isinstance(kind, AnyType):
        return c.any(node, kind, path, exact=False, only=True)
    return OfType(kind, dynamic.OBJECT, c.object(node, path, exact=False, only=True))


# --- Helpers ----------------------------------------------------------------------------------------------------------


def _operand(c: Compiler, node: Node, kind: ScalarType, path: str, make: Callable[[Any], Matcher]) -> Matcher:
    value = c.read(node, kind, path)
    return Never(kind) if value is ABSENT else make(value)


def _typed(kind: ValueType, types: dynamic.Types, matcher: Matcher) -> Matcher:
    """Where the type of the value isn't known beforehand, let the operator see those it is made for."""
    return OfType(kind, types, matcher) if isinstance(kind, DynamicType) else matcher


def _element_kind(kind: ValueType) -> ValueType:
    return kind.element if isinstance(kind, ListType) else JSON


def _element(c: Compiler, node: Node, kind: ValueType, path: str) -> Matcher:
    return c.pattern(node, _element_kind(kind), Place.ELEMENT, path)


BUILDERS: dict[str, Builder] = {
    "$eq": _eq,
    "$ne": _ne,
    "$in": _in,
    "$nin": _nin,
    "$exists": _exists,
    "$not": _not,
    "$and": _and,
    "$or": _or,
    "$gt": _comparison("$gt"),
    "$gte": _comparison("$gte"),
    "$lt": _comparison("$lt"),
    "$lte": _comparison("$lte"),
    "$approx": _approx,
    "$prefix": _affix("$prefix"),
    "$suffix": _affix("$suffix"),
    "$contains": _affix("$contains"),
    "$ignoreCase": _ignore_case,
    "$regex": _regular("$regex", compile_regex),
    "$glob": _regular("$glob", compile_glob),
    "$json": _json,
    "$message": _message,
    "$size": _size,
    "$first": _first,
    "$last": _last,
    "$each": _each,
    "$some": _some,
    "$all": _all,
    "$unordered": _unordered,
    "$keys": _keys,
    "$values": _values,
    "$only": _only,
}
