"""Things that show how many others stand below them: the count grows with what is made there, and not with what goes.

Which field counts what is told by its name, that of the things with ``count``, or by a message of counts whose fields
are the states that they have. A count may leave some out, so one that stays as it was is wrong only where its comment
leaves out nothing, or the count was seen to grow by one for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.counting import is_given, says_how_many
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.number_types import SIGNED
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.fields import is_key, shown_types
from grpcmock.fuzz.resources.laws.whole_things import Told, key_name, key_of, makes_things, told_by, wholes
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_NAMES = re.compile(r"(?P<stem>[a-z]+(?:_[a-z]+)*)_(id|name|key|code)")
_COUNTS = re.compile(r"(?:[A-Z]\w*)?Counts")
_NO_STATE = frozenset({"unspecified", "unknown", "undefined", "invalid", "none"})
PARTLY = re.compile(
    r"\b(only|without|except|exclu\w*|left out|leav\w*|not count\w*|aren't|isn't|that are|which are|with|who|unless|if"
    r"|approved|approx\w*|about|roughly|estimat\w*|cached|eventual\w*|lag\w*|delay\w*|period\w*|update[sd]?|refresh\w*"
    r"|last|since|most|ever|visible|public\w*|active|open|unread|new|recent|valid|distinct|different|unique)\b",
    re.IGNORECASE,
)
"""A comment that has this may tell of some of the things below, or of how many there were a while ago."""

_TAKES_AWAY = (Role.DELETE, Role.EXPUNGE)
UNCERTAIN = frozenset({Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNAVAILABLE})
"""After these something may have been done all the same."""


class Counter(NamedTuple):
    """How a thing shows how many stand below it."""

    parent: Descriptor
    child: Descriptor
    named_by: str
    """The field of a request that makes a child with the key of the parent."""

    shown_in: FieldDescriptor
    """A number, or a message of several, which are as many together."""

    is_whole: bool
    """Whether its comment says how many there are, and leaves out none of them."""

    def value(self, shown: Any) -> int | None:
        """Return how many there are; None if that isn't shown."""
        value = getattr(shown, self.shown_in.name)
        if self.shown_in.message_type is None:
            return int(value)
        return (
            sum(getattr(value, one.name) for one in value.DESCRIPTOR.fields)
            if shown.HasField(self.shown_in.name)
            else None
        )


@dataclass(slots=True)
class _Count:
    """What is known of the count of one parent."""

    value: int
    made: int = 0
    """How many children were made below it since then."""

    gone: int = 0
    """How many were taken away."""


@dataclass(slots=True)
class ChildCounts:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _counts: dict[tuple[str, Any, str, str], _Count] = field(default_factory=dict)
    """By the type and the key of the parent, the field, and the type of what it counts."""

    _proven: set[tuple[str, str, str]] = field(default_factory=set)
    """The counts that were seen to grow by one for one."""

    _own: set[tuple[str, Any]] = field(default_factory=set)
    """The parents that were made in this case, so that nobody else makes things below them."""

    _children: set[tuple[str, bytes]] = field(default_factory=set)
    """What was made."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        told = told_by(reply)
        if told is None:
            if reply.call.method is None or not only_reads(reply.call.method):
                self._counts.clear()
            return
        if told.answer is None:
            if not only_reads(told.method) and reply.code in UNCERTAIN:
                self._counts.clear()
            return
        self._note(told)
        for shown in wholes(told):
            key, name = key_of(shown), shown.DESCRIPTOR.full_name
            if key is not None and makes_things(told.method):
                self._own.add((name, key))
            for counter in all_counters(self.registry).get(name, ()):
                if (name, key) in self._own:
                    yield from self._look(told, shown, key, counter)

    def _note(self, told: Told) -> None:
        """Note what a call has made or taken away; where that isn't clear, nothing is known any more."""
        counters, gone = counters_of(told.method, self.registry), taken_away(told.method)
        if counters:
            self._make(told, counters)
        elif gone and any(key[-1] == gone for key in self._counts):
            for key, count in self._counts.items():
                count.gone += key[-1] == gone
        elif not only_reads(told.method):
            self._counts.clear()

    def _make(self, told: Told, counters: tuple[Counter, ...]) -> None:
        for counter in counters:
            made = child_in(told.answer, counter.child)
            parent = getattr(told.request, counter.named_by)
            if made is None or not parent:
                continue
            content = (counter.child.full_name, _content(made))
            key = (counter.parent.full_name, parent, counter.shown_in.name, counter.child.full_name)
            if content in self._children:  # it may be the one that is there already
                self._counts.pop(key, None)
            elif key in self._counts:
                self._counts[key].made += 1
        for child in {counter.child.full_name: counter.child for counter in counters}.values():
            if (made := child_in(told.answer, child)) is not None:
                self._children.add((child.full_name, _content(made)))

    def _look(self, told: Told, shown: Any, key: Any, counter: Counter) -> Iterator[Finding]:
        value, name = counter.value(shown), counter.shown_in.name
        place = (counter.parent.full_name, key, name, counter.child.full_name)
        before = self._counts.pop(place, None)
        if value is None:
            return
        self._counts[place] = _Count(value)
        if before is None or not only_reads(told.method):
            return
        counted = (counter.parent.full_name, name, counter.child.full_name)
        grown, words = value - before.value, f"{name} {value}"
        if before.made and not before.gone:
            if grown == before.made == 1:
                self._proven.add(counted)
            is_proven = counted in self._proven
            if (counter.is_whole and grown < 1) or (is_proven and grown != before.made):
                expected = f"{name} {before.value + before.made}: {before.value} before, and {before.made} made since"
                yield _finding(told, counter, expected, words)
        elif before.gone and not before.made and grown > 0:
            noun = snake_case(counter.child.name).replace("_", " ")
            expected = f"{name} {before.value} or less: a {noun} was deleted, and none was made"
            yield _finding(told, counter, expected, words)


@lru_cache(16)
def all_counters(registry: Registry) -> dict[str, tuple[Counter, ...]]:
    """Return the counters of a contract by the types of the parents, each once."""
    found: dict[str, dict[tuple[str, str], Counter]] = {}
    for method in registry.methods.values():
        for one in counters_of(method, registry):
            found.setdefault(one.parent.full_name, {})[one.shown_in.name, one.child.full_name] = one
    return {name: tuple(ones.values()) for name, ones in found.items()}


@lru_cache(1024)
def counters_of(method: Method, registry: Registry) -> tuple[Counter, ...]:
    """Return the counts to which a method adds by making a thing below another; none if it makes none."""
    return tuple(
        Counter(parent, child, named_by, count, _is_whole(count, registry))
        for parent, child, named_by in families_of(method, registry)
        for count in _counting(parent, child, registry)
    )


@lru_cache(1024)
def families_of(method: Method, registry: Registry) -> tuple[tuple[Descriptor, Descriptor, str], ...]:
    """Return the types below whose things a method makes one, with the type of that, and the field of a request with
    the key of what it stands below."""
    child = _made_by(method) if method.kind is MethodKind.UNARY and not only_reads(method) else None
    if child is None:
        return ()
    found = []
    for one in method.input.fields:
        stem = one.name if one.name != "parent" else ""
        stem = named["stem"] if (named := _NAMES.fullmatch(one.name)) else stem
        if not is_key(one) or not stem:
            continue
        for parent in _types(registry):
            own = parent.fields_by_name.get(key_name(parent))
            if snake_case(parent.name) == stem and parent is not child and own is not None and own.type == one.type:
                found.append((parent, child, str(one.name)))
    return tuple(found)


@lru_cache(16)
def _types(registry: Registry) -> tuple[Descriptor, ...]:
    """Return the types that answers show whole."""
    found: dict[str, Descriptor] = {}
    for method in registry.methods.values():
        found |= {one.full_name: one for one in shown_types(method.output)}
    return tuple(found.values())


def _made_by(method: Method) -> Descriptor | None:
    """Return the type of what a method makes: what it answers with, if its request doesn't name one."""
    verb = verb_and_noun(method.name)
    for one in shown_types(method.output):
        noun = snake_case(one.name)
        if not snake_case(method.name).endswith(f"_{noun}"):
            continue
        is_named = any(name in method.input.fields_by_name for name in ("id", "name", "uid", f"{noun}_id"))
        makes = verb is not None and verb[0] is Role.CREATE
        return one if makes or (verb is None and not is_named) else None
    return None


def child_in(answer: Any, child: Descriptor) -> Any:
    """Return the child that an answer shows; None if it shows none."""
    if answer.DESCRIPTOR.full_name == child.full_name:
        return answer
    for one, value in answer.ListFields():
        if one.message_type is not None and not one.is_repeated and one.message_type.full_name == child.full_name:
            return value
    return None


@lru_cache(256)
def taken_away(method: Method) -> str:
    """Return the type of what a method deletes, as its name has it, in lower case; empty if it deletes nothing."""
    told = verb_and_noun(method.name)
    if told is None or told[0] not in _TAKES_AWAY or method.kind is not MethodKind.UNARY:
        return ""
    return f"{method.service.rpartition('.')[0]}.{told[1]}".lstrip(".")


def _counting(parent: Descriptor, child: Descriptor, registry: Registry) -> Iterator[FieldDescriptor]:
    """Yield the fields of a parent that count such children: numbers by their names, ``note_count`` and ``num_notes``,
    and messages with a number for each state of a child."""
    noun = snake_case(child.name)
    names = {f"{noun}_count", f"total_{noun}_count"} | {
        form.format(one) for one in plurals_of(child) for form in ("{}_count", "num_{}", "number_of_{}", "{}_total")
    }
    for one in parent.fields:
        if one.is_repeated or is_given(one, registry):
            continue
        if (one.name in names and one.cpp_type in SIGNED) or (one.message_type and _by_state(one.message_type, child)):
            yield one


def plurals_of(child: Descriptor) -> set[str]:
    """Return what many things of a type may be called."""
    noun = snake_case(child.name)
    return {f"{noun}s", f"{noun[:-1]}ies"} if noun.endswith("y") else {f"{noun}s", f"{noun}es"}


def _by_state(counts: Descriptor, child: Descriptor) -> bool:
    """Whether the fields of a message of counts are the states of a child, each of them, and nothing else."""
    if not _COUNTS.fullmatch(counts.name) or any(
        one.is_repeated or one.cpp_type not in SIGNED for one in counts.fields
    ):
        return False
    names = {re.sub(r"_count$", "", one.name) for one in counts.fields}
    for one in child.fields:
        if one.enum_type is not None and not one.is_repeated:
            prefix = f"{snake_case(one.enum_type.name).upper()}_"
            words = {value.name.removeprefix(prefix).lower() for value in one.enum_type.values}
            if names == words - _NO_STATE:
                return True
    return False


def _is_whole(count: FieldDescriptor, registry: Registry) -> bool:
    """Whether a comment says of a count that it is how many there are, and speaks of none that are left out."""
    comment = " ".join(field_comments(registry).get(count.full_name, "").split())
    return says_how_many(comment) and not PARTLY.search(comment)


def _content(made: Any) -> bytes:
    """Return what tells a thing that was made from others: its key, or all but its times."""
    if (key := key_of(made)) is not None:
        return repr(key).encode()
    copy = type(made)()
    copy.CopyFrom(made)
    for one, _ in made.ListFields():
        if one.message_type is not None and one.message_type.full_name == "google.protobuf.Timestamp":
            copy.ClearField(one.name)
    return bytes_of(copy)


def _finding(told: Told, counter: Counter, expected: str, actual: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=str(counter.shown_in.name),
        key=f"child count {counter.shown_in.name}",
        method=told.method,
        may_lag=True,
    )
