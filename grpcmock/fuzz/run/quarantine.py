"""Which methods are left alone for the rest of a run: those that give no answer any more, and those never there.

Where it may be what a request lacks that brings the server down, only requests like it are left out.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from grpcmock.fuzz.execution.monitor import NO_ANSWER
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.run.crash_shapes import CrashShapes
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method

_OUTAGES = 3
"""After so many calls without an answer, once that is a known failure, a method is left alone."""

_NOT_THERE = 10
"""After so many cases that had nothing but UNIMPLEMENTED, too."""

_CUT_SHORT = frozenset({Code.CANCELLED, Code.DEADLINE_EXCEEDED})


class MethodQuarantine:
    """Keeps count of how methods answer."""

    def __init__(self) -> None:
        self.stopped: set[Method] = set()
        """Methods that are left alone."""
        self._outages: Counter[Method] = Counter()
        self._unimplemented: Counter[Method] = Counter()
        self._shapes = CrashShapes()
        self._news: list[tuple[Method, str]] = []

    def avoids(self, case: Case) -> bool:
        """Whether a case is like one that has brought the server down, by what it lacks."""
        return self._shapes.avoids(case)

    def news(self) -> list[tuple[Method, str]]:
        """Give, once, the methods of which some requests aren't made any more, and what is to be said of that."""
        found, self._news = self._news, []
        return found

    def note(self, case: Case, result: CaseResult) -> str:
        """Count a case. Gives the reason if its method is left alone from now on, and that has to be told."""
        reason = self._note_outage(case, result)
        self._note_unimplemented(case, result)
        return reason

    def _note_outage(self, case: Case, result: CaseResult) -> str:
        method = case.method
        if result.health.alive and not any(map(_is_outage, result.replies)):
            if result.last.termination is Termination.SERVER and not case.targets:
                self._outages.pop(method, None)
            for reply in result.replies:
                self._shapes.hear(reply)
            return ""
        if self._is_explained(case, result):
            return ""
        self._outages[method] += 1
        if self._outages[method] < _OUTAGES or method in self.stopped:
            return ""
        self.stopped.add(method)
        return f"{self._outages[method]} cases in a row had no answer, or brought the server down"

    def _is_explained(self, case: Case, result: CaseResult) -> bool:
        """Whether the server may have gone down for what a request lacks: then others go on."""
        lost = next((reply for reply in result.replies if reply.termination is Termination.LOST), None)
        if lost is None or lost.call.method is None or case.concurrent or case.together or case.repeat > 1:
            return False
        shape = self._shapes.explain(lost)
        if shape is None:
            return False
        parts = ", ".join(sorted(filter(None, shape)))
        if parts:
            what = f"with nothing but {parts} in them"
        else:
            what = "without any message in them" if shape else "with nothing in them"
        self._news.append((lost.call.method, f"it goes on without requests {what}: one brought the server down"))
        return True

    def _note_unimplemented(self, case: Case, result: CaseResult) -> None:
        """Leave a method alone that has never answered anything but UNIMPLEMENTED: a check tells of it."""
        method = case.method
        if case.expect is Expect.UNDECODABLE or case.may_be_unimplemented:
            return
        own = [reply for reply in result.replies if reply.call.method is method]
        codes = {reply.code for reply in own if reply.responses or reply.termination is Termination.SERVER} - _CUT_SHORT
        if codes - {Code.UNIMPLEMENTED}:
            self._unimplemented[method] = -sys.maxsize
        elif codes:
            self._unimplemented[method] += 1
            if self._unimplemented[method] == _NOT_THERE:
                self.stopped.add(method)


def _is_outage(reply: Reply) -> bool:
    call = reply.call
    if call.raw is not None:
        return False
    return reply.termination in NO_ANSWER or (reply.termination is Termination.DEADLINE and call.deadline is None)
