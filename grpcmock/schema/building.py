"""Build messages from trees of ProtoJSON: every value checked, every problem noted with its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from grpcmock.errors import did_you_mean
from grpcmock.schema import paths, special, values
from grpcmock.schema.fields import DEEPEST, Field, Shape, Table, field_names, table
from grpcmock.schema.showing import to_tree
from grpcmock.schema.values import Mismatch
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Location, Problems
    from grpcmock.schema.registry import Registry

M = TypeVar("M", bound=Message)


def build(
    node: Node,
    message_class: type[M],
    registry: Registry,
    problems: Problems,
    path: str = "",
    *,
    deferred: Callable[[Node], bool] | None = None,
    loose: bool = False,
    partial: bool = False,
) -> M:
    """Build a message from a tree of ProtoJSON; what doesn't fit is added to *problems*, all of it.

    *path* stands before the paths of the problems. A string for which *deferred* is true is a template: its field is
    looked up, its value is not. Besides ProtoJSON, the tree may hold ``bytes`` and messages. With *loose*, any scalar
    becomes its text in a string field. With *partial*, fields that proto2 requires may be missing.
    """
    message = message_class()
    Builder(registry, problems, deferred, loose, partial).fill(message, table(message.DESCRIPTOR), node, path, 1)
    return message


class Builder:
    """What stays the same while one message is built."""

    __slots__ = ("deferred", "loose", "partial", "problems", "registry")

    def __init__(
        self,
        registry: Registry,
        problems: Problems,
        deferred: Callable[[Node], bool] | None,
        loose: bool,
        partial: bool,
    ) -> None:
        self.registry = registry
        self.problems = problems
        self.deferred = deferred
        self.loose = loose
        self.partial = partial

    def fill(self, message: Any, fields: Table, node: Node, path: str, depth: int) -> None:
        """Set *message*, which is empty, from *node*."""
        value = node.value
        if type(value) is not dict or fields.is_well_known or fields.is_any:
            special.fill(self, message, fields, node, path, depth)
            return
        if depth > DEEPEST:
            self.too_deep(node, path)
            return
        by_name = fields.by_name
        taken: dict[str, str] = {}
        for key, child in value.items():
            field = by_name.get(key) or self._extension(fields, node, key, path)
            if field is None or not self._is_due(field, key, child, node, taken, path):
                continue
            if field.shape is Shape.SCALAR and not field.is_extension:
                try:
                    setattr(message, field.name, field.read(child.value))
                except Mismatch as mismatch:
                    if (read := self._read_again(mismatch, field, child, paths.member(path, field.name))) is not None:
                        setattr(message, field.name, read)
            else:
                self._set(message, field, child, paths.member(path, field.name), depth)
        for name in fields.required:
            if name not in taken and not self.partial:
                text = f"the required field {name} of {fields.descriptor.full_name} is missing."
                self.error(text, node.location, path, "missing-required")

    def _extension(self, fields: Table, node: Node, key: Any, path: str) -> Field | None:
        """Find the field of a rarer name, or note that there is none."""
        if (field := fields.find(key)) is None:
            self._unknown_field(fields, node, key, path)
        return field

    def _is_due(self, field: Field, key: Any, child: Node, node: Node, taken: dict[str, str], path: str) -> bool:
        """Whether the value of a field is to be read; note what is wrong with its being there at all.

        *taken* holds the fields set so far, and for each oneof the member set.
        """
        if child.value is None and not (field.takes_null and field.shape <= Shape.MESSAGE):
            return False  # in ProtoJSON, null leaves a field unset
        if field.name in taken:
            self.error(f"field {field.name} is given twice.", node.key_location(key), path, "duplicate-field")
            return False
        taken[field.name] = field.name
        if field.oneof is not None:
            other = taken.setdefault(field.oneof_key, field.name)
            if other != field.name:
                text = f"{other} and {field.name} are members of one oneof ({field.oneof}); only one can be set."
                self.error(text, node.key_location(key), path, "oneof-conflict")
                return False
        return self.deferred is None or not self.is_deferred(child)

    def is_deferred(self, node: Node) -> bool:
        return self.deferred is not None and type(node.value) is str and self.deferred(node)

    def _set(self, message: Any, field: Field, child: Node, path: str, depth: int) -> None:
        """Set a field of any shape but that of a plain scalar."""
        shape = field.shape
        if shape is Shape.SCALAR:
            self._set_extension(message, field, child, path)
            return
        target = message.Extensions[field.descriptor] if field.is_extension else getattr(message, field.name)
        if shape is Shape.MESSAGE:
            assert field.value_class is not None
            target.SetInParent()
            self.fill(target, table(field.value_class.DESCRIPTOR), child, path, depth + 1)
        elif shape is Shape.MAP:
            self._set_map(target, field, child, path, depth)
        else:
            self._set_list(target, field, child, path, depth)

    def _set_list(self, target: Any, field: Field, node: Node, path: str, depth: int) -> None:
        items = _as_list(node)
        if items is None:
            expected = values.type_name(field.descriptor)
            self.mismatch(Mismatch(f"expected {expected}, not {values.describe(node.value)}."), node, path)
            return
        fields = table(field.value_class.DESCRIPTOR) if field.value_class is not None else None
        for index, item in enumerate(items):
            if item.value is None and not field.takes_null:
                self.mismatch(Mismatch("a list can't hold null."), item, paths.item(path, index))
            elif self.is_deferred(item):
                continue
            elif fields is not None:
                self.fill(target.add(), fields, item, paths.item(path, index), depth + 1)
            else:
                try:
                    target.append(field.read(item.value))
                except Mismatch as mismatch:
                    if (read := self._read_again(mismatch, field, item, paths.item(path, index))) is not None:
                        target.append(read)

    def _set_map(self, target: Any, field: Field, node: Node, path: str, depth: int) -> None:
        if isinstance(node.value, Message):
            node = Node.of(to_tree(node.value), node.location)
        if type(node.value) is not dict:
            expected = values.type_name(field.descriptor)
            self.mismatch(Mismatch(f"expected {expected}, not {values.describe(node.value)}."), node, path)
            return
        seen: set[Any] = set()
        for written, item in node.value.items():
            here = paths.item(path, written)
            key = self._read_key(field, written, node, here)
            if key is None:
                continue
            if key in seen:
                self.error("the key is given twice.", node.key_location(written), here, "duplicate-key")
            elif item.value is None and not field.takes_null:
                self.mismatch(Mismatch("a map can't hold null."), item, here)
            elif not self.is_deferred(item):
                self._set_entry(target, field, key, item, here, depth)
            seen.add(key)

    def _read_key(self, field: Field, written: Any, node: Node, path: str) -> Any:
        """Read the key of a map entry; give None, which no key is, after a problem is noted."""
        assert field.read_key is not None
        try:
            return field.read_key(_unquoted(written, field))
        except Mismatch as mismatch:
            text = f"in its key: {mismatch.message}"
            self.problems.error(text, node.key_location(written), path, hint=mismatch.hint, rule="type-mismatch")
            return None

    def _set_entry(self, target: Any, field: Field, key: Any, item: Node, path: str, depth: int) -> None:
        if field.value_class is not None:
            target[key].SetInParent()
            self.fill(target[key], table(field.value_class.DESCRIPTOR), item, path, depth + 1)
            return
        try:
            target[key] = field.read(item.value)
        except Mismatch as mismatch:
            if (read := self._read_again(mismatch, field, item, path)) is not None:
                target[key] = read

    def _set_extension(self, message: Any, field: Field, child: Node, path: str) -> None:
        try:
            message.Extensions[field.descriptor] = field.read(child.value)
        except Mismatch as mismatch:
            if (read := self._read_again(mismatch, field, child, path)) is not None:
                message.Extensions[field.descriptor] = read

    def _read_again(self, mismatch: Mismatch, field: Field, node: Node, path: str) -> Any:
        """Try a scalar that didn't fit once more, by the rules for values that come from templates.

        Gives None, which no scalar is, after it has noted the problem.
        """
        value = node.value
        if isinstance(value, Message):
            value = to_tree(value)
        if self.loose and isinstance(value, (bool, int, float, bytes)) and field.read is values.string:
            value = values.text(value)
        if value is not node.value:
            try:
                return field.read(value)
            except Mismatch as again:
                mismatch = again
        if field.shape is Shape.SCALAR and type(value) is list:
            mismatch.hint = mismatch.hint or "The field is not repeated."
        self.mismatch(mismatch, node, path)
        return None

    def _unknown_field(self, fields: Table, node: Node, key: Any, path: str) -> None:
        names = field_names(fields.descriptor)
        hint = did_you_mean(str(key), names, known="Its fields")
        if not names:
            hint = "It has no fields."
        text = f"{fields.descriptor.full_name} has no field {str(key)!r}."
        self.problems.error(text, node.key_location(key), paths.member(path, str(key)), hint=hint, rule="unknown-field")

    def mismatch(self, mismatch: Mismatch, node: Node, path: str) -> None:
        self.problems.error(mismatch.message, node.location, path, hint=mismatch.hint, rule="type-mismatch")

    def too_deep(self, node: Node, path: str) -> None:
        self.error(f"messages are nested more than {DEEPEST} deep.", node.location, path, "nested-too-deep")

    def error(self, text: str, location: Location, path: str, rule: str) -> None:
        self.problems.error(text, location, path, rule=rule)


def _as_list(node: Node) -> list[Node] | None:
    value = node.value
    if type(value) is list:
        return value
    if isinstance(value, Message):
        value = to_tree(value)  # a ListValue is a list
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        items: list[Node] = Node.of(list(value), node.location).value
        return items
    return None


def _unquoted(key: Any, field: Field) -> Any:
    """Let the key of a string map be written without quotes: ``1``, ``true``."""
    assert field.read_key is not None
    if field.read_key is values.string and isinstance(key, (bool, int, float)):
        return values.text(key)
    return key
