"""What requests of one type have exercised: fields set and left out, values of enums, arms of oneofs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
    from google.protobuf.message import Message

_DEEPEST = 4
_MOST_ITEMS = 4
"""So many items of a list, or values of a map, are looked into; the others are seldom of another sort."""

_OPAQUE = "google.protobuf."
"""Where the types are whose fields say nothing about the contract: ``Timestamp``, ``Any``, ``StringValue``."""


class FieldSeen:
    """One field at its place in a request."""

    __slots__ = ("below", "enum", "field", "owner", "path", "present", "values")

    def __init__(self, field: FieldDescriptor, path: str, owner: TypeSeen, below: TypeSeen | None) -> None:
        self.field = field
        self.path = path
        """As failures write it: ``user.tags``."""
        self.owner = owner
        self.below = below
        self.enum = field.enum_type
        self.present = 0
        self.values: set[int] = set()
        """The numbers of an enum that were sent."""

    @property
    def absent(self) -> int:
        """In how many of the messages that could have had it, it wasn't."""
        return self.owner.looked - self.present

    @property
    def declared(self) -> dict[str, bool]:
        """The values of an enum by their names, and whether each was sent; one left unset sends the zero."""
        if self.enum is None:
            return {}
        implied = {0} if self.absent and not self.field.has_presence and not self.field.is_repeated else set()
        seen = self.values | implied
        return {value.name: value.number in seen for value in self.enum.values}

    @property
    def undeclared(self) -> bool:
        """Whether a number was sent that the enum doesn't declare."""
        return self.enum is not None and not self.values <= set(self.enum.values_by_number)


class TypeSeen:
    """The messages of one type at one place: in the request itself, or below one of its fields."""

    __slots__ = ("_by_number", "fields", "looked", "oneofs")

    def __init__(self, descriptor: Descriptor, path: str = "", above: tuple[Descriptor, ...] = ()) -> None:
        self.looked = 0
        self._by_number: dict[int, FieldSeen] = {}
        for field in descriptor.fields:
            inner = _inside(field)
            below: TypeSeen | None = None
            name = f"{path}{field.name}"
            if inner is not None and inner not in above and inner is not descriptor and len(above) < _DEEPEST:
                mark = "[]." if field.is_repeated else "."
                below = TypeSeen(inner, name + mark, (*above, descriptor))
            self._by_number[field.number] = FieldSeen(field, name, self, below)
        self.fields = tuple(self._by_number.values())
        self.oneofs: tuple[tuple[str, OneofDescriptor], ...] = tuple(
            (f"{path}{oneof.name}", oneof) for oneof in descriptor.oneofs if not _is_synthetic(oneof)
        )

    def look(self, message: Message) -> None:
        """Take a message into account."""
        self.looked += 1
        by_number = self._by_number
        for field, value in message.ListFields():
            seen = by_number.get(field.number)
            if seen is None:  # an extension
                continue
            seen.present += 1
            if seen.enum is not None:
                _note_enum(seen, value)
            elif seen.below is not None:
                if not field.is_repeated:
                    seen.below.look(value)
                    continue
                for item in _some(value):
                    seen.below.look(item)

    def all_fields(self) -> Iterator[FieldSeen]:
        """Yield every field, those of messages below after the one that holds them."""
        for field in self.fields:
            yield field
            if field.below is not None:
                yield from field.below.all_fields()

    def all_oneofs(self) -> Iterator[tuple[str, dict[str, bool]]]:
        """Yield every oneof by its path, with its arms, ``(none)`` among them, and whether each was taken."""
        for path, oneof in self.oneofs:
            arms = [self._by_number[field.number] for field in oneof.fields]
            taken = {arm.field.name: arm.present > 0 for arm in arms}
            yield path, taken | {"(none)": self.looked > sum(arm.present for arm in arms)}
        for field in self.fields:
            if field.below is not None:
                yield from field.below.all_oneofs()

    def known(self) -> int:
        """How many different things were seen: it grows as long as there is news."""
        count = 0
        for field in self.all_fields():
            count += (field.present > 0) + (field.absent > 0) + len(field.values)
        return count + sum(sum(arms.values()) for _, arms in self.all_oneofs())


def _inside(field: FieldDescriptor) -> Descriptor | None:
    """Give the type of messages inside a field: of a map, that of its values."""
    inner = field.message_type
    if inner is None:
        return None
    if inner.GetOptions().map_entry:
        inner = inner.fields_by_name["value"].message_type
    return None if inner is None or inner.full_name.startswith(_OPAQUE) else inner


def _is_synthetic(oneof: OneofDescriptor) -> bool:
    return len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"


def _note_enum(seen: FieldSeen, value: Any) -> None:
    if not seen.field.is_repeated:
        seen.values.add(value)
    else:
        seen.values.update(value)


def _some(value: Any) -> list[Any]:
    items = value.values() if hasattr(value, "values") else value
    return [item for item, _ in zip(items, range(_MOST_ITEMS), strict=False)]
