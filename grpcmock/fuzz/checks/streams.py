"""Streams come to their end: empty ones, long ones, and those that the client has closed its half of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import cause, endless, said, shape, unhandled
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_HEARING = re.compile(r"Watch|Subscri|Follow|Tail|Listen|Observe|Monitor|Attach|Connect|Events|Notif|Updates")

_NO_END = frozenset({Termination.DEADLINE, Termination.OVERDUE})

MANY_BYTES = 64 << 20
"""So much may the memory of a server grow in a long stream."""


def _hangs(reply: Reply) -> bool:
    if reply.termination in _NO_END:
        return True
    return reply.termination is Termination.SERVER and reply.code == Code.DEADLINE_EXCEEDED


def _may_go_on(reply: Reply) -> bool:
    """Whether a method is one for those who want to hear of something, and may leave it to them when it ends."""
    method = reply.call.method
    return method is not None and method.kind is MethodKind.BIDI_STREAMING and _HEARING.search(method.name) is not None


def _empty_stream(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    reply = result.last
    expected = "a status soon after half-close, though no message came"
    if _hangs(reply):
        yield Finding(
            check="empty_stream",
            expected=expected,
            actual=said(reply),
            key="hangs",
            causes=(endless(reply),),
            is_warning=_may_go_on(reply),
        )
    elif unhandled(reply) or reply.termination is Termination.LOST:
        yield Finding(
            check="empty_stream",
            expected=expected + ", and not UNKNOWN or INTERNAL",
            actual=said(reply),
            key=shape(reply),
            causes=(cause(reply),),
        )


def _long_stream(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if any(reply.call.unread for reply in result.replies):
        yield from _slow_reader(result)
    else:
        yield from _many_messages(result)


def _slow_reader(result: CaseResult) -> Iterator[Finding]:
    """Check a call whose responses are read late, between two in which they aren't."""
    slow = next(reply for reply in result.replies if reply.call.unread)
    others = [reply for reply in result.replies if reply is not slow]
    counts = {len(reply.responses) for reply in others if reply.is_ok}
    if slow.termination is Termination.LOST or unhandled(slow):
        if not any(unhandled(reply) for reply in others):
            expected = "a slow reader that is served like others, or refused with RESOURCE_EXHAUSTED"
            yield Finding(check="long_stream", expected=expected, actual=said(slow), key=f"slow {shape(slow)}")
    elif slow.is_ok and len(counts) == 1 and len(slow.responses) < (wanted := counts.pop()):
        actual = f"{len(slow.responses)} responses, and OK"
        yield Finding(
            check="long_stream",
            expected=f"the {wanted} responses that other readers get",
            actual=actual,
            key="slow lost",
        )
    elif grown := _growth(result):
        expected = "memory that doesn't grow while a client reads nothing"
        actual = f"{grown} MiB more than for other readers"
        yield Finding(check="long_stream", expected=expected, actual=actual, key="slow memory", timing_based=True)


def _growth(result: CaseResult) -> int:
    """Give by how many MiB the server's memory has grown; 0 if that is nothing to speak of."""
    memory = result.health.memory
    grown = memory[-1] - memory[0] if len(memory) > 1 else 0
    return grown >> 20 if grown > MANY_BYTES else 0


def _many_messages(result: CaseResult) -> Iterator[Finding]:
    reply = result.last
    messages = f"{reply.sent} messages" if len(reply.call.messages) > 1 else f"{len(reply.responses)} responses"
    if _hangs(reply):
        expected = "a long stream that comes to its end like a short one"
        yield Finding(
            check="long_stream",
            expected=expected,
            actual=f"{said(reply)} after {messages}",
            key="hangs",
            causes=(endless(reply),),
        )
    elif unhandled(reply) or reply.termination is Termination.LOST:
        expected = "a long stream that is served, or refused with RESOURCE_EXHAUSTED"
        yield Finding(
            check="long_stream",
            expected=expected,
            actual=f"{said(reply)} after {messages}",
            key=shape(reply),
            causes=(cause(reply),),
        )
    elif grown := _growth(result):
        expected = "memory that doesn't grow with the length of a stream"
        yield Finding(check="long_stream", expected=expected, actual=f"{grown} MiB more after {messages}", key="memory")


def _half_close(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        if _hangs(reply):
            actual = f"{said(reply)}; {len(reply.responses)} responses came"
            yield Finding(
                check="half_close",
                expected="an end of the call after half-close",
                actual=actual,
                key="hangs",
                causes=(endless(reply),),
                is_warning=_may_go_on(reply),
            )
            return


CHECKS = (
    Check(
        code="G137",
        name="empty_stream",
        severity=Severity.HIGH,
        title="A stream of no messages, half-closed at once, gets a status.",
        evaluate=_empty_stream,
        targeted=True,
        supersedes=frozenset({"unhandled_error", "slow_input", "half_close"}),
    ),
    Check(
        code="G138",
        name="long_stream",
        severity=Severity.MEDIUM,
        title="A long stream and a slow reader are served within bounds.",
        evaluate=_long_stream,
        targeted=True,
        supersedes=frozenset({"unhandled_error", "slow_input"}),
    ),
    Check(
        code="G139",
        name="half_close",
        severity=Severity.HIGH,
        title="A bidirectional call ends after the client has half-closed.",
        evaluate=_half_close,
        targeted=True,
        supersedes=frozenset({"slow_input"}),
    ),
)
