"""Repetition: the same calls, many times or at once, give what they give alone and leave nothing behind."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.races import raced
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.generation.message_classes import clear
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.schema.codec import try_decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Health, Reply

_BYTES_EACH = 2048
_BYTES_IN_ALL = 1 << 20
"""Memory counts as growing if it does so in each part of the run, by so much for each repetition and in all."""

_PIECES_EACH = 0.1
_PIECES_IN_ALL = 8
"""And threads and open files by so many."""


def may_be_growth(health: Health, repeat: int) -> bool:
    """Whether something has grown in each part of a repetition so far, each of so many calls."""
    kinds = ((health.memory, _BYTES_EACH), (health.threads, _PIECES_EACH), (health.descriptors, _PIECES_EACH))
    return any(_is_steady(samples, each * repeat) for samples, each in kinds)


def _is_steady(samples: Sequence[int], least: float) -> bool:
    return all(later - earlier >= least for earlier, later in itertools.pairwise(samples))


def _memory_growth(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    health, repeat = result.health, case.repeat
    if grown := _growth(health.memory, repeat, _BYTES_EACH, _BYTES_IN_ALL):
        actual = f"{grown / 1024:.0f} KiB more after {repeat} repetitions, and growing steadily"
        yield Finding(
            check="memory_growth",
            expected="the same memory however often a request is made",
            actual=actual,
            key="memory",
            timing_based=True,
        )
    if grown := _growth(health.threads, repeat, _PIECES_EACH, _PIECES_IN_ALL):
        expected = "the same number of threads however often a request is made"
        yield Finding(
            check="memory_growth",
            expected=expected,
            actual=f"{grown} more after {repeat} repetitions",
            key="threads",
            timing_based=True,
        )
    if grown := _growth(health.descriptors, repeat, _PIECES_EACH, _PIECES_IN_ALL):
        expected = "the same number of open files however often a request is made"
        yield Finding(
            check="memory_growth",
            expected=expected,
            actual=f"{grown} more after {repeat} repetitions",
            key="descriptors",
            timing_based=True,
        )


def _growth(samples: Sequence[int], repeat: int, each: float, in_all: int) -> int:
    """Say by how much something grew after the first part, in which much is set up; 0 if it doesn't grow steadily."""
    if len(samples) < 4:
        return 0
    grown = samples[-1] - samples[1]
    return grown if grown >= in_all and _is_steady(samples, each * repeat / (len(samples) - 1)) else 0


def _concurrency(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    """Check calls that were made alone, then many at once, and then alone again."""
    if case.together:
        yield from raced(case, result)
        return
    count = len(case.calls)
    rounds = [result.replies[start : start + count] for start in range(0, len(result.replies), count)]
    alone, together, again = rounds[0], rounds[1:-1] or rounds[1:], rounds[-1]
    for index, expected in enumerate(alone):
        compared = _compared(expected, again[index]) if index < len(again) else _all
        seen = [replies[index] for replies in together if index < len(replies)]
        if different := [reply for reply in seen if not _alike(expected, reply, compared)]:
            kinds = Counter(said(reply) if reply.code else "another answer" for reply in different)
            actual = "; ".join(f"{words} ({times} of {len(seen)})" for words, times in kinds.most_common(3))
            yield Finding(
                check="concurrency",
                expected=f"what the call gives alone: {said(expected)}, {len(expected.responses)} responses",
                actual=actual,
                key="differs",
            )
            return


_LOAD = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE, Code.ABORTED})
"""What a server may well say to many calls at once (grpc/grpc, doc/statuscodes.md)."""

_Compared = Callable[["Reply"], object]
"""Gives what is compared of a reply to a call that was answered OK."""


def _alike(alone: Reply, reply: Reply, compared: _Compared) -> bool:
    if alone.termination is not Termination.SERVER or reply.termination is Termination.STARVED:
        return True
    if reply.code in _LOAD and reply.termination is Termination.SERVER:
        return True
    return reply.code == alone.code and (not alone.is_ok or compared(reply) == compared(alone))


def _compared(before: Reply, after: Reply) -> _Compared:
    """Tell how far the replies to a call say the same again and again: what changes by itself isn't compared."""
    for compared in (_all, _steady):
        if not (before.is_ok and after.is_ok) or compared(before) == compared(after):
            return compared
    return lambda _: None


def _all(reply: Reply) -> object:
    """Give all of the responses, but for what is called like something that counts what is going on."""
    return _shown(reply, _is_gauge)


def _steady(reply: Reply) -> object:
    """Give the responses without their numbers and times."""
    return _shown(reply, lambda field: field.cpp_type in NUMBERS or _is_time(field))


_TIMES = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
_GAUGE = re.compile(
    r"(^|_)(active|calls?|streams?|connections?|clients?|threads?|in_?flight|load|open|pending|running|started|succeeded"
    r"|usage|used|uptime|now|memory|cpu|bytes|latency|took|elapsed|hits?|rate|qps|rps|requests|sockets?)(_|$)"
)


def _is_gauge(field: FieldDescriptor) -> bool:
    """Whether a field may count what is going on: a number, or a time, that is called so."""
    return (field.cpp_type in NUMBERS or _is_time(field)) and _GAUGE.search(field.name) is not None


def _is_time(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name in _TIMES


def _shown(reply: Reply, leaves_out: Callable[[FieldDescriptor], bool]) -> list[bytes]:
    method, found = reply.call.method, []
    for data in reply.responses:
        message = try_decode(method.response_class, data) if method is not None else None
        if message is not None:
            _leave_out(message, leaves_out)
        found.append(data if message is None else message.SerializePartialToString(deterministic=True))
    return sorted(found)


def _leave_out(message: Message, leaves_out: Callable[[FieldDescriptor], bool]) -> None:
    for field, value in message.ListFields():
        if leaves_out(field):
            clear(message, field)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for inner in value if field.is_repeated else [value]:
                _leave_out(inner, leaves_out)


CHECKS = (
    Check(
        code="G147",
        name="memory_growth",
        severity=Severity.MEDIUM,
        title="Memory, threads and open files of a local server don't grow with repetition.",
        evaluate=_memory_growth,
        targeted=True,
    ),
    Check(
        code="G149",
        name="concurrency",
        severity=Severity.MEDIUM,
        title="The same request many times at once gives what it gives alone.",
        evaluate=_concurrency,
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
)
