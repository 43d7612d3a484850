"""Operators on numbers, strings, bytes, and all that has an order."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from grpcmock.matching.findings import ABSENT, shown_json
from grpcmock.matching.leaves import BYTES, DOUBLE, INT, STRING
from grpcmock.matching.matcher import Equalities, Equals, Matcher, Never
from grpcmock.matching.operators.dynamic import NUMBER, TEXT, OfType
from grpcmock.matching.operators.glob import glob_to_regex
from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.matching.value_types import Place, ScalarType
from grpcmock.regex import compile_regex
from grpcmock.stubs import arguments
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType


class Compare(Matcher):
    """``$gt``, ``$gte``, ``$lt``, ``$lte``; false of what is absent."""

    __slots__ = ("compare", "expected", "sign")

    def __init__(self, kind: ValueType, compare: Callable[[Any, Any], bool], sign: str, expected: Any) -> None:
        super().__init__(kind)
        self.compare = compare
        self.sign = sign
        self.expected = expected

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.compare(value, self.expected)

    def describe(self) -> str:
        return f"{self.sign} {self.kind.show(self.expected)}"


def _comparison(compare: Callable[[Any, Any], bool], sign: str) -> Callable[[Operand], Matcher]:
    def build(operand: Operand) -> Matcher:
        kind = operand.kind
        if isinstance(kind, ScalarType):
            return _of_scalar(operand, kind, lambda value: Compare(kind, compare, sign, value))
        # Plain JSON: what is written tells which values there can be compared with it.
        written = operand.node.value
        if isinstance(written, str):
            compared = _of_scalar(operand, STRING, lambda text: Compare(kind, compare, sign, text))
            return OfType(kind, TEXT, compared)
        if isinstance(written, (int, float)) and not isinstance(written, bool):
            return OfType(kind, NUMBER, Compare(kind, compare, sign, written))
        return operand.expected("a number or a string")

    return build


def _of_scalar(operand: Operand, kind: ScalarType, make: Callable[[Any], Matcher]) -> Matcher:
    """Read an operand that is a scalar, and make the matcher of it."""
    value = operand.read(kind)
    return Never(operand.kind) if value is ABSENT else make(value)


class Approx(Matcher):
    """``$approx``: a number that is no further away than ``within``."""

    __slots__ = ("value", "within")

    def __init__(self, kind: ValueType, value: float, within: float) -> None:
        super().__init__(kind)
        self.value = value
        self.within = within

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        # Infinities and NaN have no distance; they are near themselves alone.
        return value is self.value or value == self.value or bool(_distance(value, self.value) <= self.within)

    def describe(self) -> str:
        return f"{self.kind.show(self.value)} ± {self.within!r}"


def _distance(one: float, other: float) -> float:
    try:
        return abs(one - other)
    except OverflowError:  # an integer of JSON that no float can hold
        return math.inf


def _approx(operand: Operand) -> Matcher:
    if not operand.node.is_mapping or operand.node.value.keys() != {"value", "within"}:
        return operand.fail("expected {value: …, within: …}.")
    kind, distance = operand.kind, operand.member("within")
    value = operand.member("value").read(kind if isinstance(kind, ScalarType) else DOUBLE)
    within = distance.read(DOUBLE)
    if value is ABSENT or within is ABSENT:
        return Never(kind)
    if not within >= 0 or math.isinf(within):
        return distance.fail("expected a distance of 0 or more.")
    return Approx(kind, value, within)


class Affix(Matcher):
    """A piece that a string or bytes hold at some place."""

    __slots__ = ("expected",)

    name: ClassVar[str]
    words: ClassVar[str]

    def __init__(self, kind: ValueType, expected: Any) -> None:
        super().__init__(kind)
        self.expected = expected

    def describe(self) -> str:
        return f"{self.words} {self.kind.show(self.expected)}"

    @classmethod
    def build(cls, operand: Operand) -> Matcher:
        """Build the matcher of an operator that takes the piece."""
        kind = operand.kind
        inside = BYTES if kind.family is Family.BYTES else STRING
        return _of_scalar(operand, inside, lambda piece: cls(kind, piece))


class Prefix(Affix):
    """``$prefix``."""

    __slots__ = ()

    name = "$prefix"
    words = "beginning with"

    def test(self, value: Any) -> bool:
        return value is not ABSENT and bool(value.startswith(self.expected))


class Suffix(Affix):
    """``$suffix``."""

    __slots__ = ()

    name = "$suffix"
    words = "ending with"

    def test(self, value: Any) -> bool:
        return value is not ABSENT and bool(value.endswith(self.expected))


class Contains(Affix):
    """``$contains``."""

    __slots__ = ()

    name = "$contains"
    words = "containing"

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.expected in value


class IgnoreCase(Matcher):
    """``$ignoreCase``: equal once the case of both is folded, as Unicode has it."""

    __slots__ = ("expected", "written")

    def __init__(self, kind: ValueType, written: str) -> None:
        super().__init__(kind)
        self.written = written
        self.expected = written.casefold()

    def test(self, value: Any) -> bool:
        return value is not ABSENT and value.casefold() == self.expected

    def describe(self) -> str:
        return f"{shown_json(self.written)} in any case"

    def equalities(self, path: Path, into: Equalities) -> bool:
        into.append((path.step("fold", str.casefold), (self.expected,)))
        return True


def _ignore_case(operand: Operand) -> Matcher:
    return _of_scalar(operand, STRING, lambda text: IgnoreCase(operand.kind, text))


class Regex(Matcher):
    """``$regex``, which searches, and ``$glob``, which takes the whole string; both by RE2, in linear time."""

    __slots__ = ("find", "name", "written")

    def __init__(self, kind: ValueType, name: str, written: str, find: Callable[[str], object]) -> None:
        super().__init__(kind)
        self.name = name
        self.written = written
        self.find = find

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.find(value) is not None

    def describe(self) -> str:
        return f"matching {'/' + self.written + '/' if self.name == '$regex' else 'glob ' + shown_json(self.written)}"


def _regular(name: str, compile_: Callable[[str], Callable[[str], object]]) -> Callable[[Operand], Matcher]:
    def build(operand: Operand) -> Matcher:
        text = operand.read(STRING)
        if text is ABSENT:
            return Never(operand.kind)
        try:
            find = compile_(text)
        except ValueError as error:
            return operand.fail(f"{text!r} doesn't compile: {error}.", rule="bad-regex")
        return Regex(operand.kind, name, text, find)

    return build


class Size(Matcher):
    """``$size``: of a string its code points, of bytes its bytes, of a list or map its entries."""

    __slots__ = ("inner",)

    def __init__(self, kind: ValueType, inner: Matcher) -> None:
        super().__init__(kind)
        self.inner = inner

    def test(self, value: Any) -> bool:
        return value is not ABSENT and self.inner.test(len(value))

    def describe(self) -> str:
        return f"size {self.inner.describe()}"

    def equalities(self, path: Path, into: Equalities) -> bool:
        return self.inner.equalities(path.size(), into)


def _size(operand: Operand) -> Matcher:
    inner = operand.pattern(INT, Place.ELEMENT)
    if type(inner) is Equals and inner.expected < 0:
        return operand.fail("a size is 0 or more.")
    return Size(operand.kind, inner)


SPECS = (
    OperatorSpec(
        name="$gt",
        families=Family.COMPARABLE,
        argument=arguments.value,
        build=_comparison(operator.gt, ">"),
        doc="Greater than.",
    ),
    OperatorSpec(
        name="$gte",
        families=Family.COMPARABLE,
        argument=arguments.value,
        build=_comparison(operator.ge, ">="),
        doc="Greater than or equal to.",
    ),
    OperatorSpec(
        name="$lt",
        families=Family.COMPARABLE,
        argument=arguments.value,
        build=_comparison(operator.lt, "<"),
        doc="Less than.",
    ),
    OperatorSpec(
        name="$lte",
        families=Family.COMPARABLE,
        argument=arguments.value,
        build=_comparison(operator.le, "<="),
        doc="Less than or equal to.",
    ),
    OperatorSpec(
        name="$approx",
        families=Family.FLOAT,
        argument=arguments.members("value", "within", value=arguments.value, within=arguments.number),
        build=_approx,
        doc="Near `value`: no more than `within` away.",
    ),
    OperatorSpec(
        name="$regex",
        families=Family.STRING,
        argument=arguments.regex,
        build=_regular("$regex", lambda text: compile_regex(text).search),
        doc="The regular expression (RE2) is found somewhere in the text.",
    ),
    OperatorSpec(
        name="$glob",
        families=Family.STRING,
        argument=arguments.value,
        build=_regular("$glob", lambda text: compile_regex(glob_to_regex(text)).fullmatch),
        doc="The whole text fits, with `*`, `?` and `[…]`.",
    ),
    OperatorSpec(
        name=Prefix.name,
        families=Family.STRING | Family.BYTES,
        argument=arguments.value,
        build=Prefix.build,
        doc="Begins with this.",
    ),
    OperatorSpec(
        name=Suffix.name,
        families=Family.STRING,
        argument=arguments.value,
        build=Suffix.build,
        doc="Ends with this.",
    ),
    OperatorSpec(
        name=Contains.name,
        families=Family.STRING,
        argument=arguments.value,
        build=Contains.build,
        doc="Holds this text.",
    ),
    OperatorSpec(
        name="$ignoreCase",
        families=Family.STRING,
        argument=arguments.value,
        build=_ignore_case,
        doc="Equal but for upper and lower case.",
    ),
    OperatorSpec(
        name="$size",
        families=Family.STRING | Family.BYTES | Family.LIST | Family.MAP,
        argument=arguments.count,
        build=_size,
        doc="How many characters, bytes, items or entries: a number, or a pattern on it.",
    ),
)
