"""The operators that any value has. Their matchers are those that plain patterns are compiled to."""

from __future__ import annotations

from grpcmock.matching.findings import ABSENT
from grpcmock.matching.matcher import And, Equals, Exists, In, Matcher, Not, One, Or
from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.matching.value_types import ScalarType
from grpcmock.stubs import arguments
from grpcmock.stubs.operators import Family


def equal(operand: Operand) -> Matcher:
    """Build ``$eq``."""
    inner = operand.exact()
    return inner if inner.count == 1 and isinstance(operand.kind, ScalarType) else One(inner)


def one_of(operand: Operand) -> Matcher:
    """Build ``$in``."""
    if type(operand.node.value) is not list:
        return operand.expected("a list of values")
    inners = [item.exact() for item in operand.items() if not _holds_operators(item)]
    kind = operand.kind
    if isinstance(kind, ScalarType):
        null = ABSENT if operand.place.tracked else kind.default
        return In(kind, tuple(inner.expected if type(inner) is Equals else null for inner in inners))
    return Or(kind, tuple(inners))


def _holds_operators(item: Operand) -> bool:
    """Note a problem if an item that must be a value is a mapping of operators."""
    if not item.node.is_mapping or item.compiler.operators.keys().isdisjoint(item.node.value):
        return False
    item.fail(
        "the items are values; there can't be operators in them.",
        hint="Write $or: [patterns].",
        rule="operator-in-values",
    )
    return True


def exists(operand: Operand) -> Matcher:
    """Build ``$exists``."""
    if type(operand.node.value) is not bool:
        return operand.expected("true or false")
    return Exists(operand.kind, operand.node.value, operand.place.tracked)


def _not(operand: Operand) -> Matcher:
    inner = operand.pattern()
    return Not(inner, inner.count)


SPECS = (
    OperatorSpec(
        name="$eq",
        families=Family.ANY,
        argument=arguments.value,
        build=equal,
        doc="Equal; a mapping is compared exactly, with all its fields.",
    ),
    OperatorSpec(
        name="$ne",
        families=Family.ANY,
        argument=arguments.value,
        build=lambda operand: Not(equal(operand), 1),
        doc="Not equal; true where the field is absent.",
    ),
    OperatorSpec(
        name="$in",
        families=Family.ANY,
        argument=arguments.values,
        build=one_of,
        doc="Equal to one of these values.",
    ),
    OperatorSpec(
        name="$nin",
        families=Family.ANY,
        argument=arguments.values,
        build=lambda operand: Not(one_of(operand), 1),
        doc="Equal to none of these values.",
    ),
    OperatorSpec(
        name="$exists",
        families=Family.ANY,
        argument=arguments.boolean,
        build=exists,
        doc="Whether the field is set.",
    ),
    OperatorSpec(
        name="$not",
        families=Family.ANY,
        argument=arguments.pattern,
        build=_not,
        doc="The pattern doesn't hold.",
    ),
    OperatorSpec(
        name="$and",
        families=Family.ANY,
        argument=arguments.patterns,
        build=lambda operand: And(operand.kind, operand.patterns(least=1)),
        doc="All of these patterns hold.",
    ),
    OperatorSpec(
        name="$or",
        families=Family.ANY,
        argument=arguments.patterns,
        build=lambda operand: Or(operand.kind, operand.patterns(least=1)),
        doc="At least one of these patterns holds.",
    ),
)
