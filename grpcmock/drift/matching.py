"""Find what stands for what in two versions of a message: by number, by name, and by what has moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.drift.views import Field, Message


@dataclass(slots=True)
class Matched:
    """The fields of two messages, each in one of these lists."""

    same: list[tuple[Field, Field]] = field(default_factory=list)
    """With the same number, perhaps under another name."""

    renumbered: list[tuple[Field, Field]] = field(default_factory=list)
    """With the same name, under another number."""

    removed: list[Field] = field(default_factory=list)
    added: list[Field] = field(default_factory=list)


def match(old: Message, new: Message) -> Matched:
    """Match fields. A name weighs more than a number: a number that is another's now was taken over by it."""
    numbers = {one.number: one for one in new.fields}
    names = {one.name: one for one in new.fields}
    old_names = {one.name for one in old.fields}
    matched = Matched()
    taken = set()
    for one in old.fields:
        by_number, by_name = numbers.get(one.number), names.get(one.name)
        if by_name is not None and by_name.number != one.number:
            matched.renumbered.append((one, by_name))
            taken.add(by_name.name)
        elif by_number is not None and (by_number.name == one.name or by_number.name not in old_names):
            matched.same.append((one, by_number))
            taken.add(by_number.name)
        else:
            matched.removed.append(one)
    matched.added = [one for one in new.fields if one.name not in taken]
    return matched
