"""What things say of their own times: when they were made, changed and deleted (AIP-148, AIP-164).

A server's clock is its own: its times are compared with each other alone, for what was made by the calls themselves.
Where nothing is annotated, it is held to that once it has shown one time twice: what has no memory isn't blamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.roles import READING, Role
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.differences import differences
from grpcmock.fuzz.resources.instants import DAY, SECOND, grain, instant, is_servers, told
from grpcmock.fuzz.resources.known_resources import finding

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_MADE = ("create_time", "created_at")
_CHANGED = ("update_time", "updated_at", "modified_at")
_DELETED = ("delete_time", "deleted_at")
_ENDING = ("purge_time", "expire_time")

_TURNS = frozenset({Role.DELETE, Role.EXPUNGE, Role.UNDELETE, Role.MOVE})
"""What may make another thing of one."""

_Key = tuple[str, Any]


class _Time(NamedTuple):
    """A time, and the field that says it."""

    time: int
    field: str

    def __str__(self) -> str:
        return f"{self.field} {told(self.time)}"


class _Moment(NamedTuple):
    """Something that was done."""

    at: _Time
    what: str
    method: Method


@dataclass(slots=True)
class _Thing:
    """What is known of one that was made."""

    resource: Resource
    last: Message
    """As it was shown when it was written last."""

    uid: str
    made: _Time | None
    making: _Moment | None
    """Until it counts."""

    is_kept: bool
    """Whether the server has a memory, as far as this one shows."""


@dataclass(slots=True)
class Times:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _things: dict[_Key, _Thing] = field(default_factory=dict)
    _moments: list[_Moment] = field(default_factory=list)
    """In the order of the calls."""

    _proven: set[str] = field(default_factory=set)
    """The resources of which some were shown again as they were, by their names."""

    _clients: set[_Time] = field(default_factory=set)
    """What clients have given where only the server sets a time."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        step = step_of(reply, self.resources)
        if step is None:
            if may_change(reply):
                self._things.clear()
            return
        if not step.is_ok:
            return
        role, shown = step.operation.role, step.resources()
        self._hear_of_clients(step)
        if role is Role.CREATE and len(shown) == 1 and not step.is_foreign:
            yield from self._made(step, shown[0])
        elif role in (*READING, Role.UPDATE):
            for message in shown:
                yield from self._shown(step, message)
        elif role is Role.DELETE and len(shown) == 1:
            yield from self._deleted(step, shown[0])
        if role in _TURNS:
            self._things.pop((step.resource.name, step.at(step.operation.key)), None)

    def _hear_of_clients(self, step: ResourceCall) -> None:
        for request in step.requests:
            for given in (request, step.at(step.operation.given, request)):
                for name in (*_MADE, *_CHANGED, *_DELETED, *_ENDING) if given is not None else ():
                    if (time := instant(given, name)) is not None:
                        self._clients.add(_Time(time, name))

    def _time(self, resource: Resource, message: Message, names: tuple[str, ...]) -> _Time | None:
        """Return a time that is the server's own; None if there is none."""
        for name in filter(lambda one: is_servers(resource, one), names):
            time = instant(message, name)
            if time is not None and _Time(time, name) not in self._clients:
                return _Time(time, name)
        return None

    def _made(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        resource, key = step.resource, getattr(message, step.resource.key)
        made, is_kept = self._time(resource, message, _MADE), resource.is_annotated
        making = _Moment(made, f"{key!r} was made", step.operation.method) if made is not None else None
        thing = _Thing(resource, message, _uid(resource, message), made, making, is_kept)
        if key:
            self._things[resource.name, key] = thing
        if is_kept:
            yield from self._at_its_time(step, thing)
            yield from self._in_order(step, message)

    def _shown(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        resource = step.resource
        thing = self._things.get((resource.name, getattr(message, resource.key)))
        if thing is None:
            return
        made, uid = self._time(resource, message, _MADE), _uid(resource, message)
        is_another = made is not None and thing.made is not None and abs(made.time - thing.made.time) >= SECOND
        if made is not None and made == thing.made and step.operation.role is Role.GET:
            thing.is_kept = True
            self._proven.add(resource.name)
            yield from self._at_its_time(step, thing)
        if is_another and (resource.is_annotated or resource.name in self._proven):
            yield finding(step, "read_after_write", _as_before(thing.made), str(made), path=_field(made))
        elif thing.uid and uid and uid != thing.uid and resource.is_annotated:
            yield finding(step, "read_after_write", _as_before(f"uid {thing.uid!r}"), f"uid {uid!r}", path="uid")
        thing.uid, thing.made = thing.uid or uid, thing.made or made
        if thing.is_kept:
            yield from self._in_order(step, message)
        if step.operation.role is Role.UPDATE and not step.is_foreign:
            if thing.is_kept:
                yield from self._changed(step, thing.last, message)
            thing.last = message

    def _changed(self, step: ResourceCall, before: Message, message: Message) -> Iterator[Finding]:
        """It was changed just now, and says so."""
        resource, key = step.resource, getattr(message, step.resource.key)
        old, new = self._time(resource, before, _CHANGED), self._time(resource, message, _CHANGED)
        if new is None:
            return
        later = [one for one in self._moments if old is not None and one.at.time - old.time > 2 * grain(old.time)]
        yield from self._is_far(step, _Moment(new, f"{key!r} was changed", step.operation.method))
        if old != new or not later or not _is_changed(step, before, message):
            return
        expected = f"one after {told(later[0].at.time)}, when {later[0].what}: it was changed after that (AIP-148)"
        yield finding(step, "read_after_write", expected, f"{new}, as before", path=new.field)

    def _deleted(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        """It is shown as deleted, and until when it is kept."""
        resource = step.resource
        thing = self._things.get((resource.name, getattr(message, resource.key)))
        deleted = self._time(resource, message, _DELETED)
        if thing is None or deleted is None or not thing.is_kept:
            return
        yield from self._in_order(step, message)
        end = self._time(resource, message, _ENDING)
        if end is not None and instant(thing.last, end.field) is None and end.time < deleted.time - SECOND:
            expected = f"{end.field} after {deleted}: until then it can be brought back (AIP-164)"
            yield finding(step, "use_after_delete", expected, str(end), path=end.field)

    def _at_its_time(self, step: ResourceCall, thing: _Thing) -> Iterator[Finding]:
        making, thing.making = thing.making, None
        if making is not None:
            yield from self._is_far(step, making)

    def _is_far(self, step: ResourceCall, now: _Moment) -> Iterator[Finding]:
        """All that is done in one conversation is done within a day, and not in 1970: times in wrong units are past."""
        if now.at.time < 365 * DAY:  # the very start of it was left out, as it stands for never
            expected = f"a {now.at.field} of today, when {now.what}: a number of seconds isn't one of milliseconds"
            yield finding(step, "read_after_write", expected, str(now.at), path=now.at.field)
            return
        far = next((one for one in self._moments if abs(now.at.time - one.at.time) > DAY), None)
        self._moments.append(now)
        if far is None:
            return
        early, late = sorted((far, now), key=lambda one: one.at.time)
        field = early.at.field
        expected = f"{field} on the day of {told(late.at.time)}, when {late.what}, in the same conversation"
        actual = f"{early.at}, when {early.what}"
        yield replace(finding(step, "read_after_write", expected, actual, path=field), method=early.method)

    def _in_order(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        """Nothing is changed or deleted before it is made."""
        made = self._time(step.resource, message, _MADE)
        for names in (_CHANGED, _DELETED):
            time = self._time(step.resource, message, names)
            if made is not None and time is not None and time.time < made.time - SECOND:
                expected = f"{time.field} not before {made}"
                yield finding(step, "read_after_write", expected, str(time), path=time.field)


def _is_changed(step: ResourceCall, before: Message, now: Message) -> bool:
    """Whether an update has changed something that it was given."""
    given: Any = step.at(step.operation.given)
    names: Mapping[str, Any] = given.DESCRIPTOR.fields_by_name if given is not None else {}
    fixed = step.resource.fixed
    return any(one.path.partition(".")[0] in names for one in differences(before, now, ignoring=fixed))


def _uid(resource: Resource, message: Message) -> str:
    return str(getattr(message, "uid", "")) if is_servers(resource, "uid") else ""


def _as_before(value: object) -> str:
    return f"{value} as before: that never changes (AIP-148)"


def _field(time: _Time | None) -> str:
    return time.field if time is not None else ""
