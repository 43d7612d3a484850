"""The conditions of a stub, taken apart so that those of two stubs can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.schema import codec
from grpcmock.schema.values import Mismatch, is_map, scalar
from grpcmock.schema.well_known import is_well_known
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.schema import Method
    from grpcmock.stubs.model import Stub

Path = tuple[str, ...]
"""Where a condition stands: ``("request", "user", "id")``; that of an operator ends with it: ``(…, "$gt")``."""

Shape = frozenset[Path]
"""Where all the conditions of a stub stand."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """All that must hold for a stub, each condition by its path."""

    nodes: Mapping[Path, Node]
    """The conditions as they were written; states, which have no node, left out."""

    values: Mapping[Path, str]
    """The conditions as texts, equal for those that mean the same however they were written."""

    fixed: Shape
    """The paths in the request at which one single value is demanded."""

    @property
    def shape(self) -> Shape:
        return frozenset(self.values)

    @property
    def fields(self) -> Shape:
        """The paths looked at, without operators."""
        return frozenset(path[:-1] if path[-1].startswith("$") else path for path in self.values)

    @property
    def only_request(self) -> bool:
        return all(path[0] == "request" for path in self.values)

    def at(self, shape: Shape) -> tuple[str, ...]:
        """Give the conditions at these paths, in a fixed order."""
        return tuple(self.values[path] for path in sorted(shape))

    def demanded(self) -> Node:
        """Give the fixed values of the request, as the tree of a message."""
        tree: dict[str, Any] = {}
        for path in self.fixed:
            inner = tree
            for name in path[1:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = self.nodes[path]
        return Node.of(tree)


def leaves_of(stub: Stub, method: Method) -> Leaves:
    """Take the conditions of a stub apart. The stub must be one that compiles."""
    taken = _Taken()
    if stub.request is not None:
        taken.message(stub.request, method.input, ("request",))
    for name, node in (("requests", stub.requests), ("deadline", stub.deadline), ("when", stub.when)):
        if node is not None:
            taken.note((name,), node)
    if stub.metadata is not None and stub.metadata.is_mapping:
        for key, node in stub.metadata.value.items():
            taken.note(("metadata", str(key).lower()), node)
    for scenario, state in stub.state.items():
        taken.values["state", scenario] = state
    return Leaves(taken.nodes, taken.values, frozenset(taken.fixed))


class _Taken:
    """What has been taken apart so far."""

    def __init__(self) -> None:
        self.nodes: dict[Path, Node] = {}
        self.values: dict[Path, str] = {}
        self.fixed: set[Path] = set()

    def message(self, node: Node, descriptor: Descriptor, path: Path) -> None:
        """Note the conditions of a pattern on a message; ``{}`` is one itself, save for the whole request."""
        if not node.is_mapping or _is_operators(node) or (not node.value and len(path) > 1):
            self.note(path, node)
            return
        for key, child in node.value.items():
            field = codec.find_field(descriptor, str(key))
            if field is None:  # a well-known type, whose mapping is a value
                self.note(path, node)
                return
            self._field(child, field, (*path, field.name))

    def _field(self, node: Node, field: FieldDescriptor, path: Path) -> None:
        mapping = node.is_mapping and not _is_operators(node)
        if is_map(field) and mapping and node.value:
            for key, value in node.value.items():
                self.note((*path, str(key)), value)
        elif field.message_type is not None and mapping and not is_map(field) and not is_well_known(field.message_type):
            self.message(node, field.message_type, path)
        else:
            self.note(path, node, field)

    def note(self, path: Path, node: Node, field: FieldDescriptor | None = None) -> None:
        if _is_operators(node):
            for operator, child in node.value.items():
                self.nodes[*path, operator] = child
                self.values[*path, operator] = _canonical(child.plain())
            return
        self.nodes[path] = node
        self.values[path] = _canonical(_value(node, field))
        if path[0] == "request" and _is_fixed(node):
            self.fixed.add(path)


def _is_operators(node: Node) -> bool:
    return node.is_mapping and bool(node.value) and all(str(key).startswith("$") for key in node.value)


def _is_fixed(node: Node) -> bool:
    """Whether the field must have exactly this value."""
    if node.is_list:
        return all(not item.is_list and not item.is_mapping and item.value is not None for item in node.value)
    return not node.is_mapping and node.value is not None


def _value(node: Node, field: FieldDescriptor | None) -> Any:
    """Give the value that a scalar field would have: 1 and "1", a number and an enum's name, are the same."""
    if field is not None and field.message_type is None and not node.is_list and node.value is not None:
        try:
            return scalar(field, node.value)
        except Mismatch:
            return node.plain()
    return node.plain()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
