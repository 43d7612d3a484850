"""Request messages, metadata and states as templates see them: fields by proto name, strict about what there isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from jinja2.runtime import ChainableUndefined, StrictUndefined, Undefined

from grpcmock.errors import RenderError, did_you_mean
from grpcmock.responses.times import Quantity, quantity
from grpcmock.schema import codec, values, well_known

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor

_PLAIN = frozenset({"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"})
_TIMES = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
SPECIAL = well_known.WRAPPERS | _PLAIN | _TIMES | {"google.protobuf.Any"}
"""Messages that are to a template something other than their fields, or more."""


class Unset(ChainableUndefined):
    """A field that isn't set, or what would stand in one: false, empty as text, taken up by the filter ``default``.

    As a whole expression it leaves the field unset; to reckon with it is an error.
    """

    __slots__ = ()

    def __proto_json__(self) -> None:
        return None


class NoMessage(StrictUndefined):
    """Stands for a message while none has come: false; to use it is an error."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class UnsetMessage(Undefined):
    """A message field that isn't set: false, empty as text; its own fields read as their defaults."""

    __slots__ = ("_prototype",)

    def __init__(self, message_class: type[Message], name: str) -> None:
        super().__init__(hint=f"{name} is not set")
        self._prototype = message_class()

    def __getitem__(self, name: Any) -> Any:
        return read_field(self._prototype, name)

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self[name]

    def __proto_json__(self) -> None:
        return None


class MessageView(Mapping[str, Any]):
    """A message: each field an item by its proto name. Iterating gives the names of the fields that are set."""

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    def __getitem__(self, name: str) -> Any:
        return read_field(self._message, name)

    def __contains__(self, name: object) -> bool:
        # Every declared field, set or not: what is in a mapping comes before its methods, as in ``request.items``.
        return name in self._message.DESCRIPTOR.fields_by_name

    def __iter__(self) -> Iterator[str]:
        return (field.name for field, _ in self._message.ListFields())

    def __len__(self) -> int:
        return len(self._message.ListFields())

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MessageView):
            return self._message == other._message
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self._message.SerializePartialToString(deterministic=True))

    def __str__(self) -> str:
        tree = self.__proto_json__()
        return tree if isinstance(tree, str) else codec.to_text(self._message, _LONGEST)

    def __proto_json__(self) -> Any:
        """Give the plain ProtoJSON form, for ``tojson`` and for lists of messages in a text."""
        return codec.to_tree(self._message)

    def __message__(self) -> Message:
        return self._message


_LONGEST = 16 * 1024 * 1024


class TimeView(MessageView):
    """A Timestamp or Duration: as text in its ProtoJSON form, with ``seconds`` and ``nanos``, in order; it adds up."""

    __slots__ = ()

    def __lt__(self, other: Any) -> bool:
        return self._order() < self._order_of(other)

    def __le__(self, other: Any) -> bool:
        return self._order() <= self._order_of(other)

    def __gt__(self, other: Any) -> bool:
        return self._order() > self._order_of(other)

    def __ge__(self, other: Any) -> bool:
        return self._order() >= self._order_of(other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (datetime, timedelta, str)):
            return self._order() == self._order_of(other)
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self._order())

    def __add__(self, other: Any) -> Any:
        return self._reckoned(other, lambda mine, theirs: mine + theirs)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._reckoned(other, lambda mine, theirs: mine - theirs)

    def __rsub__(self, other: Any) -> Any:
        return self._reckoned(other, lambda mine, theirs: theirs - mine)

    def _reckoned(self, other: Any, reckon: Callable[[Quantity, Quantity], Quantity]) -> Any:
        mine = quantity(self._message)
        theirs = quantity(other.__message__() if isinstance(other, TimeView) else other)
        assert mine is not None  # it is one of the two types
        return NotImplemented if theirs is None else TimeView(reckon(mine, theirs).message())

    def _order(self) -> tuple[int, int]:
        message: Any = self._message
        return message.seconds, message.nanos

    def _order_of(self, other: Any) -> tuple[int, int]:
        if isinstance(other, TimeView):
            return other._order()  # noqa: SLF001 - of the same class
        try:
            message: Any = well_known.parse(type(self._message), other)
        except values.Mismatch as error:
            raise RenderError(f"can't be compared: {error}") from None
        return message.seconds, message.nanos


class AnyView(MessageView):
    """An Any: the fields of the message that it holds, where its type is known, besides ``type_url`` and ``value``."""

    __slots__ = ("_inner",)

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self._inner = _unpacked(message)

    def __getitem__(self, name: str) -> Any:
        if name == "@type":
            return self._message.type_url  # type: ignore[attr-defined]
        if self._inner is not None and (found := self._inner.DESCRIPTOR.fields_by_name.get(name)) is not None:
            return read_field(self._inner, found.name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return (self._inner is not None and name in self._inner.DESCRIPTOR.fields_by_name) or super().__contains__(name)


def _unpacked(message: Any) -> Message | None:
    try:
        descriptor = message.DESCRIPTOR.file.pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
        return GetMessageClass(descriptor).FromString(message.value)
    except (KeyError, DecodeError):
        return None


class EnumName(str):
    """An enum's value: its name, with its ``number``. An undeclared value is its number as text."""

    __slots__ = ("declared", "number")

    number: int
    declared: bool

    @classmethod
    def of(cls, number: int, names: Mapping[int, str]) -> EnumName:
        found = cls(names.get(number, number))
        found.number = number
        found.declared = number in names
        return found


class MetadataView:
    """The request's metadata: ``metadata["k"]`` is the first value of a key, ``metadata.all("k")`` the list."""

    __slots__ = ("_metadata",)

    def __init__(self, metadata: Mapping[str, Sequence[str | bytes]]) -> None:
        self._metadata = metadata

    def __getitem__(self, key: str) -> Any:
        found = self._metadata.get(str(key).lower())
        return found[0] if found else StrictUndefined(hint=f"the request has no metadata {key!r}")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._metadata

    def __iter__(self) -> Iterator[str]:
        return iter(self._metadata)

    def __len__(self) -> int:
        return len(self._metadata)

    def all(self, key: str) -> list[str | bytes]:
        return list(self._metadata.get(key.lower(), ()))

    def __proto_json__(self) -> Any:
        return {key: list(found) for key, found in self._metadata.items()}


class StateView:
    """The states of the scenarios; one that nothing has set is ``started``."""

    __slots__ = ("_states",)

    def __init__(self, states: Mapping[str, str]) -> None:
        self._states = states

    def __getitem__(self, scenario: str) -> str:
        return self._states.get(scenario, "started")

    def __proto_json__(self) -> Any:
        return dict(self._states)


def of_message(message: Message | None) -> Any:
    """Give the view of a message, or what stands for it as long as there is none."""
    return NoMessage(hint="no request message has come") if message is None else _view(message)


def _view(message: Message) -> Any:
    return _viewer(message.DESCRIPTOR)(message)


@lru_cache(maxsize=1024)
def _viewer(descriptor: Descriptor) -> Callable[[Any], Any]:
    """Choose what makes the view of this type's messages. Bounded, since descriptors keep their pool alive."""
    name = descriptor.full_name
    if name in well_known.WRAPPERS:
        shown = _scalar_viewer(descriptor.fields_by_name["value"])
        return lambda message: shown(message.value)
    if name in _PLAIN:
        return well_known.to_tree
    if name in _TIMES:
        return TimeView
    return AnyView if name == "google.protobuf.Any" else MessageView


def read_field(message: Message, name: Any) -> Any:
    """Read a field for a template. Raises ``RenderError``, with the nearest name, if there is no such field."""
    readers = _readers(message.DESCRIPTOR)
    found = readers.get(name)
    if found is None:
        raise RenderError(unknown_field(message.DESCRIPTOR, name))
    return found(message)


def unknown_field(descriptor: Any, name: Any) -> str:
    """Say that a message has no such field, and how the nearest one is written."""
    field = codec.find_field(descriptor, name) if isinstance(name, str) else None
    names = [field.name for field in descriptor.fields]
    hint = f"Write {field.name!r}." if field else did_you_mean(str(name), names, known="The fields")
    return f"{descriptor.full_name} has no field {name!r}. {hint}".rstrip()


_Reader = Callable[[Message], Any]


@lru_cache(maxsize=1024)
def _readers(descriptor: Descriptor) -> dict[str, _Reader]:
    """Make a reader for each field of a type, once: a rendering then looks nothing up in descriptors."""
    return {field.name: field_reader(field) for field in descriptor.fields}


def field_reader(field: FieldDescriptor) -> _Reader:
    """Return the function that reads a field of a message as templates see it."""
    name = field.name
    if values.is_map(field):
        assert field.message_type is not None
        shown = _element_viewer(field.message_type.fields_by_name["value"])
        return lambda message: {key: shown(value) for key, value in getattr(message, name).items()}
    shown = _element_viewer(field)
    if field.is_repeated:
        return lambda message: [shown(item) for item in getattr(message, name)]
    if not field.has_presence:
        return lambda message: shown(getattr(message, name))
    if field.message_type is not None and field.message_type.full_name not in (well_known.WRAPPERS | _PLAIN):
        unset_class = GetMessageClass(field.message_type)
        return lambda m: shown(getattr(m, name)) if m.HasField(name) else UnsetMessage(unset_class, name)
    return lambda message: shown(getattr(message, name)) if message.HasField(name) else Unset(hint=f"{name} is not set")


def _element_viewer(field: FieldDescriptor) -> Callable[[Any], Any]:
    # Types may contain themselves, so those of messages are looked up when they are met.
    return _view if field.message_type is not None else _scalar_viewer(field)


def _scalar_viewer(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.enum_type is not None:
        names = _names(field.enum_type)
        return lambda number: EnumName.of(number, names)
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _short_float
    return _same


@lru_cache(maxsize=1024)
def _names(enum: EnumDescriptor) -> Mapping[int, str]:
    return {value.number: value.name for value in reversed(enum.values)}  # of aliases, the first one


def _short_float(value: float) -> float:
    shown = values.shown_float(value, narrow=True)
    return value if isinstance(shown, str) else shown


def _same(value: Any) -> Any:
    return value
