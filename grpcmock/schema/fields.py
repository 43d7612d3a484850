"""The fields of a message type, by every name that ProtoJSON knows, with the functions that read and show them."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema import values, well_known

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema.values import Reader


DEEPEST = 100
"""How many messages may stand inside each other; protobuf decodes no more than that."""


class Shape(IntEnum):
    """What a field holds, as far as the codec must tell it apart."""

    SCALAR = 0
    MESSAGE = 1
    SCALARS = 2
    MESSAGES = 3
    MAP = 4


class Field:
    """One field: its descriptor, and the functions that read and show its values."""

    __slots__ = (
        "descriptor",
        "is_extension",
        "json_name",
        "name",
        "oneof",
        "oneof_key",
        "read",
        "read_key",
        "shape",
        "show",
        "takes_null",
        "value_class",
        "value_is_message",
    )

    def __init__(self, descriptor: FieldDescriptor) -> None:
        self.descriptor = descriptor
        self.is_extension = descriptor.is_extension
        self.name = f"[{descriptor.full_name}]" if descriptor.is_extension else descriptor.name
        """As :func:`codec.to_tree` writes it."""

        self.json_name = self.name if descriptor.is_extension else descriptor.json_name
        """As ProtoJSON prefers it."""

        oneof = descriptor.containing_oneof
        self.oneof: str | None = None
        if oneof is not None and not (len(oneof.fields) == 1 and oneof.name == f"_{descriptor.name}"):
            self.oneof = oneof.name
        self.oneof_key = f"oneof {self.oneof}"
        """Differs from the names of all fields."""

        element = descriptor
        self.read_key: Reader | None = None
        entry = descriptor.message_type
        if entry is not None and values.is_map(descriptor):
            element, key = entry.fields_by_name["value"], entry.fields_by_name["key"]
            self.read_key = _bool_key if key.type == FieldDescriptor.TYPE_BOOL else values.reader(key)
            self.shape = Shape.MAP
        elif descriptor.message_type is not None:
            self.shape = Shape.MESSAGES if descriptor.is_repeated else Shape.MESSAGE
        else:
            self.shape = Shape.SCALARS if descriptor.is_repeated else Shape.SCALAR

        self.value_is_message = element.message_type is not None
        self.value_class: type[Message] | None = None
        """The class of the message, of the list's elements, or of the map's values."""

        self.takes_null = False
        """Whether null is a value of this field, rather than the lack of one."""

        if element.message_type is not None:
            self.value_class = message_factory.GetMessageClass(element.message_type)
            self.takes_null = element.message_type.full_name == "google.protobuf.Value"
            self.read: Reader = _unread
            self.show: Reader = _unread
        else:
            self.read = values.reader(element)
            self.show = values.shower(element)
            if element.enum_type is not None and element.enum_type.full_name == "google.protobuf.NullValue":
                self.takes_null = True
                self.read = _null_reader(self.read)


class Table:
    """The fields of one message type. Extensions are looked up in its pool when they are first named."""

    __slots__ = ("_extensions", "by_name", "by_number", "descriptor", "is_any", "is_well_known", "required")

    def __init__(self, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        self.is_well_known = well_known.is_well_known(descriptor)
        self.is_any = descriptor.full_name == "google.protobuf.Any"
        fields = [Field(field) for field in descriptor.fields]
        self.by_number = {field.descriptor.number: field for field in fields}
        self.by_name: dict[Any, Field] = {}
        # A field's own name goes before another's JSON name.
        for names in (_proto_name, _json_name, _camel_name):
            for field in fields:
                self.by_name.setdefault(names(field.descriptor), field)
        self.required = tuple(field.name for field in fields if field.descriptor.is_required)
        self._extensions: dict[str, Field] = {}

    def find(self, name: Any) -> Field | None:
        """Find a field by its name, its JSON name, or as ``[full.name.of.an.extension]``."""
        found = self.by_name.get(name)
        if found is None and isinstance(name, str) and name[:1] == "[" and name[-1:] == "]":
            if name in self._extensions:
                return self._extensions[name]
            try:
                descriptor = self.descriptor.file.pool.FindExtensionByName(name[1:-1].strip())
            except KeyError:
                return None
            if descriptor.containing_type is not None and descriptor.containing_type == self.descriptor:
                return self.extension(descriptor)
        return found

    def extension(self, descriptor: FieldDescriptor) -> Field:
        """Give the field of an extension of this message type."""
        name = f"[{descriptor.full_name}]"
        if name not in self._extensions:
            self._extensions[name] = Field(descriptor)
        return self._extensions[name]


# Bounded, since each entry keeps the pool of its descriptor alive: a server that reloads makes many.
@lru_cache(maxsize=4096)
def table(descriptor: Descriptor) -> Table:
    """Give the table of a message type's fields."""
    return Table(descriptor)


def find_field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """Find a field by the name that a user wrote: ``page_size``, ``pageSize``, its JSON name, or ``[an.extension]``."""
    found = table(descriptor).find(name)
    return found.descriptor if found else None


def field_names(descriptor: Descriptor) -> list[str]:
    """List the names of the fields, and of the extensions in brackets, for the hint of an error."""
    extensions = descriptor.file.pool.FindAllExtensions(descriptor) if descriptor.is_extendable else []
    return [*(field.name for field in descriptor.fields), *(f"[{field.full_name}]" for field in extensions)]


def _proto_name(field: FieldDescriptor) -> str:
    return field.name


def _json_name(field: FieldDescriptor) -> str:
    return field.json_name


def _camel_name(field: FieldDescriptor) -> str:
    return field.camelcase_name


def _bool_key(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise values.Mismatch(f"expected a key that is a bool (true or false), not {values.describe(value)}.")


def _null_reader(read: Reader) -> Reader:
    return lambda value: 0 if value is None else read(value)


def _unread(value: Any) -> Any:
    raise AssertionError(f"messages are not read as scalars: {value!r}")
