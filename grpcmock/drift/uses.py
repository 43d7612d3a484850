"""What of the protos a stub uses: its method, and the fields and enum values in its pattern and its answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor

from grpcmock.errors import SchemaError
from grpcmock.schema.fields import find_field
from grpcmock.stubs import steps

if TYPE_CHECKING:
    from grpcmock.drift.differences import Difference, Use
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Answer, Stub
    from grpcmock.tree import Node

_Type: TypeAlias = Descriptor | EnumDescriptor | None
"""What a value of a tree is said to be; None for scalars."""

_SENT = (steps.SEND,)
_EXPECTED = (steps.EXPECT, steps.REQUEST, steps.UNTIL)
_REFERENCE = re.compile(r"\b(?:request|message|requests\s*\[\s*-?\d+\s*\])((?:\.\w+)+)")
"""A path in a template: ``request.user.name``."""


def touched(
    differences: Iterable[Difference], stubs: Sequence[Stub], registries: Sequence[Registry]
) -> list[Difference]:
    """Name in each difference the stubs that it concerns. *registries* are the versions they may be written for.

    A stub for a method that isn't there is one that other checks tell of; here it concerns nothing.
    """
    users: dict[Use, list[str]] = defaultdict(list)
    for stub in stubs:
        for use in {use for registry in registries for use in uses(stub, registry)}:
            users[use].append(str(stub))
    order = {str(stub): number for number, stub in enumerate(stubs)}
    return [
        replace(one, stubs=tuple(sorted({name for use in one.touches for name in users.get(use, ())}, key=order.get)))  # type: ignore[arg-type]
        for one in differences
    ]


def uses(stub: Stub, registry: Registry) -> frozenset[Use]:
    """Give all that a stub uses of the protos."""
    try:
        method = registry.method(stub.method)
    except SchemaError:
        return frozenset()
    return frozenset([("method", method.full_name), *_of_stub(stub, method, registry)])


def _of_stub(stub: Stub, method: Method, registry: Registry) -> Iterator[Use]:
    walk = _Walk(registry)
    for pattern in filter(None, (stub.request, stub.requests)):
        yield from walk.tree(pattern, method.input)
    for answer in stub.answers:
        for response in answer.responses or ():
            yield from walk.tree(response, method.output)
        if answer.error is not None and answer.error.is_mapping:
            for detail in _items(answer.error.value.get("details")):
                yield from walk.tree(detail, None)
        if answer.script is not None:
            yield from walk.script(answer.script, method)
    for node in _everything(stub):
        if isinstance(node.value, str):
            for found in _REFERENCE.finditer(node.value):
                yield from _path(found[1].strip(".").split("."), method.input)


def _everything(stub: Stub) -> Iterator[Node]:
    parts: list[Node | None] = [stub.request, stub.requests, stub.metadata, stub.when]
    for answer in stub.answers:
        parts += _parts(answer)
    for part in parts:
        if part is not None:
            yield from part.walk()


def _parts(answer: Answer) -> list[Node | None]:
    return [*(answer.responses or ()), answer.error, answer.script, answer.headers, answer.trailers]


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if node is not None and node.is_list else []


def _path(names: Sequence[str], descriptor: Descriptor | None) -> Iterator[Use]:
    for name in names:
        field = find_field(descriptor, name) if descriptor is not None else None
        if field is None:
            return
        yield "field", field.full_name
        descriptor = field.message_type


class _Walk:
    """Follows trees along the descriptors."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def tree(self, node: Node, type_: _Type) -> Iterator[Use]:
        """Follow a message, a pattern, or a part of one."""
        if node.is_list:
            for item in node.value:
                yield from self.tree(item, type_)
        elif node.is_mapping:
            yield from self._mapping(node, type_)
        elif isinstance(type_, EnumDescriptor):
            yield from self._value(node.value, type_)

    def _mapping(self, node: Node, type_: _Type) -> Iterator[Use]:
        if "@type" in node.value:
            type_ = self._any(node.value["@type"].value)
        if isinstance(type_, Descriptor):
            yield "message", type_.full_name
        for key, value in node.value.items():
            if isinstance(key, str) and key.startswith("$"):
                yield from self.tree(value, type_)  # an operator: what it holds is of the same type
            elif isinstance(type_, Descriptor) and (field := find_field(type_, str(key))) is not None:
                yield "field", field.full_name
                entry = field.message_type
                if entry is not None and entry.GetOptions().map_entry:
                    yield from self._map(value, entry)
                else:
                    yield from self.tree(value, entry or field.enum_type)

    def _map(self, node: Node, entry: Descriptor) -> Iterator[Use]:
        value = entry.fields_by_name["value"]
        yield from (("field", one.full_name) for one in entry.fields)
        if node.is_mapping:
            for item in node.value.values():
                yield from self.tree(item, value.message_type or value.enum_type)

    def _value(self, value: object, enum: EnumDescriptor) -> Iterator[Use]:
        found = enum.values_by_name.get(value) if isinstance(value, str) else enum.values_by_number.get(value)  # type: ignore[call-overload]
        if found is not None:
            yield "value", f"{enum.full_name}.{found.name}"

    def _any(self, url: object) -> Descriptor | None:
        try:
            found: Any = self._registry.message(str(url).rpartition("/")[2])
        except SchemaError:
            return None
        descriptor: Descriptor = found.DESCRIPTOR
        return descriptor

    def script(self, node: Node, method: Method) -> Iterator[Use]:
        """Follow the steps of a script, however they are nested."""
        if node.is_list:
            for item in node.value:
                yield from self.script(item, method)
        elif node.is_mapping:
            for key, value in node.value.items():
                if key in _SENT:
                    yield from self.tree(value, method.output)
                elif key in _EXPECTED:
                    yield from self.tree(value, method.input)
                else:
                    yield from self.script(value, method)
