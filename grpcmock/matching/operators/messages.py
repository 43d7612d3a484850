"""Matchers of messages: plain patterns field by field, and those of ``google.protobuf.Any``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import ABSENT, Finding, below, cut, shown_json
from grpcmock.matching.matcher import Equalities, Matcher
from grpcmock.schema import codec
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.matching.messages import Slot
    from grpcmock.matching.paths import Path
    from grpcmock.matching.value_types import ValueType


class Fields(Matcher):
    """A plain mapping on a message: it is set, and the named fields fit."""

    __slots__ = ("count", "only", "parts")

    def __init__(self, kind: ValueType, parts: tuple[tuple[Slot, Matcher], ...], *, only: bool, count: int) -> None:
        self.kind = kind
        self.parts = parts
        self.only = only
        """Whether all other fields must be unset."""
        self.count = count

    def test(self, value: Any) -> bool:
        if value is ABSENT:
            return False
        for slot, matcher in self.parts:
            if not matcher.test(slot.get(value)):
                return False
        return not (self.only and self._others(value))

    def _others(self, value: Any) -> list[str]:
        named = {slot.number for slot, _ in self.parts}
        return [field.name for field, _ in value.ListFields() if field.number not in named]

    def describe(self) -> str:
        if not self.parts:
            return "a message without any field" if self.only else "set"
        inside = ", ".join(f"{slot.name}: {matcher.describe()}" for slot, matcher in self.parts)
        return f"{{{inside}}}" + (" and no other field" if self.only else "")

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if value is ABSENT or (not self.parts and self.count):
            yield self.finding(value, path, self.test(value))
            return
        for slot, matcher in self.parts:
            yield from matcher.explain(slot.get(value), below(path, slot.name))
        if self.only:
            tree = codec.to_tree(value)
            for name in self._others(value):
                yield Finding(below(path, name), "unset", cut(shown_json(tree.get(name, "set"))), False, 0)

    def matched_count(self, value: Any) -> int:
        if value is ABSENT or not self.parts:
            return self.count if self.test(value) else 0
        return sum(matcher.matched_count(slot.get(value)) for slot, matcher in self.parts)

    def equalities(self, path: Path, into: Equalities) -> bool:
        exact = [matcher.equalities(path.step(slot, slot.get), into) for slot, matcher in self.parts]
        return bool(exact) and all(exact) and not self.only


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
