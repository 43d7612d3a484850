"""Rules of protoc-gen-validate in the words of protovalidate, its successor, so that one judge knows both.

The successor kept the names and numbers of nearly all rules: https://protovalidate.com/migration-guides/migrate-from-protoc-gen-validate/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    timestamp_pb2,
)

from grpcmock.schema import shipped

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import DescriptorProto
    from google.protobuf.message import Message

    from grpcmock.schema import Registry

PACKAGE = "validate"

_IGNORE_ZERO, _IGNORE_ALWAYS = 1, 3
"""``buf.validate.Ignore``."""

_GONE = ("required", "ignore_empty", "no_sparse")
"""Rules of a type that have become rules of the field, or are no more: their numbers mean something else today."""

_NESTED = ("items", "keys", "values")


class Successor:
    """The types of a registry with all rules said as protovalidate reads them."""

    def __init__(self, registry: Registry) -> None:
        """Raises :class:`KeyError` if the registry doesn't declare the rules of protoc-gen-validate."""
        self._old = _Options(
            registry.pool,
            PACKAGE,
            {"field": "rules", "oneof": "required", "disabled": "disabled", "ignored": "ignored"},
        )
        new = _rules_pool()
        self._new = _Options(new, "buf.validate", {"field": "field", "oneof": "oneof"})
        self._rules = message_factory.GetMessageClass(new.FindMessageTypeByName("buf.validate.FieldRules"))
        self._pool = descriptor_pool.DescriptorPool()
        added: set[str] = set()
        for name in [file.name for file in registry.files.file]:
            self._add(registry.pool.FindFileByName(name), added)

    def of(self, message: Message) -> Message:
        """Return the same message, of a type whose rules protovalidate knows."""
        found = self._pool.FindMessageTypeByName(message.DESCRIPTOR.full_name)
        return message_factory.GetMessageClass(found).FromString(message.SerializePartialToString())

    def _add(self, file: FileDescriptor, added: set[str]) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for imported in file.dependencies:
            self._add(imported, added)
        described = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(described)
        for message in described.message_type:
            self._translate(message)
        self._pool.AddSerializedFile(described.SerializeToString())

    def _translate(self, message: DescriptorProto) -> None:
        for inner in message.nested_type:
            self._translate(inner)
        if self._old.get("disabled", message.options) or self._old.get("ignored", message.options):
            return
        for oneof in message.oneof_decl:
            if self._old.get("oneof", oneof.options):
                self._new.put("oneof", oneof.options, required=True)
        for field in message.field:
            if (rules := self._old.get("field", field.options)) is not None:
                self._new.put("field", field.options, self._successor(rules))

    def _successor(self, old: Any) -> Message:
        new: Any = self._rules()
        new.required = old.message.required
        if old.message.skip:
            new.ignore = _IGNORE_ALWAYS
        kind = old.WhichOneof("type")
        if kind is None:
            return new  # type: ignore[no-any-return]
        rules = type(getattr(old, kind))()
        rules.CopyFrom(getattr(old, kind))
        there = {field.name: value for field, value in rules.ListFields()}
        new.required = new.required or there.get("required", False)
        if there.get("ignore_empty"):
            new.ignore = _IGNORE_ZERO
        inside = {
            name: self._successor(there[name]) for name in _NESTED if name in there and kind in ("repeated", "map")
        }
        for name in (*_GONE, *inside):
            if name in there:
                rules.ClearField(name)
        target = getattr(new, kind)
        target.MergeFromString(rules.SerializeToString())
        target.SetInParent()
        for name, rule in inside.items():
            getattr(target, name).CopyFrom(rule)
        return new  # type: ignore[no-any-return]


def _rules_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for imported in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        pool.AddSerializedFile(imported.DESCRIPTOR.serialized_pb)
    described = shipped.described(shipped.RULES)
    assert described is not None  # protovalidate is always there
    pool.AddSerializedFile(described.SerializeToString())
    return pool


class _Options:
    """Options of one package, whose values are read and written in options of any pool."""

    def __init__(self, pool: descriptor_pool.DescriptorPool, package: str, names: dict[str, str]) -> None:
        self._extensions: dict[str, Any] = {}
        self._classes: dict[str, Any] = {}
        for kind, name in names.items():
            extension: Any = pool.FindExtensionByName(f"{package}.{name}")
            self._extensions[kind] = extension
            self._classes[kind] = message_factory.GetMessageClass(extension.containing_type)

    def get(self, kind: str, options: Message) -> Any:
        """Return the value of an option; None if it isn't set."""
        own = self._classes[kind].FromString(options.SerializePartialToString())
        extension = self._extensions[kind]
        return own.Extensions[extension] if own.HasExtension(extension) else None

    def put(self, kind: str, options: Message, value: Message | None = None, **fields: Any) -> None:
        own = self._classes[kind]()
        held = own.Extensions[self._extensions[kind]]
        held.MergeFrom(value if value is not None else type(held)(**fields))
        held.SetInParent()
        options.MergeFromString(own.SerializePartialToString())
