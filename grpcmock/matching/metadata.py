"""Patterns of request metadata, whose keys may each have several values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.matching.compiler import is_operators
from grpcmock.matching.findings import ABSENT, Finding
from grpcmock.matching.leaves import BYTES, STRING
from grpcmock.matching.matcher import And, Equalities, Exists, Matcher, Never, Not, Or
from grpcmock.matching.messages import MessageKind
from grpcmock.matching.operators import OPERATORS, Operand
from grpcmock.matching.operators.collections import Some
from grpcmock.matching.paths import metadata_path
from grpcmock.matching.value_types import ListType, Place
from grpcmock.schema.any_types import name_of
from grpcmock.schema.registry import find_message
from grpcmock.schema.values import describe

if TYPE_CHECKING:
    from grpcmock.matching.compiler import Compiler
    from grpcmock.tree import Node


class MetadataPattern:
    """The pattern of a stub's ``metadata``."""

    __slots__ = ("count", "parts")

    def __init__(self, parts: tuple[tuple[str, Matcher], ...]) -> None:
        self.parts = parts
        self.count = sum(matcher.count for _, matcher in parts)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that it looks at."""
        return frozenset(key for key, _ in self.parts)

    def test(self, metadata: Mapping[str, Sequence[str | bytes]]) -> bool:
        return all(matcher.test(metadata.get(key) or ABSENT) for key, matcher in self.parts)

    def explain(self, metadata: Mapping[str, Sequence[str | bytes]]) -> Iterator[Finding]:
        for key, matcher in self.parts:
            yield from matcher.explain(metadata.get(key) or ABSENT, f"metadata.{key}")

    def matched_count(self, metadata: Mapping[str, Sequence[str | bytes]]) -> int:
        return sum(matcher.matched_count(metadata.get(key) or ABSENT) for key, matcher in self.parts)

    def equalities(self, into: Equalities) -> bool:
        exact = [matcher.equalities(metadata_path(key), into) for key, matcher in self.parts]
        return all(exact)


class AnyValue(Some):
    """One value at least fits; of a key that was not sent, that it wasn't may."""

    __slots__ = ()

    def test(self, value: Any) -> bool:
        # That what is absent may fit, too, is for $in: [null, …].
        return self.inner.test(ABSENT) if value is ABSENT else super().test(value)

    def describe(self) -> str:
        return self.inner.describe()

    def explain(self, value: Any, path: str) -> Iterator[Finding]:
        if value is ABSENT or len(value) != 1:
            yield self.finding(value, path, self.test(value))
        else:
            yield from self.inner.explain(value[0], path)

    def matched_count(self, value: Any) -> int:
        if value is ABSENT or len(value) != 1:
            return self.count if self.test(value) else 0
        return self.inner.matched_count(value[0])


def compile_metadata(compiler: Compiler, node: Node) -> MetadataPattern:
    """Compile the pattern of a stub's ``metadata``."""
    if not node.is_mapping:
        compiler.fail(f"expected a mapping of keys, not {describe(node.plain())}.", node.location, "metadata")
        return MetadataPattern(())
    parts = []
    for written, child in node.value.items():
        if not isinstance(written, str) or not written:
            compiler.fail(f"expected a key, not {describe(written)}.", node.key_location(written), "metadata")
            continue
        if written.startswith("$"):
            where = node.key_location(written)
            compiler.fail(
                f"{written} can't stand for a key.", where, "metadata", hint="Write it under the key that it is about."
            )
            continue
        key = written.lower()
        parts.append((key, _values(compiler, child, _BINARY if key.endswith("-bin") else _TEXT, f"metadata.{key}")))
    return MetadataPattern(tuple(parts))


_TEXT = ListType(STRING, "metadata")
_BINARY = ListType(BYTES, "binary metadata")


def _values(compiler: Compiler, node: Node, kind: ListType, path: str) -> Matcher:
    """Compile the pattern of one key's values."""
    if node.value is None:
        return Exists(kind, False, True)
    if kind is _BINARY:
        node = _with_messages(compiler, node)
    if node.is_list:
        return compiler.pattern(node, kind, Place.FIELD, path)
    if not (node.is_mapping and node.value and is_operators(node.value)):
        return AnyValue(kind, compiler.pattern(node, kind.element, Place.FIELD, path))
    built: list[Matcher] = []
    positive = {}
    for name, argument in node.value.items():
        where = f"{path}.{name}"
        match name:
            case "$ne" | "$nin":
                # No value may be equal: the negation of "one at least is", not "one at least isn't".
                plain = OPERATORS["$eq" if name == "$ne" else "$in"]
                one = plain.compile(Operand(compiler, argument, kind.element, Place.FIELD, where))
                built.append(Not(AnyValue(kind, one), 1))
            case "$not":
                inner = _values(compiler, argument, kind, where)
                built.append(Not(inner, inner.count))
            case "$and":
                built.append(And(kind, _several(compiler, argument, kind, where)))
            case "$or":
                built.append(Or(kind, _several(compiler, argument, kind, where)))
            case "$exists":
                built.append(OPERATORS[name].compile(Operand(compiler, argument, kind, Place.FIELD, where)))
            case _:
                positive[name] = argument
    if positive:
        # They must all hold of the same value.
        keys = [key for key in node.keys or () if key.value in positive]
        mapping = type(node)(positive, node.file, node.line, node.column, keys)
        built.append(AnyValue(kind, compiler.pattern(mapping, kind.element, Place.FIELD, path)))
    return built[0] if len(built) == 1 else And(kind, tuple(built))


def _with_messages(compiler: Compiler, node: Node) -> Node:
    """Write each message, ``{"@type": …, …}``, as the operator that looks for it in bytes."""
    where = node.file, node.line, node.column
    if node.is_list:
        return type(node)([_with_messages(compiler, item) for item in node.value], *where)
    if not node.is_mapping or "@type" not in node.value:
        return node
    keys = [key for key in node.keys or () if key.value != "@type"]
    pattern = type(node)({key: child for key, child in node.value.items() if key != "@type"}, *where, keys)
    url = node.value["@type"]
    if set(pattern.value) == {"value"} and isinstance(url.value, str):
        message_class = find_message(compiler.registry.pool, name_of(url.value))
        if message_class is not None and not isinstance(compiler.kinds.of_class(message_class), MessageKind):
            pattern = pattern.value["value"]
    return type(node)({"$message": type(node)({"type": url, "pattern": pattern}, *where)}, *where)


def _several(compiler: Compiler, node: Node, kind: ListType, path: str) -> tuple[Matcher, ...]:
    if not node.is_list or not node.value:
        compiler.fail(f"expected a list of patterns, not {describe(node.plain())}.", node.location, path)
        return (Never(kind),)
    return tuple(_values(compiler, item, kind, f"{path}[{number}]") for number, item in enumerate(node.value))
