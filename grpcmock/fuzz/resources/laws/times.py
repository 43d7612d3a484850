"""What things say of their own times: when they were made, changed and deleted (AIP-148, AIP-164).

A server's clock is its own: its times are compared with each other alone, for what was made by the calls themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from grpcmock.fuzz.expectations.roles import READING, Role
from grpcmock.fuzz.resources.calls import may_change, step_of
from grpcmock.fuzz.resources.differences import differences
from grpcmock.fuzz.resources.fields import type_name
from grpcmock.fuzz.resources.known_resources import finding

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.resource import Resource, Resources
    from grpcmock.schema import Method

_MADE, _CHANGED, _DELETED = "create_time", "update_time", "delete_time"
_ENDING = ("purge_time", "expire_time")
_SECOND = 10**9
_DAY = 86_400 * _SECOND

_TURNS = frozenset({Role.DELETE, Role.EXPUNGE, Role.UNDELETE, Role.MOVE})
"""What may make another thing of one."""


@dataclass(slots=True)
class _Thing:
    """What is known of one that was made."""

    last: Message
    """As it was shown last."""

    shown: dict[str, Any]
    """What never changes, as it was shown first."""


class _Moment(NamedTuple):
    """Something that was done, and when, as the server says."""

    time: int
    what: str
    field: str
    """Which says so."""

    method: Method


@dataclass(slots=True)
class Times:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    _things: dict[tuple[str, Any], _Thing] = field(default_factory=dict)
    _moments: list[_Moment] = field(default_factory=list)
    """In the order of the calls."""

    _clients: set[tuple[str, int]] = field(default_factory=set)
    """What clients have given where only the server sets a time: fields, and times."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        step = step_of(reply, self.resources)
        if step is None:
            if may_change(reply):
                self._things.clear()
            return
        if not step.resource.is_annotated or not step.is_ok:
            return
        role, shown = step.operation.role, step.resources()
        self._hear_of_clients(step)
        if role is Role.CREATE and len(shown) == 1 and not step.is_foreign:
            yield from self._made(step, shown[0])
        elif role in READING or role is Role.UPDATE:
            for message in shown:
                yield from self._shown(step, message)
        elif role is Role.DELETE and len(shown) == 1:
            yield from self._deleted(step, shown[0])
        if role in _TURNS:
            self._things.pop((step.resource.name, step.at(step.operation.key)), None)

    def _hear_of_clients(self, step: ResourceCall) -> None:
        for request in step.requests:
            given = step.at(step.operation.given, request)
            for name in (_MADE, _CHANGED, _DELETED, *_ENDING) if given is not None else ():
                if (time := _time(step.resource, given, name)) is not None:
                    self._clients.add((name, time))

    def _time(self, resource: Resource, message: Message, name: str) -> int | None:
        """Return a time that is the server's own; None if there is none."""
        time = _time(resource, message, name)
        return time if (name, time) not in self._clients else None

    def _made(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        resource, key = step.resource, getattr(message, step.resource.key)
        if key:
            self._things[resource.name, key] = _Thing(message, _lasting(resource, message))
        made = self._time(resource, message, _MADE)
        if made is not None:
            yield from self._at_its_time(step, made, _MADE, f"{key!r} was made")
        yield from self._in_order(step, message)

    def _shown(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        resource, key = step.resource, getattr(message, step.resource.key)
        thing = self._things.get((resource.name, key))
        if thing is None:
            return
        now = _lasting(resource, message)
        for name, value in thing.shown.items():
            if name in now and not _is_same(value, now[name]):
                expected = f"{name} {_told(value)} as before: it says what never changes (AIP-148)"
                yield finding(step, "read_after_write", expected, f"{name} {_told(now[name])}", path=name)
        thing.shown = now | thing.shown
        yield from self._in_order(step, message)
        if step.operation.role is Role.UPDATE and not step.is_foreign:
            yield from self._changed(step, thing.last, message)
            thing.last = message

    def _changed(self, step: ResourceCall, before: Message, message: Message) -> Iterator[Finding]:
        """It was changed just now, and says so."""
        resource, key = step.resource, getattr(message, step.resource.key)
        old, new = self._time(resource, before, _CHANGED), self._time(resource, message, _CHANGED)
        if new is None:
            return
        yield from self._at_its_time(step, new, _CHANGED, f"{key!r} was changed")
        later = [one for one in self._moments if old is not None and one.time - old > 2 * _grain(old)]
        if old != new or not later or not any(differences(before, message, ignoring=resource.fixed)):
            return
        expected = f"one after {_told(later[0].time)}, when {later[0].what}: it was changed after that (AIP-148)"
        yield finding(step, "read_after_write", expected, f"update_time {_told(new)}, as before", path=_CHANGED)

    def _deleted(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        """It is shown as deleted, and until when it is kept."""
        resource = step.resource
        thing = self._things.get((resource.name, getattr(message, resource.key)))
        deleted = self._time(resource, message, _DELETED)
        if thing is None or deleted is None:
            return
        yield from self._in_order(step, message)
        for name in _ENDING:
            end = self._time(resource, message, name)
            if end is not None and _time(resource, thing.last, name) is None and end < deleted - _SECOND:
                expected = f"{name} after delete_time {_told(deleted)}: until then it can be brought back (AIP-164)"
                yield finding(step, "use_after_delete", expected, f"{name} {_told(end)}", path=name)

    def _at_its_time(self, step: ResourceCall, time: int, name: str, what: str) -> Iterator[Finding]:
        """All that is done in one conversation is done within a day. Times in wrong units are in the past."""
        now = _Moment(time, what, name, step.operation.method)
        far = next((one for one in self._moments if abs(time - one.time) > _DAY), None)
        self._moments.append(now)
        if far is None:
            return
        early, late = sorted((far, now), key=lambda one: one.time)
        expected = f"{early.field} on the day of {_told(late.time)}, when {late.what}, in the same conversation"
        actual = f"{early.field} {_told(early.time)}, when {early.what}"
        wrong = finding(step, "read_after_write", expected, actual, path=early.field)
        yield replace(wrong, method=early.method)

    def _in_order(self, step: ResourceCall, message: Message) -> Iterator[Finding]:
        """Nothing is changed or deleted before it is made."""
        made = self._time(step.resource, message, _MADE)
        for name in (_CHANGED, _DELETED):
            time = self._time(step.resource, message, name)
            if made is not None and time is not None and time < made - _SECOND:
                expected = f"{name} not before create_time {_told(made)} (AIP-148)"
                yield finding(step, "read_after_write", expected, f"{name} {_told(time)}", path=name)


def _time(resource: Resource, message: Message, name: str) -> int | None:
    """Return a time that only the server sets, in nanoseconds; None if there is none."""
    descriptor: Any = message.DESCRIPTOR
    own = descriptor.fields_by_name.get(name)
    if own is None or own.full_name not in resource.servers_own or own.is_repeated:
        return None
    if type_name(own) != "google.protobuf.Timestamp" or not message.HasField(name):
        return None
    value = getattr(message, name)
    return int(value.seconds * _SECOND + value.nanos)


def _lasting(resource: Resource, message: Message) -> dict[str, Any]:
    """Return what a thing says of itself that never changes."""
    descriptor: Any = message.DESCRIPTOR
    uid = descriptor.fields_by_name.get("uid")
    found: dict[str, Any] = {}
    if uid is not None and uid.full_name in resource.servers_own and uid.type == uid.TYPE_STRING and message.uid:  # type: ignore[attr-defined]
        found["uid"] = message.uid  # type: ignore[attr-defined]
    if (made := _time(resource, message, _MADE)) is not None:
        found[_MADE] = made
    return found


def _is_same(one: Any, other: Any) -> bool:
    """Whether it is the same, but for what databases cut off."""
    return abs(one - other) < _SECOND if isinstance(one, int) else bool(one == other)


def _grain(time: int) -> int:
    """Return how coarse a time may be, going by the zeros at its end."""
    grain = 1
    while grain < _SECOND and time % (grain * 10) == 0:
        grain *= 10
    return grain


def _told(value: Any) -> str:
    if not isinstance(value, int):
        return repr(value)
    return Timestamp(seconds=value // _SECOND, nanos=value % _SECOND).ToJsonString()
