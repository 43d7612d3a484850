"""What the options in the descriptors demand of values: ``buf.validate`` rules and ``google.api`` annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, OneofDescriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Registry

_PACKAGES = ("buf.validate", "validate")
"""protovalidate, and protoc-gen-validate before it, whose rules have the same names."""

_IGNORE_ZERO = 1
_IGNORE_ALWAYS = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """What ``buf.validate`` demands of one value."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """The rules of the value's own type, by name: ``{"gt": 3, "not_in": [5]}``."""

    required: bool = False

    zero_is_free: bool = False
    """Whether the zero value is let through, whatever the other rules say."""

    cel: tuple[str, ...] = ()
    """CEL expressions about the value, which only the validator can judge."""

    items: Rules | None = None
    """Of a list: the rules of its items."""

    keys: Rules | None = None
    """Of a map: the rules of its keys."""

    entries: Rules | None = None
    """Of a map: the rules of its values."""


@dataclass(frozen=True, slots=True)
class FieldAnnotations:
    """All that the options of a field say about its values."""

    rules: Rules = Rules()

    behaviors: frozenset[str] = frozenset()
    """``google.api.field_behavior``: ``REQUIRED``, ``OUTPUT_ONLY``, ``INPUT_ONLY``, ``IDENTIFIER``, …"""

    format: str = ""
    """``google.api.field_info``: ``UUID4``, ``IPV4``, ``IPV6``, ``IPV4_OR_IPV6``; empty if there is none."""

    patterns: tuple[str, ...] = ()
    """The resource names that ``google.api.resource`` or ``resource_reference`` asks for: ``users/{user}``."""

    own_name: bool = False
    """Whether it holds the name of the resource that its message is, which a server may choose by itself."""

    is_ignored: bool = False
    """Whether no rule of what stands in it holds there: ``IGNORE_ALWAYS``, or ``skip`` of protoc-gen-validate."""


@dataclass(frozen=True, slots=True)
class MessageAnnotations:
    """All that the options of a message say about its fields together."""

    cel: Mapping[str, str] = field(default_factory=dict)
    """CEL expressions by the id of their rule."""

    oneofs: tuple[tuple[tuple[str, ...], bool], ...] = ()
    """Groups of fields of which at most one may be set, and whether one must be."""


class AnnotationReader:
    """A reader of options. Custom options are parsed by the registry's own pool, which declares them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pool = registry.pool

    @cached_property
    def has_rules(self) -> bool:
        """Whether any file could hold rules of protovalidate or protoc-gen-validate at all."""
        return any(file.package in _PACKAGES for file in self._registry.files.file)

    def field(self, descriptor: FieldDescriptor) -> FieldAnnotations:
        options = self._options("FieldOptions", descriptor)
        resource = self.resource(descriptor.containing_type)
        own_name = resource is not None and descriptor.name == (resource.name_field or "name")
        patterns: tuple[str, ...] = tuple(resource.pattern) if own_name else ()
        if options is None:
            return FieldAnnotations(patterns=patterns, own_name=own_name)
        found = self._extension(options, "buf.validate.field")
        if found is None and (older := self._extension(options, "validate.rules")) is not None:
            found = older if not self._is_disabled(descriptor.containing_type) else None
        behaviors = self._extension(options, "google.api.field_behavior") or ()
        info = self._extension(options, "google.api.field_info")
        if reference := self._extension(options, "google.api.resource_reference"):
            patterns = self._referenced(reference)
        return FieldAnnotations(
            rules=self._rules(found) if found is not None else Rules(),
            behaviors=frozenset(self._enum_name("google.api.FieldBehavior", number) for number in behaviors),
            format=self._enum_name("google.api.FieldInfo.Format", info.format) if info and info.format else "",
            patterns=patterns,
            own_name=own_name,
            is_ignored=found is not None and _is_ignored(found),
        )

    def resource(self, descriptor: Descriptor | None) -> Any:
        """Give the ``google.api.ResourceDescriptor`` of a message; None if it isn't said to be a resource."""
        return self._extension(self._options("MessageOptions", descriptor), "google.api.resource")

    def operation_info(self, descriptor: MethodDescriptor) -> Any:
        """Return the ``google.longrunning.OperationInfo`` of a method; None if it has none."""
        return self._extension(self._options("MethodOptions", descriptor), "google.longrunning.operation_info")

    def reference(self, descriptor: FieldDescriptor) -> tuple[str, str]:
        """Give the types of the resource that a field refers to, and of the one below it; empty where none is named."""
        reference = self._extension(self._options("FieldOptions", descriptor), "google.api.resource_reference")
        return (reference.type, reference.child_type) if reference is not None else ("", "")

    def message(self, descriptor: Descriptor) -> MessageAnnotations:
        rules = self._extension(self._options("MessageOptions", descriptor), "buf.validate.message")
        if rules is None:
            return MessageAnnotations()
        found = _set_fields(rules)
        cel = {rule.id: rule.expression for rule in found.get("cel", ())}
        cel |= {expression: expression for expression in found.get("cel_expression", ())}
        oneofs = tuple((tuple(rule.fields), bool(rule.required)) for rule in found.get("oneof", ()))
        return MessageAnnotations(cel, oneofs)

    def _is_disabled(self, descriptor: Descriptor | None) -> bool:
        """Whether protoc-gen-validate leaves the rules of a type out."""
        options = self._options("MessageOptions", descriptor)
        return any(self._extension(options, f"validate.{name}") for name in ("disabled", "ignored"))

    def oneof_required(self, descriptor: OneofDescriptor) -> bool:
        """Whether one member of a oneof must be set."""
        options = self._options("OneofOptions", descriptor)
        rules = self._extension(options, "buf.validate.oneof")
        return bool(rules.required if rules is not None else self._extension(options, "validate.required"))

    def _rules(self, raw: Message) -> Rules:
        """Read ``buf.validate.FieldRules``, or the message of the same shape in protoc-gen-validate."""
        if _is_ignored(raw):
            return Rules()
        found = _set_fields(raw)
        ignore = found.pop("ignore", 0)
        required = found.pop("required", False)
        cel = [rule.expression for rule in found.pop("cel", ())] + list(found.pop("cel_expression", ()))
        values: dict[str, Any] = {}
        for of_type in found.values():
            values |= _set_fields(of_type)
            cel += self._predefined(of_type)
        nested = {name: self._rules(values.pop(name)) for name in ("items", "keys", "values") if name in values}
        values.pop("skip", False)
        required = bool(values.pop("required", required))
        free = ignore == _IGNORE_ZERO or bool(values.pop("ignore_empty", False))
        return Rules(values, required, free, tuple(cel), nested.get("items"), nested.get("keys"), nested.get("values"))

    def _predefined(self, rules: Message) -> list[str]:
        """Give the CEL expressions of predefined rules, which are extensions of the rules of a type."""
        expressions = []
        for extension, _ in rules.ListFields():
            if extension.is_extension:
                options = self._options("FieldOptions", extension)
                predefined = self._extension(options, "buf.validate.predefined")
                expressions += [rule.expression for rule in predefined.cel] if predefined is not None else []
        return expressions

    def _referenced(self, reference: Any) -> tuple[str, ...]:
        """Find the patterns of the type that a field refers to; of a child type, the part that names its parent."""
        if reference.child_type:
            parents = (_parent(pattern) for pattern in self._resources.get(reference.child_type, ()))
            return tuple(filter(None, parents))
        return self._resources.get(reference.type, ())

    @cached_property
    def _resources(self) -> dict[str, tuple[str, ...]]:
        """The patterns of every resource type that any file declares."""
        found = {}
        for file in map(self._pool.FindFileByName, (file.name for file in self._registry.files.file)):
            declared = self._extension(self._options("FileOptions", file), "google.api.resource_definition") or []
            on_messages = map(self.resource, _with_nested(file.message_types_by_name.values()))
            for resource in (*declared, *filter(None, on_messages)):
                found[resource.type] = tuple(resource.pattern)
        return found

    def _options(self, kind: str, descriptor: Any) -> Message | None:
        """Give the options of anything, parsed by the registry's pool; None if there are none."""
        raw = descriptor.GetOptions().SerializePartialToString() if descriptor is not None else b""
        if not raw:
            return None
        try:
            own_type = self._pool.FindMessageTypeByName(f"google.protobuf.{kind}")
        except KeyError:  # without descriptor.proto, no file of the pool can declare an option
            return None
        options = message_factory.GetMessageClass(own_type)()
        options.MergeFromString(raw)
        return options

    def _extension(self, options: Message | None, name: str) -> Any:
        """Give the value of an option; None if it isn't set, or not declared in this pool."""
        if options is None:
            return None
        try:
            extension: Any = self._pool.FindExtensionByName(name)
        except KeyError:
            return None
        if extension.is_repeated:
            return list(options.Extensions[extension])
        return options.Extensions[extension] if options.HasExtension(extension) else None

    def _enum_name(self, enum: str, number: int) -> str:
        value = self._pool.FindEnumTypeByName(enum).values_by_number.get(number)
        return value.name if value is not None else ""


def _is_ignored(raw: Message) -> bool:
    """Whether the rules of a field leave out all that stands in it."""
    found = _set_fields(raw)
    is_skipped = any(_set_fields(of_type).get("skip") for name, of_type in found.items() if name == "message")
    return found.get("ignore", 0) == _IGNORE_ALWAYS or is_skipped


def _set_fields(message: Message) -> dict[str, Any]:
    return {field.name: value for field, value in message.ListFields() if not field.is_extension}


def _with_nested(descriptors: Any) -> Iterator[Descriptor]:
    for descriptor in descriptors:
        yield descriptor
        yield from _with_nested(descriptor.nested_types)


def _parent(pattern: str) -> str:
    """Cut the last collection and id off a pattern.

    >>> _parent("publishers/{publisher}/books/{book}")
    'publishers/{publisher}'
    """
    return "/".join(pattern.split("/")[:-2])
