"""What a stream of requests is answered with in the end: a summary accounts for each message, not for the first alone.

Servers may do what they like with later messages: leave out repeated ones, stop at a failure, take them for data that
goes with the first. So nothing is claimed but by what single messages have shown on the same server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_map
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_DONE = re.compile(r"[a-z]+ed|ok|successes|(success|succeeded)_count")
"""How many of the messages were done: ``noted``, ``accepted``. What has two words may count parts of them."""

_OF_MANY = re.compile(r"deleted|removed|updated|changed|modified|affected|matched|purged|expired|moved|copied|touched")
_FILTER = re.compile(r"filter|query|where|prefix|pattern|selector|range|until|before|older|condition|count|quantity")
NOT_DONE = re.compile(r"(failure|error|rejection|refusal|failed|rejected|refused|invalid|problem)s?")
PLACE = re.compile(r"(index|position|item|line|row|message|request)(_(index|number|no))?")
IDS = re.compile(r"(.*_)?ids?")
_REFUSED = frozenset({Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE})


@dataclass(frozen=True, slots=True)
class _Tally:
    """Where a summary says how many messages were done, and which weren't."""

    done: FieldDescriptor
    not_done: FieldDescriptor
    place: FieldDescriptor


@dataclass(slots=True)
class _Stream:
    """What a method has answered so far in a case."""

    outcomes: set[tuple[int, int]] = field(default_factory=set)
    """How much single messages have counted: as done, and as not done."""

    ids: list[str] = field(default_factory=list)
    """The ids that were given to single messages, one each."""

    has_other: bool = False
    """Whether a single message was given another number of ids than one."""

    refused: list[Message] = field(default_factory=list)
    """Single messages that were."""

    is_first_alone: bool = False
    """Whether a second message that differs from the first in nothing but what it leaves out was given no id."""


@dataclass(slots=True)
class Summaries:
    """Hears of the calls of a case, one after the other."""

    _streams: dict[str, _Stream] = field(default_factory=dict)
    _uncounted: dict[str, tuple[bytes, Finding]] = field(default_factory=dict)
    """The last single message that wasn't accounted for, by services."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself, or those before it."""
        exchange = exchange_in(reply)
        if exchange is None:
            return
        method, messages, answers = exchange
        if method.kind is MethodKind.UNARY:
            yield from self._done_alone(method, reply)
        if method.kind is not MethodKind.CLIENT_STREAMING or has_arms(method.input):
            return
        stream = self._streams.setdefault(method.path, _Stream())
        if len(messages) == 1 and reply.code in _REFUSED:
            stream.refused.append(messages[0])
        if reply.is_ok and len(answers) == 1 and (reply.sent == len(messages) or len(messages) == 1):
            yield from self._counted(method, messages, answers[0], stream, reply)
            yield from self._given_ids(method, messages, answers[0], stream, reply)

    def _counted(
        self, method: Method, messages: list[Message], answer: Any, stream: _Stream, reply: Reply
    ) -> Iterator[Finding]:
        tally = tally_of(method)
        if tally is None:
            return
        done, failures, count = getattr(answer, tally.done.name), getattr(answer, tally.not_done.name), len(messages)
        words = f"{done} {tally.done.name}, and {len(failures)} in {tally.not_done.name}"
        one = "1 message" if count == 1 else f"{count} messages"
        if done > count and not is_of_many(method, tally.done):
            yield _finding(method, f"no more than {one}", words, tally.done.name, "too many")
        if beyond := [failure for failure in failures if getattr(failure, tally.place.name) > count]:
            yield _finding(method, f"places in {one}", shown(beyond[0]), tally.not_done.name, "beyond")
        if count == 1:
            stream.outcomes.add((done, len(failures)))
            if not done and not failures:
                wrong = _finding(method, "1 message that is done, or isn't", words, tally.done.name, "unaccounted")
                self._uncounted[method.service] = (reply.call.messages[0], wrong)
        elif stream.outcomes >= {(1, 0), (0, 1)} and not failures and done < count:
            yield _finding(method, f"{one}, each of them done or not", words, tally.done.name, "unaccounted")

    def _done_alone(self, method: Method, reply: Reply) -> Iterator[Finding]:
        """Hear of a message by itself: what is done then, counts in a stream as well."""
        data, wrong = self._uncounted.pop(method.service, (b"", None))
        is_same = wrong is not None and wrong.method is not None and is_twin(method, wrong.method)
        if wrong is not None and is_same and reply.is_ok and reply.call.messages == (data,):
            yield wrong

    def _given_ids(
        self, method: Method, messages: list[Message], answer: Any, stream: _Stream, reply: Reply
    ) -> Iterator[Finding]:
        """See that each message is given an id of its own, and that none is taken that is refused by itself."""
        name = ids_of(method)
        if not name:
            return
        given = [str(one) for one in getattr(answer, name)]
        if len(messages) == 1:
            stream.has_other = stream.has_other or len(given) != 1 or given[0] in stream.ids
            stream.ids += given
        if len(messages) != 2 or stream.has_other or len(stream.ids) < 2 or len(given) != 1:
            return
        first, second = messages
        if _is_part(second, first):
            stream.is_first_alone = True
        elif stream.is_first_alone and any(_is_part(second, one) and second != type(one)() for one in stream.refused):
            expected = "the refusal that the second message gets by itself, or an id for each"
            yield _finding(method, expected, f"{said(reply)}, and one of {name}", name, "first alone")


@lru_cache(256)
def tally_of(method: Method) -> _Tally | None:
    """Return where the answer to a stream says how many messages were done, and which weren't; None if it doesn't."""
    fields = method.output.fields
    done = [one for one in fields if one.cpp_type in WHOLE and not one.is_repeated]
    lists = [one for one in fields if one.is_repeated and one.message_type is not None and not is_map(one)]
    if method.kind is not MethodKind.CLIENT_STREAMING or len(done) != 1 or len(lists) != 1:
        return None
    if not _DONE.fullmatch(done[0].name) or not NOT_DONE.fullmatch(lists[0].name.lower()):
        return None
    items: Any = lists[0].message_type
    places = [one for one in items.fields if one.cpp_type in WHOLE and PLACE.fullmatch(one.name)]
    is_plain = not any(one.is_repeated for one in method.input.fields)
    return _Tally(done[0], lists[0], places[0]) if len(places) == 1 and is_plain else None


def is_of_many(method: Method, done: FieldDescriptor) -> bool:
    """Whether one message may mean many things, each of which counts: all that a filter finds."""
    return _OF_MANY.fullmatch(done.name) is not None or any(_FILTER.search(one.name) for one in method.input.fields)


def ids_of(method: Method) -> str:
    """Return the field of an answer that has ids, if there is one; empty if there isn't."""
    found = [
        one.name
        for one in method.output.fields
        if one.is_repeated and one.type == one.TYPE_STRING and IDS.fullmatch(one.name)
    ]
    return found[0] if len(found) == 1 and method.kind is MethodKind.CLIENT_STREAMING else ""


def is_twin(method: Method, streaming: Method) -> bool:
    """Whether a method does to one message what another does to a stream of them: ``Scan`` and ``ScanAll``."""
    rest = re.sub(r"All|Many|Several|Batch|Bulk|Stream|Multiple", "", streaming.name)
    is_named_alike = method.name != streaming.name and rest in (method.name, f"{method.name}s")
    return is_named_alike and method.service == streaming.service and method.input is streaming.input


def has_arms(descriptor: Descriptor) -> bool:
    """Whether messages are of several kinds, such as one that begins a stream, and others behind it."""
    return any(len(one.fields) > 1 for one in descriptor.oneofs)


def _is_part(message: Message, whole: Message) -> bool:
    """Whether a message is another one without some of the values that name something, or the same."""
    copy = type(whole)()
    copy.CopyFrom(whole)
    for one, _ in whole.ListFields():
        if not any(one.number == own.number for own, _ in message.ListFields()) and one.message_type is None:
            copy.ClearField(one.name)
    return bool(copy == message)


def _finding(method: Method, expected: str, actual: str, path: str, key: str) -> Finding:
    return Finding(
        check="read_after_write", expected=expected, actual=actual, path=path, key=f"summary {key}", method=method
    )
