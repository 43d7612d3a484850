"""What comments promise of keys that callers choose: one thing for each, and the first answer again for a retry.

Two calls are compared that say the same value, with nothing between them but what reads, and more calls of that method.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.fuzz.expectations.field_paths import values_at
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import capitalized, singular, verb_and_noun
from grpcmock.fuzz.expectations.promises import promises_of, refused_again
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.laws.effects import DOUBTFUL
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.laws.whole_things import parents_in
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.promises import Promise
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_KEYS = ("id", "uid", "uuid", "number", "name", "key")
_NO = frozenset({Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT, Code.NOT_FOUND})
_OPERATION = "google.longrunning.Operation"
"""Each request for something that takes its time may be told under a name of its own."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A call that was answered OK."""

    request: Message
    answer: Message


@dataclass(slots=True)
class Promised:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _done: dict[tuple[str, str, Any], list[_Done]] = field(default_factory=dict)
    """By the methods, and the fields with their values: what is unique within something may be there in several."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or reply.call.raw is not None or method.kind is not MethodKind.UNARY:
            self._done.clear()
            return
        if only_reads(method) and not DOUBTFUL.match(capitalized(method.name)):
            return
        named = verb_and_noun(method.name)
        if named is None or named[0] not in MAKING:
            for told in [told for told in self._done if told[0] != method.path]:
                del self._done[told]  # it may be there no more
        promises = promises_of(method, self.registry)
        meant = with_meant_status(reply)
        exchange = exchange_in(reply) if meant.termination is Termination.SERVER else None
        if exchange is None:
            return
        request, answer = exchange.requests[0], next(iter(exchange.answers), None)
        yield from self._done_again(method, request, answer, meant)
        for promise in promises:
            value = next(values_at(request, promise.way), None)
            if not value:
                continue
            same = bytes_of(value) if isinstance(value, Message) else value
            same = same.casefold() if promise.ignores_case and isinstance(same, str) else same
            told = (method.path, promise.way[-1].full_name, same)
            done = self._done.setdefault(told, [])
            before = _compared_with(done, request, promise)
            if before is not None and promise.refuses_other and meant.is_ok:
                yield from _answered_otherwise(method, promise, before, request, meant)
            if before is not None:
                yield from _compared(method, promise, before, request, answer, meant)
            if meant.is_ok and answer is not None and all(one.request != request for one in done):
                done.append(_Done(request, answer))

    def _done_again(self, method: Method, request: Message, answer: Message | None, reply: Reply) -> Iterator[Finding]:
        """See whether the same request makes another thing, though its comment says that there can't be two."""
        words = refused_again(method_comments(self.registry).get(method.full_name, ""))
        if not reply.is_ok or answer is None or not words or _leaves_out(request, words):
            return
        told = (method.path, "", bytes_of(request))
        before = self._done.setdefault(told, [_Done(request, answer)])[0]
        if before.answer is not answer and (actual := _other_key(before.answer, answer, request)):
            expected = f"an error for the same request again, as the comment of {method.name} says of another like it"
            yield Finding(
                check="duplicate_create", expected=expected, actual=actual, path="", key="the same again", method=method
            )


def _leaves_out(request: Message, words: str) -> bool:
    """Whether a request leaves out something that words speak of: what has none agrees with nothing."""
    spoken = set(re.findall(r"[a-z0-9]+", snake_case(words.replace("`", " ")).lower()))
    for inner in messages_in(request):
        descriptor: Any = inner.DESCRIPTOR
        there = {one.name for one, _ in inner.ListFields()}
        for one in descriptor.fields:
            parts = snake_case(one.name).split("_")
            stem = parts[:-1] if parts[-1] in ("id", "name", "number", "key", "code") and len(parts) > 1 else parts
            if one.name not in there and spoken.issuperset(stem):
                return True
    return False


def _compared_with(done: list[_Done], request: Message, promise: Promise) -> _Done | None:
    """Return the call before that a request is compared with: the same one, or one below the same parent; None if there
    is none, or none that surely is the one that matters."""
    same = next((one for one in done if one.request == request), None)
    if same is not None or not promise.within:
        return same or next(iter(done), None)
    parents = {_is_same_scope(one.request, request, promise): one for one in reversed(done)}
    return parents.get(True) or (None if None in parents else parents.get(False))


def _compared(
    method: Method, promise: Promise, before: _Done, request: Message, answer: Message | None, reply: Reply
) -> Iterator[Finding]:
    way = promise.way
    name, value = ".".join(step.name for step in way), next(values_at(request, way))
    if promise.is_repeatable and request == before.request:
        expected = f"the first answer again: the same {name} {shown(value)} says that it is the same request"
        actual = ""
        if not reply.is_ok and promise.gives_same and reply.code in _NO:
            actual = said(reply)
        elif reply.is_ok and answer is not None:
            actual = _other_key(before.answer, answer, request)
        if actual:
            yield Finding(
                check="idempotency", expected=expected, actual=actual, path=name, key=f"again {name}", method=method
            )
    elif promise.is_unique and promise.within and not _is_same_scope(before.request, request, promise):
        if reply.code == Code.ALREADY_EXISTS:
            yield Finding(
                check="duplicate_create",
                expected=f"OK: {name} is unique within the {promise.within}, as its comment says",
                actual=said(reply),
                path=name,
                key=f"unique within {name}",
                method=method,
            )
    elif promise.is_unique and reply.is_ok and answer is not None:
        yield from _second_of_one(method, promise, before, _Done(request, answer))


def _second_of_one(method: Method, promise: Promise, before: _Done, now: _Done) -> Iterator[Finding]:
    """See whether there is a second thing with a value of which there is to be one only."""
    name, value = ".".join(step.name for step in promise.way), next(values_at(now.request, promise.way))
    if promise.is_of_whole and _besides(now.request, promise) != _besides(before.request, promise):
        return
    if promise.is_refused and not _are_below_the_same(before.request, now.request, method):
        return
    one, other = (_owner(message, promise) for message in (before, now))
    if one is None or other is None:
        return
    actual = _other_key(one, other, now.request)
    says_taken = promise.is_of_whole or promise.is_refused
    is_another = promise.is_refused and _makes_another(method, before, now) and not _share_a_key(one, other)
    if not actual and says_taken and (is_another or _is_made_under(method, before.request, now.request, other)):
        actual = f"OK, as for the first one: {name} {shown(value)}"
    if not actual:
        return
    says = "the comment says ALREADY_EXISTS" if says_taken else "its comment says that it is unique"
    yield Finding(
        check="duplicate_create",
        expected=f"no second thing whose {name} is {shown(value)}: {says}",
        actual=actual,
        path=name,
        key=f"unique {name}",
        method=method,
    )


def _answered_otherwise(
    method: Method, promise: Promise, before: _Done, request: Message, reply: Reply
) -> Iterator[Finding]:
    """See whether a request asks for something else than one before that had its key: in a field that both have, for
    what is left out may have a default."""
    there = {own.name for own, _ in request.ListFields()}
    for own, value in before.request.ListFields():
        if own is promise.way[-1] or own.name not in there or own.message_type is not None:
            continue
        if getattr(request, own.name) != value:
            name, key = promise.way[-1].name, next(values_at(request, promise.way))
            yield Finding(
                check="idempotency",
                expected=f"an error, as the comment says: the {name} {shown(key)} came with another {own.name} before",
                actual=said(reply),
                path=name,
                key=f"another under {name}",
                method=method,
            )
            return


def _besides(request: Message, promise: Promise) -> Message:
    """Return a request as far as it has to be the same for there to be another one like it."""
    copy = type(request)()
    copy.CopyFrom(request)
    last, *above = reversed(promise.way)
    inner: Any = copy
    for one in reversed(above):
        inner = getattr(inner, one.name)
    value = getattr(inner, last.name)
    if promise.ignores_case and isinstance(value, str):
        setattr(inner, last.name, value.casefold())
    return copy


def _is_made_under(method: Method, before: Message, request: Message, thing: Message) -> bool:
    """Whether a method makes what is known by the value that it was given, and by nothing that the server has made."""
    named = verb_and_noun(method.name)
    if named is None or named[0] not in MAKING or before != request:
        return False
    given = {value for inner in messages_in(request) for _, value in inner.ListFields() if isinstance(value, str | int)}
    return all(not value or value in given for _, value in _keys_of(thing))


def _makes_another(method: Method, before: _Done, now: _Done) -> bool:
    """Whether a request, by the name of its method, asks for another thing than the one before."""
    named = verb_and_noun(method.name)
    return named is not None and named[0] in MAKING and before.request != now.request


def _share_a_key(one: Message, other: Message) -> bool:
    """Whether two messages show the same thing, as far as their keys tell."""
    theirs = dict(_keys_of(other))
    return any(value and theirs.get(key) == value for key, value in _keys_of(one))


def _are_below_the_same(one: Message, other: Message, method: Method) -> bool:
    """Whether two requests name the same things, but for what they make: what is unique may be so below a parent."""
    named = verb_and_noun(method.name)
    own = {f"{snake_case(named[1])}_{key}" for key in _KEYS} if named is not None else set()
    ours, theirs = (parents_in(message, own) for message in (one, other))
    return ours == theirs


def _is_same_scope(one: Message, other: Message, promise: Promise) -> bool | None:
    """Whether two requests are about what stands within the same thing; so it is taken to be where neither names one.
    None if that isn't clear."""
    ours, theirs = (_scope(message, promise) for message in (one, other))
    if ours and theirs:
        return ours == theirs
    if ours or theirs:
        return None  # what is left out may stand for what the other one names
    parents = [getattr(message, "parent", None) for message in (one, other)]
    if parents[0] == parents[1]:
        return True
    within = [_within(parent, promise.within) for parent in parents]
    return within[0] == within[1] if all(within) else None


def _scope(message: Message, promise: Promise) -> dict[str, Any]:
    """Return what a request names by the noun of what a value is unique in, but for that value itself."""
    return {
        own.full_name: value
        for inner in messages_in(message)
        for own, value in inner.ListFields()
        if f"{snake_case(own.name)}_".startswith(f"{promise.within}_") and own is not promise.way[-1]
    }


def _within(parent: Any, noun: str) -> str:
    """Return the id behind the collection of a noun in the name of a parent; empty if it isn't there."""
    parts = parent.split("/") if isinstance(parent, str) else []
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return next((key for collection, key in pairs if snake_case(singular(collection)) == noun), "")


def _owner(done: _Done, promise: Promise) -> Message | None:
    """Return the message in an answer that has the value as its own that it was given; None if none shows it."""
    last, value = promise.way[-1], next(values_at(done.request, promise.way))
    for message in messages_in(done.answer):
        descriptor: Any = message.DESCRIPTOR
        own = descriptor.fields_by_name.get(last.name)
        if own is None or own.is_repeated or not same_type(own, last):
            continue
        shows = getattr(message, last.name)
        if promise.ignores_case and isinstance(value, str):
            shows, value = shows.casefold(), value.casefold()
        if shows == value:
            return message
    return None


def _other_key(one: Message, other: Message, request: Message) -> str:
    """Tell that two answers show different things, by keys that the server has made; empty if they don't."""
    if any(message.DESCRIPTOR.full_name == _OPERATION for message in (one, other)):
        return ""
    given = {value for inner in messages_in(request) for _, value in inner.ListFields() if isinstance(value, str | int)}
    for ours, theirs in zip(messages_in(one), messages_in(other), strict=False):
        if ours.DESCRIPTOR is not theirs.DESCRIPTOR:
            return ""
        for (key, before), (_, now) in zip(_keys_of(ours), _keys_of(theirs), strict=True):
            if before and now and before != now and not isinstance(now, float | bool) and now not in given:
                return f"another one: {key} {shown(now)}, and {shown(before)} before"
    return ""


def _keys_of(message: Message) -> Iterator[tuple[str, Any]]:
    """Yield the fields by which things of a type may be known, with their values."""
    descriptor: Any = message.DESCRIPTOR
    for key in (*_KEYS, f"{snake_case(descriptor.name)}_id"):
        own = descriptor.fields_by_name.get(key)
        if own is not None and not own.is_repeated and own.message_type is None:
            yield key, getattr(message, key)
