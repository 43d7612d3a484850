"""Time: answers within a budget that doesn't explode with the input, and work that ends with its call."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.client.actions import Cancel, Pause
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.words import said
from grpcmock.fuzz.evidence import Ending
from grpcmock.fuzz.failures import Finding, Severity
from grpcmock.fuzz.trials import NOTABLE
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Judge
    from grpcmock.fuzz.evidence import Evidence, Reply
    from grpcmock.fuzz.terms import Terms
    from grpcmock.fuzz.trials import Trial

_CUT_SHORT = frozenset({Code.CANCELLED, Code.DEADLINE_EXCEEDED})

_STEEP = 7.5
"""An input four times as large may take so many times as long; 4 is linear, 16 quadratic."""

_RISING = 2.0
"""And for each doubling on the way it takes at least so many times as long, or it is but an outlier."""


def _slow_input(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if "G108" in trial.aims:
        yield from _growth(trial, evidence)
    if trial.at_once:
        return
    for reply in evidence.replies:
        taken = _waited(reply)
        if taken is not None and taken > terms.max_latency:
            expected = f"an answer within {terms.max_latency:g} s"
            got = said(reply) if reply.ending is Ending.DEADLINE else f"{reply.name} after {taken:.2f} s"
            yield Finding(
                code="G108",
                expected=expected,
                got=got,
                path=trial.path,
                key="latency",
                measured=True,
                method=reply.call.method,
            )
            return


def _waited(reply: Reply) -> float | None:
    """Say how long the server was waited for; None if the client itself took the time."""
    call = reply.call
    if call.method is not None and call.method.kind is MethodKind.BIDI_STREAMING and reply.ending is Ending.DEADLINE:
        return None  # it may have nothing to say; whether it ends is the matter of G139
    if call.raw is not None or call.deadline is not None or len(call.actions) > 8:
        return None
    if any(isinstance(action, Pause | Cancel) for action in call.actions):
        return None
    if reply.ending is Ending.SERVER or reply.ending is Ending.ENOUGH:
        if reply.first_seconds is not None:
            return reply.first_seconds
        return reply.seconds if reply.ending is Ending.SERVER else None
    if reply.ending is Ending.DEADLINE:
        return reply.seconds if not reply.responses else None
    return None


def _growth(trial: Trial, evidence: Evidence) -> Iterator[Finding]:
    """Look at the times of calls whose inputs double from one to the next, in the median of all rounds."""
    count = len(trial.calls)
    if len(evidence.replies) < count:
        return
    rounds = [evidence.replies[start : start + count] for start in range(0, len(evidence.replies), count)]
    times = [statistics.median(replies[i].seconds for replies in rounds if i < len(replies)) for i in range(count)]
    if len(times) < 3 or times[-1] < NOTABLE:
        return
    ratios = [later / max(earlier, 1e-4) for earlier, later in itertools.pairwise(times)][-2:]
    if times[-1] / max(times[-3], 1e-4) > _STEEP and min(ratios) > _RISING:
        sizes = [sum(map(len, call.messages)) for call in trial.calls]
        got = ", ".join(f"{size} bytes {seconds * 1000:.0f} ms" for size, seconds in zip(sizes, times, strict=True))
        yield Finding(
            code="G108",
            expected="time that grows no faster than the input",
            got=got,
            path=trial.path,
            key=f"growth {trial.path}",
            measured=True,
        )


def _ended_early(code: str, what: str) -> Judge:
    def judge(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
        """Judge ``observe, cut short …, observe``: the same request asked before and after, with calls that ended early
        in between."""
        before, *between, after = evidence.replies[trial.setup : len(evidence.replies) - trial.cleanup]
        for reply in between:
            if reply.ending is Ending.OVERDUE:
                yield Finding(code=code, expected=f"an end of the call at {what}", got=said(reply), key="overdue")
                return
        if after.ending in (Ending.DEADLINE, Ending.OVERDUE) and before.ending not in (Ending.DEADLINE, Ending.OVERDUE):
            expected = f"later calls served as before, once {len(between)} had ended by {what}"
            yield Finding(code=code, expected=expected, got=said(after), key="later")
        elif _worse(before, after):
            expected = f"{said(before)} as before, once {len(between)} calls had ended by {what}"
            yield Finding(code=code, expected=expected, got=said(after), key="later")
        elif _differ(before, after) and all(_was_cut(reply) for reply in between):
            expected = f"nothing changed by a call that ended by {what} before it was complete"
            yield Finding(
                code=code,
                expected=expected,
                got="another answer than before: the work was done",
                key="effect",
                measured=True,
            )

    return judge


def _worse(before: Reply, after: Reply) -> bool:
    """Whether a call ends in an error that didn't before."""
    if after.ending is not Ending.SERVER or not after.code:
        return False
    return before.ending is Ending.ENOUGH or (before.ending is Ending.SERVER and before.code != after.code)


def _was_cut(reply: Reply) -> bool:
    return reply.ending in (Ending.CANCELLED, Ending.DEADLINE) or reply.code in _CUT_SHORT


def _differ(before: Reply, after: Reply) -> bool:
    """Whether the same question was answered differently, both times with OK."""
    if before.call.path == after.call.path and before.call.messages == after.call.messages:
        return before.is_ok and after.is_ok and _sorted(before.responses) != _sorted(after.responses)
    return False


def _sorted(responses: Sequence[bytes]) -> list[bytes]:
    return sorted(responses)


CHECKS = (
    Check(
        code="G107",
        name="deadline_honoured",
        severity=Severity.HIGH,
        title="Past its deadline a call ends, and the server's work for it.",
        judge=_ended_early("G107", "its deadline"),
        aimed=True,
    ),
    Check(
        code="G108",
        name="slow_input",
        severity=Severity.MEDIUM,
        title="Answers come within the budget, and the time doesn't grow faster than the input.",
        judge=_slow_input,
    ),
    Check(
        code="G109",
        name="cancellation_honoured",
        severity=Severity.HIGH,
        title="After a cancel the server stops, and later calls work as before.",
        judge=_ended_early("G109", "our cancel"),
        aimed=True,
    ),
)
