"""Follow a script along all its ways: headers come first and once, and a single answer is sent exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from grpcmock.responses.delays import FOREVER
from grpcmock.responses.plan import FinishStep, HeadersStep, OnStep, PauseStep, RepeatStep, SendStep
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.responses.plan import PlanStep
    from grpcmock.schema import Method

Report = Callable[["PlanStep", str], None]
"""Told which step is wrong, and why."""

_State = tuple[int, bool]
"""Messages sent (2 stands for more), and whether headers may have gone out."""


def check(steps: Iterable[PlanStep], method: Method, report: Report, *, headers_sent: bool = False) -> None:
    """Report what is wrong with the order of *steps*; the last of them is the end of the call."""
    flow = _Flow(method, report)
    flow.walk(steps, {(0, headers_sent)})


class _Flow:
    def __init__(self, method: Method, report: Report) -> None:
        self._single = not method.kind.server_streams
        self._many_requests = method.kind.client_streams
        self._kind = method.kind.value
        self._report = report
        self._reported: set[int] = set()

    def _say(self, step: PlanStep, text: str) -> None:
        if id(step) not in self._reported:
            self._reported.add(id(step))
            self._report(step, text)

    def walk(self, steps: Iterable[PlanStep], states: set[_State]) -> set[_State]:
        """Give the states after *steps*; none if the call has ended."""
        for step in steps:
            if not states:
                break
            states = self._step(step, states)
        return states

    def _step(self, step: PlanStep, states: set[_State]) -> set[_State]:
        if isinstance(step, SendStep):
            if self._single and any(sent for sent, _ in states):
                self._say(step, f"this would send a second message; the method is {self._kind}: it answers with one.")
            return {(min(sent + 1, 2), True) for sent, _ in states}
        if isinstance(step, HeadersStep):
            if any(spoken for _, spoken in states):
                self._say(step, "headers can be sent once only, before the first message.")
            return {(sent, True) for sent, _ in states}
        if isinstance(step, FinishStep):
            if self._single and step.code is Code.OK and any(not sent for sent, _ in states):
                text = f"the call would end without a message; the method is {self._kind}: it answers with one."
                self._say(step, text)
            return set()
        if isinstance(step, PauseStep) and step.delay == FOREVER:
            return set()
        if isinstance(step, RepeatStep):
            return self._repeat(step, states)
        if isinstance(step, OnStep):
            return self._on(step, states)
        return states

    def _repeat(self, step: RepeatStep, states: set[_State]) -> set[_State]:
        # Three rounds show all that more could.
        for _ in range(3 if step.times is None else min(step.times, 3)):
            states = self.walk(step.steps, states)
        return set() if step.times is None else states

    def _on(self, step: OnStep, states: set[_State]) -> set[_State]:
        if not self._many_requests:  # the one message is taken once
            return set().union(*(self.walk(arm.steps, states) for arm in step.arms))
        while True:
            after = states.union(*(self.walk(arm.steps, states) for arm in step.arms))
            if after == states:
                return states
            states = after
