"""In which states calls are refused: a server does as the comments of its methods say, and its refusals say what is so.

The state of a thing is what it was last shown in, as long as nothing was done since that may have changed it, and what
a method says by its name that it has done to it. States that end by themselves, such as ``pending``, say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.field_paths import values_at
from grpcmock.fuzz.expectations.naming import participle
from grpcmock.fuzz.expectations.promises import promises_of
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.expectations.state_conditions import documented_conditions, plain, reason_in
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import is_set, shown
from grpcmock.fuzz.resources.fields import all_fields, is_key, named
from grpcmock.fuzz.resources.laws.flags import is_put_off
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.expectations.state_conditions import Condition
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method, Registry

_STATE = re.compile(r"(.*_)?(state|status|phase|stage|lifecycle)")
_TIME = re.compile(r"(?P<done>[a-z]+(?:ed|en|id|nt|ne))_(?:at|time|on)")
_PASSING = re.compile(
    r".*ing|queued|scheduled|unknown|unspecified|active|live|ready|new|available|expired|due|late|overdue|processed"
)
"""States that end, or begin, by themselves."""

_REFUSALS = frozenset({Code.FAILED_PRECONDITION, Code.ABORTED, Code.INVALID_ARGUMENT, Code.UNKNOWN, Code.NOT_FOUND})
_KEYS = ("id", "number", "name", "uid", "uuid", "key", "code", "token")
_DEEPEST = 2

_Thing = tuple[str, Any]
"""The name of a type, and a key."""


@dataclass(slots=True)
class _State:
    """What is known to be so of a thing, and what isn't."""

    holds: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    told: str = ""
    """How it is known: ``state CLOSED``."""

    def is_as(self, condition: Condition) -> bool | None:
        """Whether a condition is met; None if that isn't known."""
        if any(map(_PASSING.fullmatch, self.holds)):
            return None
        if self.holds & condition.states:
            return not condition.is_unless
        return condition.is_unless if condition.states <= self.fails else None


@dataclass(slots=True)
class States:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _states: dict[_Thing, _State] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    """The fields with the keys, by types."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it, or what its comment says."""
        method, meant = reply.call.method, with_meant_status(reply)
        if method is None or reply.call.raw is not None or method.kind is not MethodKind.UNARY:
            if method is None or not only_reads(method):
                self._states.clear()
            return
        try:
            request = method.request_class.FromString(reply.call.messages[0])
            answers = [method.response_class.FromString(data) for data in reply.responses]
        except (DecodeError, RuntimeError, IndexError):
            self._states.clear()
            return
        is_plain = not is_put_off(request) and not _has_switch(request) and not self._may_repeat(method, request)
        things = self._named(method, request) if is_plain else []
        if things and not only_reads(method):
            yield from self._judged(method, things, meant)
        if meant.termination is not Termination.SERVER:
            self._states.clear()
        elif meant.is_ok:
            before = {thing: self._states[thing] for thing in things if thing in self._states}
            self._learn(method, things, answers)
            if not only_reads(method) and len(things) == 1 and len(before) == 1:
                yield from self._unchanged(method, things[0], before[things[0]], answers)

    def _judged(self, method: Method, things: list[_Thing], reply: Reply) -> Iterator[Finding]:
        known = vocabulary(self.registry)
        if reply.is_ok:
            for condition in documented_conditions(method, self.registry, known):
                thing = self._meant(method, condition, things)
                if thing is not None and self._states[thing].is_as(condition) is True:
                    yield _finding(
                        method,
                        f"an error, as the comment of {method.name} says, since {condition}: it was shown with"
                        f" {self._states[thing].told}",
                        said(reply),
                        f"state {condition}",
                    )
        elif reply.termination is Termination.SERVER and reply.code in _REFUSALS:
            condition_ = reason_in(reply.message, known)
            thing = self._meant(method, condition_, things) if condition_ is not None else None
            if condition_ is not None and thing is not None and self._states[thing].is_as(condition_) is False:
                yield _finding(
                    method,
                    f"another reason, or none: it was shown with {self._states[thing].told}",
                    said(reply),
                    f"reason {condition_}",
                )

    def _unchanged(self, method: Method, thing: _Thing, before: _State, answers: list[Message]) -> Iterator[Finding]:
        """A method has done something to a thing by its name, and its answer shows it in the state that it had."""
        shown_now = [message for message in answers if _is_shown(message, thing, self._keys)]
        for message in shown_now:
            descriptor: Any = message.DESCRIPTOR
            for one in states_of(descriptor):
                words = words_of(one)
                number = next((number for number, word in words.items() if plain(word) == done_by(method)), None)
                now = words.get(getattr(message, one.name)) if one.enum_type is not None else None
                if number is None or now is None or plain(now) == done_by(method):
                    continue
                if plain(now) in before.holds and not any(map(_PASSING.fullmatch, before.holds)):
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

    def _meant(self, method: Method, condition: Condition, things: list[_Thing]) -> _Thing | None:
        """Return which of the things that a request names a condition is about; None if that isn't clear."""
        known = [thing for thing in things if thing in self._states]
        nouns = {thing: snake_case(thing[0].rpartition(".")[2]) for thing in things}
        if condition.noun:
            meant = [thing for thing in known if nouns[thing].endswith(condition.noun)]
        else:
            meant = known if len(things) == 1 else [one for one in known if nouns[one] in snake_case(method.name)]
        return meant[0] if len(meant) == 1 else None

    def _named(self, method: Method, request: Message) -> list[_Thing]:
        """Return the things that a request names."""
        found = []
        for name, key in self._keys.items():
            noun = snake_case(name.rpartition(".")[2])
            last = noun.rpartition("_")[2]
            is_about = (
                key.startswith(f"{last}_") or last in snake_case(method.name) or last in snake_case(method.input.name)
            )
            names = {f"{one}_{key}" for one in (noun, last)} | {noun, last} | ({key} if is_about else set())
            values = {value for path, value in _values(request) if path in names}
            found += [(name, value) for value in values if value and (name, value) in self._states]
        return found

    def _may_repeat(self, method: Method, request: Message) -> bool:
        """Whether a request may be the same one once more, which is answered as it was."""
        known = self.resources.by_path.get(method.path)
        ways = [promise.way for promise in promises_of(method, self.registry) if promise.is_repeatable]
        return bool(known and known[1].request_id) or any(any(values_at(request, way)) for way in ways)

    def _learn(self, method: Method, things: list[_Thing], answers: list[Message]) -> None:
        known = self.resources.by_path.get(method.path)
        is_making = known is not None and known[1].role in MAKING
        if not only_reads(method) and not is_making:
            self._states.clear()
        for answer in answers:
            whole = [answer, *(value for one, value in answer.ListFields() if one.message_type and not one.is_repeated)]
            for message in messages_in(answer):
                self._hear(message, is_whole=any(message is one for one in whole))
        done = done_by(method)
        if len(things) == 1 and not only_reads(method) and not is_making:
            state = self._states.setdefault(things[0], _State(told=f"{method.name} answered OK"))
            if not state.holds and done in vocabulary(self.registry):
                state.holds.add(done)

    def _hear(self, message: Message, *, is_whole: bool) -> None:
        """Hear how a thing is shown. In lists it may stand with some of its fields alone, so what lacks there says
        nothing."""
        descriptor: Any = message.DESCRIPTOR
        telling = states_of(descriptor)
        key = self._key(descriptor) if telling else ""
        value = getattr(message, key) if key else None
        if not value:
            return
        state = _State()
        for one in telling:
            if not is_whole and not is_set(message, one):
                continue
            words, content = {plain(word): number for number, word in words_of(one).items()}, getattr(message, one.name)
            number = content if one.message_type is None else message.HasField(one.name)
            holding = {word for word, own in words.items() if own == number}
            state.holds |= holding
            state.fails |= words.keys() - holding
            known = one.enum_type.values_by_number.get(content) if one.enum_type is not None else None
            if holding:
                state.told += f"{', ' if state.told else ''}{one.name} {known.name if known else shown(content)}"
        state.fails -= state.holds
        self._states[descriptor.full_name, value] = state

    def _key(self, descriptor: Descriptor) -> str:
        """Return the field by which things of a type are told from one another; empty if none is known."""
        name = descriptor.full_name
        if name not in self._keys:
            own = next((one.key for one in self.resources.all if one.descriptor is descriptor), "")
            noun = snake_case(descriptor.name)
            key = own or named(descriptor, f"{noun}_id", *_KEYS)
            if not key or not is_key(descriptor.fields_by_name[key]):
                return ""
            self._keys[name] = key
        return self._keys[name]


@lru_cache(16)
def vocabulary(registry: Registry) -> frozenset[str]:
    """Return the words for states in a contract: values of enums, fields that are true or have a time, and what its
    methods do."""
    words: set[str] = set()
    for method in registry.methods.values():
        if not only_reads(method):
            words.add(done_by(method))
        for one in all_fields(method.output):
            if one in states_of(one.containing_type):
                words |= {plain(word) for word in words_of(one).values()}
    return frozenset(word for word in words if word and not _PASSING.fullmatch(word))


@lru_cache(4096)
def states_of(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the fields of a type that tell a state: its only enum that is called so, times of what was done, and what
    is true or not."""
    enums = [one for one in descriptor.fields if one.enum_type is not None and not one.is_repeated]
    enums = [one for one in enums if _STATE.fullmatch(snake_case(one.name))]
    others = [
        one
        for one in descriptor.fields
        if not one.is_repeated
        and (
            (one.type == one.TYPE_BOOL and re.fullmatch(r"[a-z]+(ed|en|id)", one.name))
            or (
                one.message_type is not None
                and one.message_type.full_name == "google.protobuf.Timestamp"
                and _TIME.fullmatch(one.name)
            )
        )
    ]
    return (*(enums if len(enums) == 1 else ()), *others)


@lru_cache(1024)
def words_of(one: FieldDescriptor) -> dict[int, str]:
    """Return the words for the values of a field: of an enum its names, without what all of them begin with; of a
    switch or a time, by its own name, what is so where it's true, or there."""
    if one.enum_type is None:
        return {1: _TIME.sub(r"\g<done>", str(one.name))}
    prefix = f"{snake_case(one.enum_type.name).upper()}_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in one.enum_type.values}


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


def _is_shown(message: Message, thing: _Thing, keys: dict[str, str]) -> bool:
    name, key = thing
    descriptor: Any = message.DESCRIPTOR
    return bool(descriptor.full_name == name and getattr(message, keys[name]) == key)


@lru_cache(4096)
def done_by(method: Method) -> str:
    """Return what a method does to things by its name: ``canceled`` for CancelOrder, ``checked in`` for CheckIn."""
    verb, _, rest = snake_case(method.name).partition("_")
    particle = rest.partition("_")[0]
    return plain(f"{participle(verb)} {particle}" if particle in ("in", "out", "off", "up") else participle(verb))


def _has_switch(request: Message) -> bool:
    """Whether a request turns on something, such as ``force``."""
    return any(one.type == one.TYPE_BOOL and value is True for one, value in request.ListFields())


def _finding(method: Method, expected: str, actual: str, key: str) -> Finding:
    return Finding(check="preconditions", expected=expected, actual=actual, path="", key=key, method=method)
