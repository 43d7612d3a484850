"""What an operator is: how it is written, the value types that have it, and how it becomes a matcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from grpcmock.matching.matcher import Matcher, Never
from grpcmock.matching.operators.dynamic import LIST, NUMBER, OBJECT, TEXT, OfType, Types
from grpcmock.matching.value_types import DynamicType
from grpcmock.schema.values import describe
from grpcmock.stubs.operators import Family, OperatorSyntax

if TYPE_CHECKING:
    from grpcmock.errors import Location
    from grpcmock.matching.messages import Kinds
    from grpcmock.matching.value_types import Place, ScalarType, ValueType
    from grpcmock.schema import Registry
    from grpcmock.tree import Node


class PatternCompiler(Protocol):
    """What an operator needs of the compiler that it is built for."""

    registry: Registry
    kinds: Kinds
    operators: Mapping[str, OperatorSpec]
    """All operators, by their names."""

    def pattern(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        """Compile a pattern."""

    def exact(self, node: Node, kind: ValueType, place: Place, path: str) -> Matcher:
        """Compile a value that must be equal all the way down."""

    def only(self, node: Node, kind: ValueType, path: str) -> Matcher:
        """Compile a mapping on a message beside whose fields no other may be set."""

    def read(self, node: Node, kind: ScalarType, path: str) -> Any:
        """Read a scalar; ABSENT, and a problem noted, if it doesn't fit."""

    def fail(self, message: str, location: Location | None, path: str, *, hint: str, rule: str) -> Matcher:
        """Note a problem, and return a matcher that stands in."""


@dataclass(slots=True)
class Operand:
    """What stands after an operator, and the value that the operator is applied to. Not changed once made."""

    # It isn't frozen because one is made for each operator of each stub, and freezing takes six times as long.

    compiler: PatternCompiler
    node: Node
    """What stands there."""

    kind: ValueType
    """The kind of the value that the operator is applied to."""

    place: Place
    """Where that value stands."""

    path: str
    """The path of the node, for problems: ``request.age.$gt``."""

    def exact(self) -> Matcher:
        """Compile the operand as a value that the one it is applied to must equal, all the way down."""
        return self.compiler.exact(self.node, self.kind, self.place, self.path)

    def pattern(self, kind: ValueType | None = None, place: Place | None = None) -> Matcher:
        """Compile the operand as a pattern: on the same value, or on one of another *kind* inside it."""
        return self.compiler.pattern(self.node, kind or self.kind, place or self.place, self.path)

    def patterns(
        self, kind: ValueType | None = None, place: Place | None = None, *, least: int = 0
    ) -> tuple[Matcher, ...]:
        """Compile the operand as a list of *least* patterns or more."""
        if type(self.node.value) is not list or len(self.node.value) < least:
            self.expected("a list of patterns", came="an empty list" if self.node.value == [] else "")
            return (Never(self.kind),)
        return tuple(item.pattern(kind, place) for item in self.items())

    def read(self, kind: ScalarType) -> Any:
        """Read the operand as a scalar; ABSENT, and a problem noted, if it doesn't fit."""
        return self.compiler.read(self.node, kind, self.path)

    def member(self, name: str) -> Operand:
        """Return one of the values of a mapping as an operand."""
        return Operand(self.compiler, self.node.value[name], self.kind, self.place, f"{self.path}.{name}")

    def items(self) -> Iterator[Operand]:
        """Yield the items of a list as operands."""
        for number, item in enumerate(self.node.value):
            yield Operand(self.compiler, item, self.kind, self.place, f"{self.path}[{number}]")

    def fail(self, message: str, *, hint: str = "", rule: str = "bad-pattern") -> Matcher:
        """Note what is wrong with the operand, and return a matcher that stands in."""
        return self.compiler.fail(message, self.node.location, self.path, hint=hint, rule=rule)

    def expected(self, what: str, came: str = "") -> Matcher:
        """Note that the operand should have been *what*, and return a matcher that stands in."""
        return self.fail(f"expected {what}, not {came or describe(self.node.plain())}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSpec(OperatorSyntax):
    """An operator: all there is to know of it, but for the Python function that writes it."""

    build: Callable[[Operand], Matcher]
    """From its operand to its matcher. Of plain JSON, the matcher sees only values of the types that it is for."""

    def applies_to(self, kind: ValueType) -> bool:
        """Whether values of a kind have the operator."""
        return self.families.meets(kind.family)

    def compile(self, operand: Operand) -> Matcher:
        """Build the matcher, on a kind that has the operator."""
        built = self.build(operand)
        if isinstance(operand.kind, DynamicType) and self.families is not Family.ANY and not isinstance(built, OfType):
            return OfType(operand.kind, _json_types(self.families), built)
        return built


_JSON_TYPES: dict[Family, Types] = {
    Family.FLOAT: NUMBER,
    Family.STRING: TEXT,
    Family.LIST: LIST,
    Family.MAP: OBJECT,
    Family.MESSAGE: OBJECT,
}


@cache
def _json_types(families: Family) -> Types:
    return tuple(dict.fromkeys(type_ for family in families & Family.JSON for type_ in _JSON_TYPES[family]))
