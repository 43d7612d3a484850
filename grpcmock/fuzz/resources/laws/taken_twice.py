"""What a server refuses to make a second thing with, since it's taken, it doesn't give to another one by a change.

That it is taken for this value shows where a thing was made by the same request with another value at that place alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.laws.whole_things import Told, key_name, key_of, makes_things, told_by
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method


class _Made(NamedTuple):
    method: Method
    request: Message
    thing: Message


class _Taken(NamedTuple):
    """A value that a second thing was refused for, and whose it is."""

    kind: str
    name: str
    value: Any
    owner: Any
    by: Method


@dataclass(slots=True)
class TakenTwice:
    """Hears of the calls of a case, one after the other."""

    _made: list[_Made] = field(default_factory=list)
    _taken: list[_Taken] = field(default_factory=list)

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what was given to a second thing."""
        method, told = reply.call.method, told_by(reply)
        if method is not None and only_reads(method):
            return
        if told is None or reply.termination is not Termination.SERVER:
            self._forget()
        elif makes_things(told.method):
            things = list(_things(told))
            self._made += [_Made(told.method, told.request, thing) for thing in things[:1]]
            if told.answer is None and with_meant_status(reply).code == Code.ALREADY_EXISTS:
                self._taken += self._refused(told)
        elif told.answer is not None:
            changed = list(_things(told))
            for thing in changed:
                yield from self._given(told, thing)
            if not changed or any(key_of(thing) in [one.owner for one in self._taken] for thing in changed):
                self._forget()  # what was taken may be free again

    def _forget(self) -> None:
        self._made.clear()
        self._taken.clear()

    def _refused(self, told: Told) -> Iterator[_Taken]:
        """Yield what a request was refused for that is the same as one before."""
        alike = [one for one in self._made if one.method is told.method]
        owner = next((one for one in alike if one.request == told.request), None)
        for one in alike if owner is not None else ():
            different = list(_differences(one.request, told.request))
            if owner is None or len(different) != 1:
                continue
            descriptor: Any = owner.thing.DESCRIPTOR
            own = descriptor.fields_by_name.get(different[0].name)
            if own is None or own.type != own.TYPE_STRING or own.name == key_name(descriptor):
                continue
            value = getattr(owner.thing, own.name)
            if value and same_type(own, different[0]):
                yield _Taken(descriptor.full_name, own.name, value, key_of(owner.thing), told.method)
                return

    def _given(self, told: Told, thing: Message) -> Iterator[Finding]:
        descriptor: Any = thing.DESCRIPTOR
        for one in self._taken:
            if one.kind != descriptor.full_name or one.owner == key_of(thing) or getattr(thing, one.name) != one.value:
                continue
            yield Finding(
                check="duplicate_create",
                expected=f"an error: {one.name} {shown(one.value)} is taken, as {one.by.name} said (ALREADY_EXISTS)",
                actual=f"OK, and two things have it: {shown(key_of(thing))}, and {shown(one.owner)}",
                path=one.name,
                key=f"taken {one.name}",
                method=told.method,
            )
            return


def _things(told: Told) -> Iterator[Message]:
    """Yield the things that an answer shows; with a mask of what is changed, the rest of them is there as well."""
    if told.answer is not None:
        for one in (told.answer, *(value for own, value in told.answer.ListFields() if not own.is_repeated)):
            if isinstance(one, Message) and key_of(one) is not None:
                yield one


def _differences(one: Message, other: Message) -> Iterator[FieldDescriptor]:
    """Yield the fields in which two requests differ."""
    descriptor: Any = one.DESCRIPTOR
    for own in descriptor.fields:
        ours, theirs = getattr(one, own.name), getattr(other, own.name)
        if ours == theirs:
            continue
        if isinstance(ours, Message) and isinstance(theirs, Message):
            yield from _differences(ours, theirs)
        else:
            yield own
