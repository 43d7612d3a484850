"""In which states calls are refused: a server does as the comments of its methods say, and its refusals say what is so.

The state of a thing is what it was last shown in, as long as nothing was done since that may have changed it, and what
a method says by its name that it has done to it. States that end by themselves, such as ``pending``, say nothing; nor
do parts of things, and what was done to a part of one, or may take more calls than one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import values_at
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.promises import promises_of
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.state_conditions import documented_conditions, plain, reason_in
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.fields import KEYS, is_key, named
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.laws.flags import is_put_off
from grpcmock.fuzz.resources.laws.known_states import (
    OVER,
    Known,
    done_by,
    heard,
    is_done_to,
    states_of,
    vocabulary,
    words_of,
)
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.state_conditions import Condition
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method, Registry

_REFUSALS = frozenset({Code.FAILED_PRECONDITION, Code.ABORTED, Code.INVALID_ARGUMENT, Code.UNKNOWN, Code.NOT_FOUND})
_DEEPEST = 2
_REFERENCE = re.compile(r"(.*_)?(id|uid|uuid|key|number|code|parent)")
_SCOPE = re.compile(
    r"(?!.*(assignee|user|member|author|by_|reviewer|agent|new_|target|destination|customer|person|to_))"
    r"(.*_)?(id|uid|uuid|key|parent|tenant|project|namespace|organization|org|workspace|region|zone|bucket|team|repo|repository)"
)
"""Fields that say below what a thing stands, which has its key there alone."""

_BY_STEPS = frozenset({"approved", "confirmed", "signed", "reviewed", "voted", "acknowledged", "accepted", "requested"})
"""What it may take more than one to do."""

_AT_ONCE = frozenset({"deleted", "removed", "archived", "trashed"})
"""What is done where an answer doesn't show it: other things, such as jobs that are canceled, come to an end later."""

_PARTS = re.compile(r"(.*_)?(view|mask|fields|select|projection)")
_NOTES = re.compile(r"(.*_)?(etag|version|revision|generation|sequence|updated?_?(at|on|time)?|modified_(at|time))")
"""Fields that change with whatever is done."""

_LATER = re.compile(
    r"\b(?:asynchronous\w*|background|eventually|best.effort|requests? that|scheduled?|long.running"
    r"|period|takes effect)\b",
    re.IGNORECASE,
)
"""Where comments say that, a method may not have done yet what it is called for."""

_Thing = tuple[str, Any]
"""The name of a type, and a key."""


@dataclass(slots=True)
class States:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _states: dict[_Thing, Known] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    """The fields with the keys, by types."""

    _under_way: set[str] = field(default_factory=set)
    """The states into which calls were to lead whose answers didn't show it: things may come to be in them later."""

    _widest: dict[_Thing, set[str]] = field(default_factory=dict)
    """The fields with which things were shown."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it, or what its comment says."""
        method, meant, exchange = reply.call.method, with_meant_status(reply), exchange_in(reply)
        if method is None or exchange is None or method.kind is not MethodKind.UNARY:
            if method is None or not only_reads(method):
                self._states.clear()
            return
        _, (request, *_), answers = exchange
        is_plain = not is_put_off(request) and not _has_switch(request) and not self._may_repeat(method, request)
        things = self._named(method, request) if is_plain else []
        if things and not only_reads(method):
            yield from self._judged(method, request, things, meant)
        if meant.termination is not Termination.SERVER:
            self._states.clear()
        elif meant.is_ok:
            before = {thing: self._states[thing] for thing in things}
            self._learn(method, request, things, answers)
            if not only_reads(method) and len(before) == 1 and self._does_all(method, request, things[0]):
                yield from self._unchanged(method, things[0], before[things[0]], answers)

    def _judged(self, method: Method, request: Message, things: list[_Thing], reply: Reply) -> Iterator[Finding]:
        known = vocabulary(self.registry)
        if reply.is_ok:
            for condition in documented_conditions(method, self.registry, known):
                thing = self._meant(method, request, condition, things)
                state = self._states[thing] if thing is not None else Known()
                is_again = condition.is_mild and done_by(method) in state.holds
                if state.is_as(condition) is True and not is_again and not self._under_way & state.fails:
                    yield _finding(
                        method,
                        f"an error, as the comment of {method.name} says, since {condition}: it was shown with"
                        f" {state.told}",
                        said(reply),
                        f"state {condition}",
                    )
        elif reply.termination is Termination.SERVER and reply.code in _REFUSALS:
            reason = reason_in(reply.message, known)
            thing = self._meant(method, request, reason, things) if reason is not None else None
            if reason is None or thing is None:
                return
            state = self._states[thing]
            is_over = bool(state.holds & OVER) and reason.states <= OVER
            if is_over or state.may_end or self._under_way & state.fails:
                return
            if state.is_as(reason) is False:
                yield _finding(
                    method,
                    f"another reason, or none: it was shown with {state.told}",
                    said(reply),
                    f"reason {reason}",
                )

    def _unchanged(self, method: Method, thing: _Thing, before: Known, answers: list[Message]) -> Iterator[Finding]:
        """A method has done something to a thing by its name, and its answer shows it in the state that it had, and
        nothing else that was done to it."""
        for message in [message for message in answers if _is_shown(message, thing, self._keys)]:
            descriptor: Any = message.DESCRIPTOR
            if before.message is None or _shows_more(before.message, message, done_by(method)):
                continue
            for one in states_of(descriptor):
                words = words_of(one) if one.enum_type is not None else {}
                number = next((number for number, word in words.items() if plain(word) == done_by(method)), None)
                now = words.get(getattr(message, one.name)) if words else None
                if number is None or now is None or plain(now) == done_by(method):
                    continue
                if plain(now) in before.holds and not before.is_passing:
                    name = one.enum_type.values_by_number[number].name if one.enum_type is not None else ""
                    yield Finding(
                        check="read_after_write",
                        expected=f"{one.name} {name} after {method.name}",
                        actual=f"{before.told}, as before",
                        path=one.name,
                        key=f"state after {one.name}",
                        method=method,
                        may_lag=True,
                    )

    def _meant(self, method: Method, request: Message, condition: Condition, things: list[_Thing]) -> _Thing | None:
        """Return which of the things that a request names a condition is about; None if that isn't clear."""
        nouns = {thing: _noun(thing) for thing in things}
        if condition.noun:
            meant = [thing for thing in things if nouns[thing].endswith(condition.noun)]
        else:
            meant = [thing for thing in things if is_done_to(method, nouns[thing])]
            if len(things) == 1 and not _names_more(request, things[0]):
                meant = things
        return meant[0] if len(meant) == 1 else None

    def _named(self, method: Method, request: Message) -> list[_Thing]:
        """Return the things that a request names."""
        found = []
        given = list(_values(request))
        for name, key in self._keys.items():
            noun = snake_case(name.rpartition(".")[2])
            last = noun.rpartition("_")[2]
            is_about = (
                key.startswith(f"{last}_") or last in snake_case(method.name) or last in snake_case(method.input.name)
            )
            names = {f"{one}_{key}" for one in (noun, last)} | {noun, last} | ({key} if is_about else set())
            for value in {value for path, value in given if path in names}:
                state = self._states.get((name, value)) if value else None
                if state is not None and not _is_elsewhere(state, given, names):
                    found.append((name, value))
        return found

    def _may_repeat(self, method: Method, request: Message) -> bool:
        """Whether a request may be the same one once more, which is answered as it was."""
        known = self.resources.by_path.get(method.path)
        ways = [promise.way for promise in promises_of(method, self.registry) if promise.is_repeatable]
        return bool(known and known[1].request_id) or any(any(values_at(request, way)) for way in ways)

    def _does_all(self, method: Method, request: Message, thing: _Thing) -> bool:
        """Whether what a method is called for is done to a thing, to all of it, at once."""
        comment = method_comments(self.registry).get(method.full_name, "")
        is_in_part = any(
            one.is_repeated or one.message_type is not None or (not isinstance(value, str) and value != thing[1])
            for one, value in request.ListFields()
        )
        is_later = method.output.full_name.endswith("Operation") or _LATER.search(comment) is not None
        return is_done_to(method, _noun(thing)) and not is_in_part and not is_later and done_by(method) not in _BY_STEPS

    def _learn(self, method: Method, request: Message, things: list[_Thing], answers: list[Message]) -> None:
        known = self.resources.by_path.get(method.path)
        is_making = known is not None and known[1].role in MAKING
        if is_making and known is not None:
            # A shipment changes the order that it is of, and a new version the one before.
            given, made = {value for _, value in _values(request)}, known[0].descriptor.full_name
            self._states = {
                thing: state for thing, state in self._states.items() if thing[0] != made and thing[1] not in given
            }
        elif not only_reads(method):
            self._states.clear()
        is_part = any(_PARTS.fullmatch(one.name) for one, _ in request.ListFields())
        scope = {name: value for name, value in _values(request) if _SCOPE.fullmatch(name)}
        for answer in answers:
            whole = [answer, *(value for one, value in answer.ListFields() if one.message_type and not one.is_repeated)]
            for message in messages_in(answer):
                self._hear(message, scope, is_whole=not is_part and any(message is one for one in whole))
        if not only_reads(method):
            told = [
                word for answer in answers for one in messages_in(answer) for word in heard(one, is_whole=True).holds
            ]
            self._under_way |= {done_by(method), *_asked_for(request)} - set(told)
        done = done_by(method)
        if len(things) == 1 and not only_reads(method) and not is_making and self._does_all(method, request, things[0]):
            state = self._states.setdefault(things[0], Known(scope=scope, told=f"{method.name} answered OK"))
            if not state.holds and done in _AT_ONCE and done in vocabulary(self.registry):
                state.holds.add(done)

    def _hear(self, message: Message, scope: dict[str, Any], *, is_whole: bool) -> None:
        """Hear how a thing is shown. In lists it may stand with some of its fields alone, and wherever it was shown
        with more before."""
        descriptor: Any = message.DESCRIPTOR
        telling = states_of(descriptor)
        key = self._key(descriptor) if telling else ""
        value = getattr(message, key) if key else None
        if not value:
            return
        thing = (descriptor.full_name, value)
        there = {one.name for one, _ in message.ListFields() if one not in telling}
        widest = self._widest.setdefault(thing, set())
        state = heard(message, is_whole=is_whole and widest <= there)
        widest |= there
        own = {one.name: value for one, value in message.ListFields() if is_key(one) and _SCOPE.fullmatch(one.name)}
        state.scope = {name: value for name, value in {**scope, **own}.items() if name != key}
        self._states[thing] = state

    def _key(self, descriptor: Descriptor) -> str:
        """Return the field by which things of a type are told from one another; empty if none is known."""
        name = descriptor.full_name
        if name not in self._keys:
            own = next((one.key for one in self.resources.all if one.descriptor is descriptor), "")
            noun = snake_case(descriptor.name)
            key = own or named(descriptor, f"{noun}_id", *KEYS)
            if not key or not is_key(descriptor.fields_by_name[key]):
                return ""
            self._keys[name] = key
        return self._keys[name]


def _values(message: Message, before: str = "", depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """Yield the single values of a request, under their names with those of what they stand in."""
    for one, value in message.ListFields():
        if one.is_repeated:
            continue
        name = f"{before}{snake_case(one.name)}"
        if one.message_type is not None:
            if depth:
                yield from _values(value, f"{name}_", depth - 1)
        elif is_key(one):
            yield name, value
            if before:
                yield snake_case(one.name), value


def _asked_for(request: Message) -> Iterator[str]:
    """Yield the values of enums that a request has, which may be states."""
    for one, value in request.ListFields():
        if one.enum_type is not None and not one.is_repeated and value in (words := words_of(one)):
            yield plain(words[value])


def _noun(thing: _Thing) -> str:
    return snake_case(thing[0].rpartition(".")[2])


def _names_more(request: Message, thing: _Thing) -> bool:
    """Whether a request names something else as well, of which a condition may speak."""
    return any(_REFERENCE.fullmatch(name) and value != thing[1] for name, value in _values(request))


def _is_elsewhere(state: Known, given: list[tuple[str, Any]], names: set[str]) -> bool:
    """Whether a request names another thing of the same key: the third ticket of another project."""
    return any(name in state.scope and name not in names and state.scope[name] != value for name, value in given)


def _is_shown(message: Message, thing: _Thing, keys: dict[str, str]) -> bool:
    name, key = thing
    descriptor: Any = message.DESCRIPTOR
    return bool(descriptor.full_name == name and getattr(message, keys[name]) == key)


def _shows_more(before: Message, now: Message, done: str) -> bool:
    """Whether something else has changed: a thing may tell there that what was asked for goes on."""
    stem = done.partition(" ")[0][:5]
    for one in now.DESCRIPTOR.fields:
        is_changed = getattr(before, one.name) != getattr(now, one.name)
        if is_changed and not _NOTES.fullmatch(one.name) and not re.fullmatch(rf"{stem}\w*?_(at|time|on|by)", one.name):
            return True
    return False


def _has_switch(request: Message) -> bool:
    """Whether a request turns on something, such as ``force``."""
    return any(
        one.type == one.TYPE_BOOL and not one.is_repeated and value
        for inner in messages_in(request)
        for one, value in inner.ListFields()
    )


def _finding(method: Method, expected: str, actual: str, key: str) -> Finding:
    return Finding(
        check="preconditions", expected=expected, actual=actual, path="", key=key, method=method, may_lag=True
    )
