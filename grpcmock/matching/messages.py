"""The kinds of the user's messages: their fields, where each is found, and which kind of value it holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from grpcmock.matching import leaves
from grpcmock.matching.findings import ABSENT, below
from grpcmock.matching.value_types import AnyType, ListType, MapType, Place, ScalarType, ValueType
from grpcmock.schema import codec, fields, values, well_known
from grpcmock.schema.fields import Shape
from grpcmock.stubs.operators import Family

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.matching.paths import Path
    from grpcmock.schema import Registry


class MessageKind(ValueType):
    """Messages that are matched field by field."""

    __slots__ = ("_kinds", "_slots", "descriptor")

    def __init__(self, descriptor: Descriptor, kinds: Kinds) -> None:
        super().__init__(values.type_name(descriptor), Family.MESSAGE)
        self.descriptor = descriptor
        self._kinds = kinds
        self._slots: dict[Any, Slot] = {}

    def slot(self, name: Any) -> Slot | None:
        """Find a field by any of its names."""
        found = self._slots.get(name)
        if found is None and (field := fields.table(self.descriptor).find(name)) is not None:
            # A field has one slot, whatever it is called: the paths of the index hang on it.
            found = self._slots.get(field.name) or Slot(field, self._kinds)
            self._slots[field.name] = self._slots[name] = found
        return found

    def plain(self, value: Any) -> Any:
        return codec.to_tree(value)


class Slot:
    """A field of a message: where it is, and what kind of value it holds."""

    __slots__ = ("get", "kind", "name", "number", "oneof", "place")

    def __init__(self, field: fields.Field, kinds: Kinds) -> None:
        descriptor = field.descriptor
        self.name = field.name
        self.number = descriptor.number
        self.oneof = field.oneof
        self.kind = kinds.of_field(field)
        self.place = Place.FIELD if descriptor.has_presence else Place.PLAIN
        self.get = _getter(descriptor, self.kind.normalize)
        """From a message to the value, in the form that matchers see."""

    def below(self, path: str) -> str:
        """Return the path of the value, in words."""
        return below(path, self.name)

    def step(self, path: Path) -> Path:
        """Return the path of the value, for the index."""
        return path.step(self, self.get)


class Kinds:
    """The kinds of the values of one registry, each made once."""

    def __init__(self) -> None:
        self._messages: dict[Descriptor, ValueType] = {}
        self._streams: dict[Descriptor, ListType] = {}
        self._enums: dict[EnumDescriptor, ScalarType] = {}

    @staticmethod
    def of(registry: Registry) -> Kinds:
        """Give the kinds of a registry; they live as long as it does."""
        found = _KINDS.get(registry)
        if found is None:
            found = _KINDS[registry] = Kinds()
        return found

    def message(self, descriptor: Descriptor) -> ValueType:
        """Give the kind of a message type."""
        found = self._messages.get(descriptor)
        if found is None:
            found = self._messages[descriptor] = self._make(descriptor)
        return found

    def of_class(self, message_class: type[Message]) -> ValueType:
        """Give the kind of the messages of a class."""
        return self.message(cast("Descriptor", message_class.DESCRIPTOR))

    def stream(self, descriptor: Descriptor) -> ListType:
        """Give the kind of all messages of a client that streams."""
        found = self._streams.get(descriptor)
        if found is None:
            name = f"all messages ({descriptor.full_name})"
            found = self._streams[descriptor] = ListType(self.message(descriptor), name)
        return found

    def of_field(self, field: fields.Field) -> ValueType:
        """Give the kind of a field's value."""
        descriptor = field.descriptor
        name = values.type_name(descriptor)
        if field.shape is Shape.MAP:
            assert field.read_key is not None and descriptor.message_type is not None
            key, value = (descriptor.message_type.fields_by_name[part] for part in ("key", "value"))
            return MapType(self._scalar(key), field.read_key, self._single(value), name)
        single = self._single(descriptor)
        return ListType(single, name) if field.shape in (Shape.SCALARS, Shape.MESSAGES) else single

    def _single(self, descriptor: FieldDescriptor) -> ValueType:
        return self._scalar(descriptor) if descriptor.message_type is None else self.message(descriptor.message_type)

    def _scalar(self, field: FieldDescriptor) -> ScalarType:
        """Give the kind of a scalar or enum field; of a list or map, of one element."""
        if field.enum_type is None:
            return leaves.scalar_kind(field)
        default = field.enum_type.values[0].number
        if (kind := self._enums.get(field.enum_type)) is None:
            is_null = field.enum_type.full_name == "google.protobuf.NullValue"
            kind = ScalarType(
                f"a value of enum {field.enum_type.full_name}",
                Family.ORDERED,
                (lambda _: 0) if is_null else values.reader(field),
                values.shower(field),
                default=default,
                takes_null=is_null,
                names=tuple(value.name for value in field.enum_type.values),
            )
            self._enums[field.enum_type] = kind
        return kind

    def _make(self, descriptor: Descriptor) -> ValueType:
        name = descriptor.full_name
        if name in well_known.WRAPPERS:
            return leaves.unwrapped(self._scalar(descriptor.fields_by_name["value"]), name)
        if name == "google.protobuf.Any":
            return AnyType(descriptor)
        return leaves.WELL_KNOWN.get(name) or MessageKind(descriptor, self)


_KINDS: WeakKeyDictionary[Registry, Kinds] = WeakKeyDictionary()


def _getter(descriptor: FieldDescriptor, normalize: Callable[[Any], Any] | None) -> Callable[[Message], Any]:
    name = descriptor.name
    if descriptor.is_extension:
        extended = partial(_get_extension, descriptor, not descriptor.has_presence)
        return extended if normalize is None else lambda message: _unless_absent(normalize, extended(message))
    take: Callable[[Any], Any] = attrgetter(name)
    if not descriptor.has_presence:
        return take if normalize is None else lambda message: normalize(take(message))
    if normalize is None:
        return lambda message: take(message) if message.HasField(name) else ABSENT
    return lambda message: normalize(take(message)) if message.HasField(name) else ABSENT


def _get_extension(descriptor: FieldDescriptor, always: bool, message: Any) -> Any:
    return message.Extensions[descriptor] if always or message.HasExtension(descriptor) else ABSENT


def _unless_absent(normalize: Callable[[Any], Any], value: Any) -> Any:
    return ABSENT if value is ABSENT else normalize(value)
