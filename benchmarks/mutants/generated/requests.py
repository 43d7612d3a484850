"""Requests for a service: those of its smoke calls, changed at random, with values that it gave before.

All of this knows nothing of ``grpcmock fuzz``; it stands for the clients that a service has in a year.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

from benchmarks.mutants.services.smoke import Step, messages, steps

if TYPE_CHECKING:
    from benchmarks.mutants.services.definition import Definition

_TEXTS = (
    "",
    " ",
    "a",
    "A",
    "ab",
    "a b",
    "a-b",
    "a/b",
    "-",
    "é",
    "🂡",
    "a\n",
    "x@y.zz",
    "1",
    "a" * 63,
    "a" * 64,
    "EUR",
    "*",
)
_FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 5.0, 1e300, float("inf"), float("-inf"), float("nan"), 50_000.0, 50_001.0)
_LARGEST_TEXT = 60_000
_MOST_ITEMS = 130
_INTEGERS = {
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32), (-(2**31), 2**31 - 1)
    ),
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64), (-(2**63), 2**63 - 1)
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), (0, 2**64 - 1)),
}


def numbers(source: str) -> list[int]:
    """The whole numbers that stand in a source, and those beside them, where its bounds may be."""
    found = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    whole = {one for one in found if type(one) is int}
    return sorted({near for one in whole for near in (one - 1, one, one + 1)})


class Requests:
    """Makes requests for one service. What it was answered so far is in *answers*, by the number of the step."""

    def __init__(self, definition: Definition, chance: random.Random) -> None:
        self._chance = chance
        self._steps = steps(definition)
        self._numbers = numbers(definition.source.read_text())
        self._seen: dict[str, list[Any]] = {}
        self.answers: dict[int, Any] = {}

    @property
    def steps(self) -> Sequence[Step]:
        return self._steps

    def learn(self, response: Any) -> None:
        """Remember the texts, numbers and bytes of an answer by the names of their fields."""
        for field, value in _scalars(response):
            if field.type in (
                field.TYPE_STRING,
                field.TYPE_BYTES,
                field.TYPE_INT64,
                field.TYPE_UINT32,
                field.TYPE_FIXED64,
            ):
                known = self._seen.setdefault(field.name, [])
                if value not in known:
                    known.append(value)
                    del known[:-20]

    def as_told(self, step: Step) -> list[Any] | None:
        """The requests of a smoke call; None if what it refers to wasn't answered."""
        try:
            return messages(step, self.answers)  # type: ignore[arg-type]
        except (LookupError, TypeError):
            return None

    def changed(self, step: Step) -> list[Any]:
        """The requests of a smoke call with some changes, or others of its kind."""
        made = self.as_told(step)
        if made is None:
            made = [message_factory.GetMessageClass(step.method.input_type)()]
        if step.method.client_streaming and self._chance.random() < 0.2:
            made = made[: self._chance.randrange(len(made) + 1)] + made[: self._chance.randrange(2)]
        for request in made:
            for _ in range(self._chance.choice((0, 1, 1, 1, 2, 3))):
                self._change(request)
        return made

    def _change(self, message: Any, depth: int = 0) -> None:
        """Change one field, here or below."""
        fields = list(message.DESCRIPTOR.fields)
        if not fields:
            return
        field = self._chance.choice(fields)
        present = [one for one, _ in message.ListFields()]
        if present and self._chance.random() < 0.6:
            field = self._chance.choice(present)
        if self._chance.random() < 0.12:
            message.ClearField(field.name)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            self._change_map(field, getattr(message, field.name))
        elif field.is_repeated:
            self._change_list(field, getattr(message, field.name), depth)
        elif field.message_type is not None:
            below = getattr(message, field.name)
            below.SetInParent()
            if depth < 3:
                self._change(below, depth + 1)
        else:
            setattr(message, field.name, self._value(field))

    def _change_map(self, field: FieldDescriptor, entries: Any) -> None:
        declared: Any = field.message_type
        key, value = declared.fields_by_name["key"], declared.fields_by_name["value"]
        for _ in range(self._count()):
            entries[self._value(key)] = self._value(value)

    def _change_list(self, field: FieldDescriptor, items: Any, depth: int) -> None:
        if items and self._chance.random() < 0.3:
            del items[self._chance.randrange(len(items))]
        elif field.message_type is not None and items and self._chance.random() < 0.6:
            self._change(items[self._chance.randrange(len(items))], depth + 1)
        elif field.message_type is not None:
            pattern = items[0] if items else None
            for _ in range(self._count()):
                item = items.add()
                if pattern is not None:
                    item.CopyFrom(pattern)
                if depth < 3:
                    self._change(item, depth + 1)
        elif items and self._chance.random() < 0.3:
            items.append(items[0])
        else:
            items.extend(self._value(field) for _ in range(self._count()))

    def _count(self) -> int:
        """How many to add: mostly one, sometimes as many as a bound in the source says."""
        if self._chance.random() < 0.8:
            return 1
        return min(max(self._chance.choice(self._numbers), 1), _MOST_ITEMS)

    def _value(self, field: FieldDescriptor) -> Any:
        known = self._seen.get(field.name) or self._alike(field)
        if known and self._chance.random() < 0.5:
            value = self._chance.choice(known)
            if _fits(field, value):
                return value
        if field.type in _INTEGERS:
            least, most = _INTEGERS[field.type]
            value = self._chance.choice((0, 1, 2, 3, -1, least, most, *self._chance.choices(self._numbers, k=7)))
            return min(max(value, least), most)
        match field.type:
            case FieldDescriptor.TYPE_BOOL:
                return self._chance.random() < 0.5
            case FieldDescriptor.TYPE_FLOAT | FieldDescriptor.TYPE_DOUBLE:
                return self._chance.choice(_FLOATS)
            case FieldDescriptor.TYPE_ENUM:
                enum: Any = field.enum_type
                declared = [value.number for value in enum.values]
                return self._chance.choice(declared if enum.is_closed else [*declared, 99, -1])
            case FieldDescriptor.TYPE_BYTES:
                return self._chance.choice((b"", b"a", b"\xff\x00", bytes(self._length())))
        return self._chance.choice((*_TEXTS, self._chance.choice("aZé") * self._length()))

    def _length(self) -> int:
        return min(max(self._chance.choice(self._numbers), 0), _LARGEST_TEXT)

    def _alike(self, field: FieldDescriptor) -> list[Any]:
        """Values that fields of other names had, where their names end alike, such as ``name`` and ``other_shelf``."""
        named = [values for name, values in self._seen.items() if name in field.name or field.name in name]
        pool = named or list(self._seen.values())
        return self._chance.choice(pool) if pool else []


def _fits(field: FieldDescriptor, value: Any) -> bool:
    if isinstance(value, str):
        return bool(field.type == FieldDescriptor.TYPE_STRING)
    if isinstance(value, bytes):
        return bool(field.type == FieldDescriptor.TYPE_BYTES)
    least, most = _INTEGERS.get(field.type, (1, 0))
    return bool(least <= value <= most)


def _scalars(message: Any) -> Iterator[tuple[FieldDescriptor, Any]]:
    """The fields that are set, here and below, that are no messages."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                continue
            for one in value if field.is_repeated else (value,):
                yield from _scalars(one)
        else:
            for one in value if field.is_repeated else (value,):
                yield field, one
