"""Time: answers within a budget that doesn't explode with the input, and work that ends with its call."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.client.actions import Cancel, Pause
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.cases import NOTABLE
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import endless, said
from grpcmock.schema.codec import try_decode
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_NO_END = frozenset({Termination.DEADLINE, Termination.OVERDUE})
_CUT_SHORT = frozenset({Code.CANCELLED, Code.DEADLINE_EXCEEDED})

_TIMES = re.compile(r"(^|_)(interval|delay|sleep|wait|pause|timeout|linger|duration|period)(_|$)")
"""Fields of requests that may ask a server to take its time."""

_STEEP = 7.5
"""An input four times as large may take so many times as long; 4 is linear, 16 quadratic."""

_RISING = 2.0
"""And for each doubling on the way it takes at least so many times as long, or it is but an outlier."""


def _slow_input(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if "slow_input" in case.targets:
        yield from _growth(case, result)
    if case.concurrent:
        return
    for reply in result.replies:
        taken = None if _asks_to_wait(reply) else _waited(reply)
        if taken is not None and taken > expectations.max_latency:
            expected = f"an answer within {expectations.max_latency:g} s"
            is_endless = reply.termination is Termination.DEADLINE
            actual = said(reply) if is_endless else f"{reply.name} after {taken:.2f} s"
            yield Finding(
                check="slow_input",
                expected=expected,
                actual=actual,
                path=case.path,
                key="latency",
                causes=(f"{reply.call.path} is slow", *([endless(reply)] if is_endless else [])),
                timing_based=True,
                method=reply.call.method,
            )
            return


def _asks_to_wait(reply: Reply) -> bool:
    """Whether a request says how long something shall take, in a field that is called so."""
    method = reply.call.method
    if method is None or reply.seconds < NOTABLE:
        return False
    requests = (try_decode(method.request_class, data) for data in reply.call.messages)
    return any(request is not None and _names_a_time(request) for request in requests)


def _names_a_time(message: Message) -> bool:
    for field, value in message.ListFields():
        if _TIMES.search(field.name):
            return True
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if any(_names_a_time(inner) for inner in (value if field.is_repeated else [value])):
            return True
    return False


def _waited(reply: Reply) -> float | None:
    """Say how long the server was waited for; None if the client itself took the time."""
    call = reply.call
    if (
        call.method is not None
        and call.method.kind is MethodKind.BIDI_STREAMING
        and reply.termination is Termination.DEADLINE
    ):
        return None  # it may have nothing to say; whether it ends is the matter of G139
    if call.raw is not None or call.deadline is not None or len(call.actions) > 8:
        return None
    if any(isinstance(action, Pause | Cancel) for action in call.actions):
        return None
    if reply.termination is Termination.SERVER or reply.termination is Termination.ENOUGH:
        if reply.first_seconds is not None:
            return reply.first_seconds
        return reply.seconds if reply.termination is Termination.SERVER else None
    if reply.termination is Termination.DEADLINE:
        return reply.seconds if not reply.responses else None
    return None


def _growth(case: Case, result: CaseResult) -> Iterator[Finding]:
    """Look at the times of calls whose inputs double from one to the next, in the median of all rounds."""
    count = len(case.calls)
    if len(result.replies) < count:
        return
    rounds = [result.replies[start : start + count] for start in range(0, len(result.replies), count)]
    times = [
        statistics.median(replies[place].seconds for replies in rounds if place < len(replies))
        for place in range(case.setup, count)
    ]
    if len(times) < 3 or times[-1] < NOTABLE:
        return
    ratios = [later / max(earlier, 1e-4) for earlier, later in itertools.pairwise(times)][-2:]
    if times[-1] / max(times[-3], 1e-4) > _STEEP and min(ratios) > _RISING:
        calls = case.calls[case.setup :]
        if len(calls[-1].messages) > 1:
            sizes = [f"{len(call.messages)} messages" for call in calls]
        else:
            sizes = [f"{sum(map(len, call.messages))} bytes" for call in calls]
        actual = ", ".join(f"{size} {seconds * 1000:.0f} ms" for size, seconds in zip(sizes, times, strict=True))
        yield Finding(
            check="slow_input",
            expected="time that grows no faster than the input",
            actual=actual,
            path=case.path,
            key=f"growth {case.path}",
            timing_based=True,
        )


def _ended_early(check: str, what: str) -> CheckFunction:
    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        """Check ``observe, cut short …, observe``: the same request asked before and after, with calls that ended early
        in between."""
        before, *between, after = result.replies[case.setup : len(result.replies) - case.cleanup]
        for reply in between:
            if reply.termination is Termination.OVERDUE:
                yield Finding(check=check, expected=f"an end of the call at {what}", actual=said(reply), key="overdue")
                return
        if after.termination in _NO_END and before.termination not in _NO_END and not _goes_on(before, after):
            expected = f"later calls served as before, once {len(between)} had ended by {what}"
            yield Finding(check=check, expected=expected, actual=said(after), key="later")
        elif _changes(before) and _asks_of_the_same_method(before, after):
            # It may well be refused the second time; but what is busy for ever was left so.
            if before.is_ok and after.code == Code.ABORTED and after.termination is Termination.SERVER:
                expected = f"later calls served as before, once {len(between)} had ended by {what}"
                yield Finding(check=check, expected=expected, actual=said(after), key="later")
        elif _worse(before, after) and not any(reply.is_ok and _changes(reply) for reply in between):
            expected = f"{said(before)} as before, once {len(between)} calls had ended by {what}"
            yield Finding(check=check, expected=expected, actual=said(after), key="later")
        elif _differ(before, after) and all(_was_cut(reply) and not _asks_the_same(reply, before) for reply in between):
            expected = f"nothing changed by a call that ended by {what} before it was complete"
            yield Finding(
                check=check,
                expected=expected,
                actual="another answer than before: the work was done",
                key="effect",
                timing_based=True,
            )

    return evaluate


def _goes_on(before: Reply, after: Reply) -> bool:
    """Whether a stream of which enough was seen has told as much later, and was left open."""
    return before.termination is Termination.ENOUGH and len(after.responses) >= len(before.responses)


def _worse(before: Reply, after: Reply) -> bool:
    """Whether a call ends in an error that didn't before."""
    if after.termination is not Termination.SERVER or not after.code:
        return False
    return before.termination is Termination.ENOUGH or (
        before.termination is Termination.SERVER and before.code != after.code
    )


def _changes(reply: Reply) -> bool:
    """Whether a call may have changed something, of a method that takes and gives one message."""
    method = reply.call.method
    return method is not None and method.kind is MethodKind.UNARY and not only_reads(method)


def _asks_of_the_same_method(one: Reply, other: Reply) -> bool:
    return one.call.path == other.call.path


def _was_cut(reply: Reply) -> bool:
    return reply.termination in (Termination.CANCELLED, Termination.DEADLINE) or reply.code in _CUT_SHORT


def _asks_the_same(reply: Reply, other: Reply) -> bool:
    """Whether two calls say the same: if one only looks, so does the other, and what changes does so by itself."""
    return reply.call.path == other.call.path and reply.call.messages == other.call.messages


def _differ(before: Reply, after: Reply) -> bool:
    """Whether the same question was answered differently, both times with OK."""
    if _asks_the_same(before, after):
        return before.is_ok and after.is_ok and _sorted(before.responses) != _sorted(after.responses)
    return False


def _sorted(responses: Sequence[bytes]) -> list[bytes]:
    return sorted(responses)


CHECKS = (
    Check(
        code="G107",
        name="deadline_honored",
        severity=Severity.HIGH,
        title="Past its deadline a call ends, and the server's work for it.",
        evaluate=_ended_early("deadline_honored", "its deadline"),
        targeted=True,
    ),
    Check(
        code="G108",
        name="slow_input",
        severity=Severity.MEDIUM,
        title="Answers come within the budget, and the time doesn't grow faster than the input.",
        evaluate=_slow_input,
    ),
    Check(
        code="G109",
        name="cancellation_honored",
        severity=Severity.HIGH,
        title="After a cancel the server stops, and later calls work as before.",
        evaluate=_ended_early("cancellation_honored", "our cancel"),
        targeted=True,
    ),
)
