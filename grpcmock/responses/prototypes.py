"""Messages with templates in some of their fields: what is constant is encoded at load, the rest set for each call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.errors import Problems
from grpcmock.responses.templates import Branch, Leaf, Part
from grpcmock.schema import codec, values
from grpcmock.schema.fields import Shape, table
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Registry
    from grpcmock.schema.fields import Field


class _Slot(NamedTuple):
    """The field of one template."""

    way: tuple[str | int, ...]
    """The fields and places of a list that lead to its message."""

    name: str
    read: values.Reader


class _NotPlainError(Exception):
    """A tree is more than messages with templates in scalar fields."""


class Prototype:
    """A message without the values of its templates, which all stand in scalar fields."""

    def __init__(self, message: Message, slots: tuple[_Slot, ...]) -> None:
        self._parse = type(message).FromString
        self._data = message.SerializePartialToString()
        self._slots = slots

    @classmethod
    def of(cls, tree: Part, message_class: type[Message], registry: Registry) -> Prototype | None:
        """Return the prototype of a tree; None if each message has to be built from a tree of its own."""
        problems = Problems()
        try:
            slots = tuple(_slots(tree, table(message_class.DESCRIPTOR).descriptor, ()))
        except _NotPlainError:
            return None
        message = codec.build(_constant(tree), message_class, registry, problems, loose=True, partial=True)
        return None if problems.errors else cls(message, slots)

    def filled(self, rendered: list[Any]) -> Message:
        """Return a message with these values of its templates. Raises :class:`Mismatch` if one doesn't fit."""
        made = self._parse(self._data)
        for (way, name, read), value in zip(self._slots, rendered, strict=True):
            target: Any = made
            for step in way:
                target = getattr(target, step) if type(step) is str else target[step]
            setattr(target, name, read(value))
        return made


def _slots(part: Part, descriptor: Descriptor | None, way: tuple[str | int, ...]) -> Iterator[_Slot]:
    """Yield where the templates of a message stand, in the order in which they are rendered."""
    if type(part) is Node:
        return
    assert descriptor is not None  # the field is one of messages
    fields = table(descriptor)
    if type(part) is not Branch or part.is_list or fields.is_well_known or fields.is_any:
        raise _NotPlainError
    for key, below in part.items:
        if type(below) is Node and type(key) is not Leaf:
            continue
        field = fields.by_name.get(key)
        if field is None or field.is_extension:
            raise _NotPlainError
        if type(below) is Leaf and field.shape is Shape.SCALAR and not field.takes_null:
            yield _Slot(way, field.name, _reader(field))
        elif field.shape is Shape.MESSAGE:
            yield from _slots(below, field.descriptor.message_type, (*way, field.name))
        elif field.shape is Shape.MESSAGES and type(below) is Branch and below.is_list:
            for index, (_, item) in enumerate(below.items):
                yield from _slots(item, field.descriptor.message_type, (*way, field.name, index))
        else:
            raise _NotPlainError


def _reader(field: Field) -> values.Reader:
    """Give what reads a rendered value: where a string belongs, any scalar becomes its text."""
    if field.read is not values.string:
        return field.read

    return _text


_SCALARS = frozenset({bool, int, float, bytes})


def _text(value: Any) -> str:
    return values.string(values.text(value) if type(value) in _SCALARS else value)


def _constant(part: Part) -> Node:
    """Return a tree without its templates."""
    if type(part) is Node:
        return part
    assert type(part) is Branch
    if part.is_list:
        return Node([_constant(item) for _, item in part.items])
    return Node({key: _constant(below) for key, below in part.items if type(below) is not Leaf})
