"""What two messages of one resource differ in, as far as it matters."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import Message

from grpcmock.fuzz.generation.message_classes import bytes_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

_LONGEST = 60


class Difference(NamedTuple):
    """One field whose values differ."""

    path: str
    expected: str
    actual: str


def differences(
    expected: Message,
    actual: Message,
    *,
    ignoring: Collection[str] = (),
    also: Collection[str] = (),
    partial: bool = False,
) -> Iterator[Difference]:
    """Yield the fields of *expected* that *actual* has with other values, or, unless it is *partial*, not at all.

    *ignoring* are the full names of fields that don't count. Fields that aren't set in *expected* count only if they
    are in *also*, by the names they have at the top: those that are known to be empty.
    """
    descriptor: Any = expected.DESCRIPTOR
    for field in descriptor.fields:
        if field.full_name in ignoring:
            continue
        if is_set(expected, field):
            yield from _in_field(field, expected, actual, ignoring, partial)
        elif field.name in also and is_set(actual, field):
            yield Difference(field.name, "nothing", shown(getattr(actual, field.name)))


def _in_field(
    field: FieldDescriptor, expected: Message, actual: Message, ignoring: Collection[str], partial: bool
) -> Iterator[Difference]:
    name = field.name
    ours, theirs = getattr(expected, name), getattr(actual, name)
    if not is_set(actual, field):
        if not partial:
            yield Difference(name, shown(ours), "nothing")
        return
    if field.message_type is not None and not field.is_repeated:
        for path, one, other in differences(ours, theirs, ignoring=ignoring, partial=partial):
            yield Difference(f"{name}.{path}", one, other)
        return
    if same(field, ours, theirs, ignoring):
        return
    yield Difference(name, shown(ours), shown(theirs))


def is_set(message: Message, field: FieldDescriptor) -> bool:
    """Whether a message has a field, be it with its zero value where that can be told."""
    if field.is_repeated:
        return len(getattr(message, field.name)) > 0
    if field.has_presence:
        return bool(message.HasField(field.name))
    return bool(getattr(message, field.name) != field.default_value)


def same(field: FieldDescriptor, one: Any, other: Any, ignoring: Collection[str] = ()) -> bool:
    """Whether two values of a field are the same. The order in a list doesn't matter: it may be kept as a set."""
    return bool(_plain(field, one, ignoring) == _plain(field, other, ignoring))


def may_become(field: FieldDescriptor, given: Any, kept: Any) -> bool:
    """Whether a server may have made one value of another by tidying it up: blanks, capitals, and repeated items."""
    return bool(_tidied(field, given) == _tidied(field, kept))


def _tidied(field: FieldDescriptor, value: Any) -> Any:
    if field.is_repeated and not hasattr(value, "items"):
        return {_tidied_one(field, one) for one in value}
    return _tidied_one(field, value) if not field.is_repeated else _plain(field, value, ())


def _tidied_one(field: FieldDescriptor, value: Any) -> str:
    return " ".join(value.split()).casefold() if isinstance(value, str) else _one(field, value, ())


def _plain(field: FieldDescriptor, value: Any, ignoring: Collection[str]) -> Any:
    if field.is_repeated:
        if hasattr(value, "items"):
            of = field.message_type.fields_by_name["value"]  # type: ignore[union-attr]
            return sorted((repr(key), _one(of, item, ignoring)) for key, item in value.items())
        return sorted(_one(field, item, ignoring) for item in value)
    return _one(field, value, ignoring)


def _one(field: FieldDescriptor, value: Any, ignoring: Collection[str]) -> str:
    if field.message_type is None:
        return repr(value)
    copy = type(value)()
    copy.CopyFrom(value)
    for inner, _ in copy.ListFields():
        if inner.full_name in ignoring:
            copy.ClearField(inner.name)
    return bytes_of(copy).hex()


def shown(value: Any) -> str:
    """Write a value for a message to people, in short."""
    if isinstance(value, Message):
        text = " ".join(str(value).split()) or "{}"
    elif hasattr(value, "items"):
        text = repr({key: shown(item) if isinstance(item, Message) else item for key, item in value.items()})
    elif hasattr(value, "extend"):
        text = f"[{', '.join(shown(item) if isinstance(item, Message) else repr(item) for item in value)}]"
    else:
        text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def shown_as(field: FieldDescriptor, value: Any) -> str:
    """Write the value of a field for a message to people: of an enum by its name."""
    known = field.enum_type.values_by_number.get(value) if field.enum_type is not None else None
    return known.name if known is not None else shown(value)
