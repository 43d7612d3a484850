"""Matchers of messages: plain patterns field by field, and those of ``google.protobuf.Any``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, Finding, below, cut, shown_json
from grpcmock.matching.matcher import Equalities, Matcher
from grpcmock.matching.messages import Slot
from grpcmock.matching.operators.members import Members
from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.schema import codec
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.stubs import arguments
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType


class Fields(Members[Slot]):
    """A plain mapping on a message: it is set, and the named fields fit."""

    __slots__ = ()

    noun = "field"

    def describe(self) -> str:
        if not self.parts:
            return "a message without any field" if self.only else "set"
        return super().describe()

    def _others(self, value: Any) -> list[str]:
        named = {slot.number for slot, _ in self.parts}
        return [field.name for field, _ in value.ListFields() if field.number not in named]

    def _unwanted(self, value: Any, path: str) -> Iterator[Finding]:
        tree = codec.to_tree(value)
        for name in self._others(value):
            yield Finding(below(path, name), "unset", cut(shown_json(tree.get(name, "set"))), False, 0)


class Unpacked(Matcher):
    """A plain mapping on an Any: it holds a message of the type, which fits."""

    __slots__ = ("count", "full_name", "inner", "message_class")

    def __init__(self, kind: ValueType, message_class: type[Message], inner: Matcher | None) -> None:
        super().__init__(kind)
        self.message_class = message_class
        self.full_name = message_class.DESCRIPTOR.full_name
        self.inner = inner
        self.count = 1 + (inner.count if inner else 0)

    def test(self, value: Any) -> bool:
        held = self._held_message(value)
        return held is not ABSENT and (self.inner is None or self.inner.test(held))

    def _has_type(self, value: Any) -> bool:
        return value is not ABSENT and value.type_url.rpartition("/")[2] == self.full_name

    def _held_message(self, value: Any) -> Any:
        """Give the message inside, in the form that matchers see; ABSENT if it is none of the type."""
        if not self._has_type(value):
            return ABSENT
        try:
            message = decode(self.message_class, value.value)
        except DecodeError:
            return ABSENT
        normalize = self.inner.kind.normalize if self.inner else None
        return message if normalize is None else normalize(message)

    def describe(self) -> str:
        return f"an Any of {self.full_name}" + (f" {self.inner.describe()}" if self.inner else "")

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        held = self._held_message(value)
        if held is ABSENT and not self._has_type(value):
            yield self.finding(value, path, False)
            return
        yield Finding(f"{path}.@type", self.full_name, self.full_name, held is not ABSENT or self.inner is not None)
        if self.inner is not None:
            yield from self.inner.explain(held, path)

    def matched_count(self, value: Any) -> int:
        if not self._has_type(value):
            return 0
        return 1 + (self.inner.matched_count(self._held_message(value)) if self.inner else 0)

    def equalities(self, path: Path, into: Equalities) -> bool:
        if self.inner is None:
            return False
        return self.inner.equalities(path.step(("any", self.full_name), self._held_message), into)


class Opaque(Matcher):
    """An Any of a type that the protos don't know: its type and its bytes."""

    __slots__ = ("data", "full_name")

    def __init__(self, kind: ValueType, full_name: str, data: bytes) -> None:
        super().__init__(kind)
        self.full_name = full_name
        self.data = data

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        return bool(value.type_url.rpartition("/")[2] == self.full_name and value.value == self.data)

    def describe(self) -> str:
        return f"an Any of {self.full_name} with {len(self.data)} bytes"


def _only(operand: Operand) -> Matcher:
    if not operand.node.is_mapping:
        return operand.expected("a mapping")
    return operand.compiler.only(operand.node, operand.kind, operand.path)


SPECS = (
    OperatorSpec(
        name="$only",
        families=Family.MESSAGE,
        argument=arguments.pattern,
        build=_only,
        doc="These fields match, and no other one is set.",
    ),
)
