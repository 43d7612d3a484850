"""Message types compiled to writers: one closure for each field, which draws a value and sets it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.choices import Draw
from grpcmock.fuzz.generation.scalars import HINT_SLOTS, Drawer

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.generation.well_known_types import Filler

SWARMS = 64
"""So many subsets of fields there are for each type; number 0 leaves out nothing, …"""

ALL = SWARMS - 1
"""… and with this one all fields are set, or almost all."""

_ALMOST_ALL = 24

_KEPT = (192, 128, 64, 128)
"""Of 256 fields a swarm keeps about so many."""

_MOST_ITEMS, _MOST_MESSAGES = 12, 4
_EVERY_LEVEL = 3
_MANY = (10, 100, 1_000)
_SHORT = 64

Writer = Callable[[Any, Draw, int, int], None]
"""Writes one field of a message: ``(message, draw, depth, swarm)``. At depth 0 no more messages are put inside."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A field, or a oneof, of a type that is being compiled."""

    name: str
    write: Writer
    must: bool = False
    """Whether no swarm leaves it out."""

    rare: bool = False
    """Whether most swarms leave it out."""


class Inner(Protocol):
    """What writers of message fields need to know of the type inside."""

    def fill(self, message: Any, draw: Draw, depth: int, swarm: int) -> None:
        """Write the fields of a message."""

    def minimal(self) -> bytes:
        """Give the smallest message of the type, as bytes."""


class TypeWriter:
    """One message type.

    What must be there is written first. Then fields are drawn, one after the other, until 0 is: a field that is not
    there takes no choice at all, and to leave one out is to delete its choices, which is what Hypothesis shrinks best.
    """

    __slots__ = ("_bound", "_free", "_minimal", "_musts", "_variants", "descriptor")

    def __init__(self, descriptor: Descriptor, minimal: Callable[[], bytes]) -> None:
        self.descriptor = descriptor
        self._minimal: Callable[[], bytes] | bytes = minimal
        self._musts: tuple[Writer, ...] = ()
        self._free: tuple[Part, ...] = ()
        self._bound = 1
        self._variants: list[tuple[Writer, ...] | None] = [None] * SWARMS

    def define(self, parts: Sequence[Part]) -> None:
        """Say of what it consists: done after construction, since a type may hold itself."""
        self._musts = tuple(part.write for part in parts if part.must)
        self._free = tuple(part for part in parts if not part.must)
        self._bound = len(self._free) + 1

    def fill(self, message: Any, draw: Draw, depth: int, swarm: int) -> None:
        """Write the fields of a message; *swarm*, from 0, says which are left out."""
        for write in self._musts:
            write(message, draw, depth, swarm)
        writers = self._variants[swarm] or self._variant(swarm)
        if swarm == ALL:
            for write in writers:
                if draw(_ALMOST_ALL):
                    write(message, draw, depth, swarm)
            return
        bound, written = self._bound, 0
        while which := draw(bound):
            if not written >> which & 1:
                written |= 1 << which
                writers[which - 1](message, draw, depth, swarm)

    def minimal(self) -> bytes:
        """Give the smallest message that will do, as bytes."""
        if not isinstance(self._minimal, bytes):
            self._minimal = self._minimal()
        return self._minimal

    def _variant(self, swarm: int) -> tuple[Writer, ...]:
        """Give the writers of a swarm; in the place of those that it leaves out stand some that write nothing."""
        kept = tuple(part.write if self._keeps(part, swarm) else _write_nothing for part in self._free)
        self._variants[swarm] = kept
        return kept

    def _keeps(self, part: Part, swarm: int) -> bool:
        if part.rare and swarm % 8 != 1:
            return False
        if swarm in (0, ALL):
            return True
        key = f"{self.descriptor.full_name}.{part.name}#{swarm}".encode()
        return blake2b(key, digest_size=1).digest()[0] < _KEPT[swarm % 4]


def _write_nothing(_: Any, __: Draw, ___: int, ____: int) -> None:
    pass


class FillerType:
    """A well-known type, seen as a type to be written."""

    __slots__ = ("_filler",)

    def __init__(self, filler: Filler) -> None:
        self._filler = filler

    def fill(self, message: Any, draw: Draw, depth: int, _: int) -> None:
        self._filler(message, draw, depth)

    def minimal(self) -> bytes:
        return b""


class WrapperType:
    """A wrapper such as ``google.protobuf.Int32Value``: its one value is named by the field that holds it."""

    __slots__ = ("_value",)

    def __init__(self, value: Drawer) -> None:
        self._value = value

    def fill(self, message: Any, draw: Draw, _: int, __: int) -> None:
        message.SetInParent()
        message.value = self._value(draw)

    def minimal(self) -> bytes:
        return b""


# Single fields --------------------------------------------------------------------------------------


def scalar(field: FieldDescriptor, value: Drawer, *, must: bool = False) -> Writer:
    """Write a scalar or enum that is to be there; where its presence is tracked, at its default as well.

    With *must* it is not set to what can't be told from unset.
    """
    name, default = field.name, field.default_value
    if field.is_extension:

        def extension(message: Any, draw: Draw, _: int, __: int) -> None:
            message.Extensions[field] = value(draw) if draw(4) else default

        return extension
    if field.has_presence:
        return lambda message, draw, _, __: setattr(message, name, value(draw) if draw(4) else default)
    if must:
        substitute = plain_value(field)
        return lambda message, draw, _, __: setattr(message, name, value(draw) or substitute)
    return lambda message, draw, _, __: setattr(message, name, value(draw))


def plain_value(field: FieldDescriptor) -> Any:
    """Give a value that is not the zero of its type; of an enum the first one declared that isn't, if there is one."""
    if field.enum_type is not None:
        return next((value.number for value in field.enum_type.values if value.number), 0)
    return {
        FieldDescriptor.CPPTYPE_STRING: b"a" if field.type == FieldDescriptor.TYPE_BYTES else "a",
        FieldDescriptor.CPPTYPE_BOOL: True,
    }.get(field.cpp_type, 1)


def nested(field: FieldDescriptor, inner: Inner, *, must: bool = False) -> Writer:
    """Write a message field: present with the least in it, or filled."""
    get = getter(field)

    def write(message: Any, draw: Draw, depth: int, swarm: int) -> None:
        if depth > 0 and draw(4):
            part = get(message)
            part.SetInParent()
            inner.fill(part, draw, _below(depth, draw), swarm)
        elif depth > 0 or must:
            _put_ground(get(message), inner)

    return write


def _below(depth: int, draw: Draw) -> int:
    """Give the depth that is left inside: one less, and where much is left any less, so that trees don't explode."""
    return depth - 1 if depth <= _EVERY_LEVEL else depth - 1 - draw(depth - 1)


def _put_ground(part: Any, inner: Inner) -> None:
    part.SetInParent()
    if minimal := inner.minimal():
        part.MergeFromString(minimal)


def getter(field: FieldDescriptor) -> Callable[[Any], Any]:
    """Give what finds the part of a message that a message, list or map field stands for."""
    name = field.name
    if field.is_extension:
        return lambda message: message.Extensions[field]
    return lambda message: getattr(message, name)


# Oneofs ---------------------------------------------------------------------------------------------


def oneof(arms: Sequence[Writer]) -> Writer:
    """Write one arm of a oneof."""
    count = len(arms)
    return lambda message, draw, depth, swarm: arms[draw(count)](message, draw, depth, swarm)


# Lists and maps -------------------------------------------------------------------------------------


def scalars(field: FieldDescriptor, value: Drawer) -> Writer:
    """Write a list: a few items, each followed by the question whether there is one more; or one item many times."""
    get = getter(field)

    def write(message: Any, draw: Draw, _: int, __: int) -> None:
        items = [value(draw)]
        more = draw(16)
        if more == 15:
            longer = isinstance(items[0], (str, bytes)) and len(items[0]) > _SHORT
            items *= _MANY[draw(1 if longer else len(_MANY))]
        elif more > 4:
            items.append(value(draw))
            while draw(3) and len(items) < _MOST_ITEMS:
                items.append(value(draw))
        get(message).extend(items)

    return write


def messages(field: FieldDescriptor, inner: Inner, least: int = 0, most: int = _MOST_MESSAGES) -> Writer:
    """Write a list of *least* to *most* messages: those demanded, then each after the question if there is one more."""
    get = getter(field)
    most = max(least, min(most, least + _MOST_MESSAGES))

    def write(message: Any, draw: Draw, depth: int, swarm: int) -> None:
        made = 0
        while made < least or (depth > 0 and made < most and draw(2 if made else 8)):
            part = get(message).add()
            if depth > 0:
                inner.fill(part, draw, _below(depth, draw), swarm)
            else:
                _put_ground(part, inner)
            made += 1

    return write


def scalar_map(field: FieldDescriptor, key: Drawer, value: Drawer) -> Writer:
    get = getter(field)

    def write(message: Any, draw: Draw, _: int, __: int) -> None:
        target = get(message)
        while True:
            name = key(draw)
            target[name] = value(draw)
            if len(target) >= _MOST_ITEMS or not draw(3):
                return

    return write


def message_map(field: FieldDescriptor, key: Drawer, inner: Inner, least: int = 0) -> Writer:
    get = getter(field)

    def write(message: Any, draw: Draw, depth: int, swarm: int) -> None:
        made, most = 0, least + _MOST_MESSAGES
        while made < least or (depth > 0 and made < most and draw(2 if made else 8)):
            part = get(message)[key(draw)]
            if depth > 0:
                inner.fill(part, draw, _below(depth, draw), swarm)
            else:
                _put_ground(part, inner)
            made += 1

    return write


# Values out of a pool -------------------------------------------------------------------------------


def samples(pool: Sequence[bytes], field: FieldDescriptor, hints: Sequence[Any] = ()) -> Writer:
    """Write one of several ready-made values: each the bytes of a message that holds the field alone, or none.

    A hint is written as it is: what breaks the rules is fixed in the end.
    """
    known, size, name = tuple(pool), len(pool), field.name

    def write(message: Any, draw: Draw, _: int, __: int) -> None:
        which = draw(size + HINT_SLOTS * len(hints))
        if which < size:
            message.MergeFromString(known[which])
        else:
            setattr(message, name, hints[(which - size) // HINT_SLOTS])

    return write
