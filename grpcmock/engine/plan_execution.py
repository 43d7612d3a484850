"""What the plan of the chosen stub does in a call, step by step, faults and scripts among it."""

from __future__ import annotations

import math
from itertools import chain, count, groupby, repeat, takewhile
from typing import TYPE_CHECKING, TypeVar

from grpcmock.engine import error_replies
from grpcmock.engine.steps import (
    RECEIVE,
    EndOfCall,
    Finish,
    HandlerRaised,
    HandlerReturned,
    HandlerSent,
    Headers,
    Invoke,
    NextRequest,
    Receive,
    Reset,
    Resume,
    Send,
    SendAll,
    SendTimed,
    Steps,
    Truncate,
    Wait,
)
from grpcmock.errors import Problems, RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.responses.delays import Delay
from grpcmock.responses.faults import FaultKind
from grpcmock.responses.plan import (
    ExpectStep,
    FinishStep,
    HalfCloseStep,
    HeadersStep,
    InvokeStep,
    OnStep,
    PauseStep,
    PlanStep,
    Renderable,
    RepeatStep,
    SendStep,
)
from grpcmock.schema.codec import build, to_text
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.engine.front import Conversation
    from grpcmock.engine.incoming import Incoming
    from grpcmock.engine.steps import Part
    from grpcmock.engine.store import Turn
    from grpcmock.matching.patterns import Finding
    from grpcmock.responses.faults import Fault

_T = TypeVar("_T")


def _is_pause(step: PlanStep) -> bool:
    return type(step) is PauseStep


class PlanExecution:
    """One stub's answer to one call."""

    def __init__(
        self,
        environment: CallEnvironment,
        call: CallRecord,
        entry: CompiledStub,
        turn: Turn,
        incoming: Incoming,
        faults: frozenset[str],
        *,
        number: int,
    ) -> None:
        self._environment = environment
        self._call = call
        self._entry = entry
        self._method = entry.method
        self._incoming = incoming
        self._faults = faults
        """Those that can be put on the wire in this call."""

        self._plan, self._count, self._states = turn
        self._number = number
        """Of the call: its randomness derives from it."""
        self._fault: Fault | None = None
        self._source: Random | None = None
        self._has_sent = False
        call.stub = entry

    def steps(self) -> Steps:
        """Do what the plan says. Returns at its end, or raises :class:`EndOfCall` with the step that ends the call."""
        plan = self._plan
        fault = plan.fault
        if fault is not None and fault.strikes(self._random):
            if fault.kind not in self._faults:
                finish = error_replies.impossible_fault(self._call, f"stub {self._entry}", fault.kind)
                self._environment.note("warning", finish.message)
                raise EndOfCall(finish)
            self._fault = fault
            match fault.kind:
                case FaultKind.ABORT:
                    assert isinstance(fault.value, Code)
                    raise EndOfCall(Finish(fault.value, f"{self._call.name}: aborted by a fault of stub {self._entry}"))
                case FaultKind.HANG:
                    yield Wait(math.inf)
                case FaultKind.RESET:
                    raise EndOfCall(Reset())
        yield from self._play(plan.steps)

    def _play(self, steps: Sequence[PlanStep]) -> Steps:
        for known, group in groupby(steps, lambda step: type(step) is PauseStep or self._is_known(step)):
            if known:
                yield from self._play_known(list(group))
            else:
                for step in group:
                    yield from self._play_one(step)

    def _is_known(self, step: PlanStep) -> bool:
        """Whether a step sends a message that is there already, as it is."""
        return type(step) is SendStep and step.reply.constant is not None and self._fault is None

    def _play_known(self, steps: list[PlanStep]) -> Steps:
        """Pause, and send what is there already, all of it in one step."""
        pauses = list(takewhile(_is_pause, reversed(steps)))  # those before something else
        known = steps[: len(steps) - len(pauses)]
        if any(map(_is_pause, known)):
            yield SendTimed(self._timed(known))
        elif known:
            yield SendAll([step.reply.constant for step in known])  # type: ignore[union-attr,misc]
        for step in pauses:
            yield from self._play_one(step)

    def _timed(self, steps: Iterable[PlanStep]) -> Iterator[Part]:
        """Yield messages that are there already, each with the pause before it."""
        pause: float | None = None
        for step in steps:
            if isinstance(step, PauseStep):
                pause = (pause or 0) + step.delay.sample(self._random)
            else:
                yield pause, step.reply.constant  # type: ignore[union-attr,misc]
                pause = None

    def _play_one(self, step: PlanStep) -> Steps:
        match step:
            case SendStep():
                yield from self._send(self._rendered(step.reply))
            case FinishStep():
                raise self._finish(step)
            case PauseStep():
                yield Wait(step.delay.sample(self._random))
            case HeadersStep():
                yield Headers(self._rendered(step.metadata))
            case HalfCloseStep():
                yield from self._play_half_close()
            case ExpectStep():
                yield from self._play_expect(step)
            case OnStep():
                yield from self._play_on(step)
            case RepeatStep():
                yield from self._play_repeat(step)
            case InvokeStep():
                yield from self._play_invoke(step)

    def _play_half_close(self) -> Steps:
        while (yield from self._incoming.next()) is not None:
            pass

    def _play_expect(self, step: ExpectStep) -> Steps:
        message = yield from self._incoming.next()
        if message is None:
            raise self._missed(step, "the client finished sending")
        if step.pattern is not None and not step.pattern.holds(message):
            raise self._missed(step, f"{to_text(message)} came", step.pattern.explain(message))

    def _play_on(self, step: OnStep) -> Steps:
        known = self._conversation(step)
        receive = RECEIVE if known is None else Receive(conversation=known)
        while (message := (yield from self._incoming.next(receive))) is not None:
            last = step.until is not None and step.until.holds(message)
            arm = step.arm_of(message)
            if arm is not None and arm.messages is not None and self._fault is None:
                if known is not None and not last and (data := self._incoming.last) is not None:
                    known.remember(data, arm.messages)
                yield SendAll(arm.messages)
            elif arm is not None:
                yield from self._play(arm.steps)
            elif not last:
                findings = [
                    finding for arm in step.arms if arm.pattern is not None for finding in arm.pattern.explain(message)
                ]
                raise self._missed(step, f"no arm takes {to_text(message)}", findings)
            if last:
                return

    def _conversation(self, step: OnStep) -> Conversation | None:
        front, environment = self._environment.store.front, self._environment
        if front is None or self._fault is not None or environment.options.validate:
            return None
        return self._entry.conversation(step, front)

    def _play_repeat(self, step: RepeatStep) -> Steps:
        if step.times and step.every is None and all(map(self._is_known, step.steps)):
            messages = [inner.reply.constant for inner in step.steps]  # type: ignore[union-attr]
            yield SendAll(chain.from_iterable(repeat(messages, step.times)))  # type: ignore[arg-type]
            return
        rounds = count() if step.times is None else range(step.times)
        if step.times != 0 and step.every is not None and all(map(self._is_known, step.steps)):
            pause = PauseStep(step.every)
            yield SendTimed(self._timed(chain.from_iterable((pause, *step.steps) if n else step.steps for n in rounds)))
            return
        for number in rounds:
            if number and step.every is not None:
                yield Wait(step.every.sample(self._random))
            elif number and step.times is None:
                # A loop without a pause must still let other calls, and the client's cancellation, have their turn.
                yield Wait(0)
            yield from self._play(step.steps)

    def _play_invoke(self, step: InvokeStep) -> Steps:
        event = yield Invoke(step.handler, self._context(), self._call)
        while True:
            message = None
            match event:
                case HandlerSent():
                    yield from self._send(self._encoded(event.value))
                case NextRequest(until=None):
                    message = yield from self._incoming.next()
                case NextRequest():
                    message = yield from self._incoming.next_until(event.until)
                case Headers():
                    yield event
                case HandlerReturned():
                    raise EndOfCall(event.finish)
                case HandlerRaised():
                    self._call.error = event.error
                    said = f"{type(event.error).__name__}: {event.error}"
                    raise RenderError(f"stub {self._entry}: its handler raised {said}") from event.error
                case _:
                    raise TypeError(f"A handler was to be run, and the server answered with {event!r}.")
            event = yield Resume(message)

    def _encoded(self, value: object) -> bytes:
        """Encode what a handler sends."""
        problems = Problems()
        response_class = self._method.response_class
        message = build(Node.of(value), response_class, self._environment.registry, problems, "response")
        if problems:
            reasons = "; ".join(f"{problem.path}: {problem.message} {problem.hint}".rstrip() for problem in problems)
            self._call.error = RenderError(f"stub {self._entry}: what its handler sends is wrong: {reasons}")
            raise self._call.error
        return message.SerializePartialToString()

    def _finish(self, step: FinishStep) -> EndOfCall:
        code, message, trailers = step.constant or step.render(self._context())
        drop = self._fault is not None and self._fault.kind is FaultKind.DROP_TRAILERS
        return EndOfCall(Finish(code, message, trailers, drop))

    def _send(self, data: bytes) -> Steps:
        if self._fault is None:
            yield Send(data)
            return
        first, self._has_sent = not self._has_sent, True
        yield from self._send_spoiled(data, self._fault, first=first)

    def _send_spoiled(self, data: bytes, fault: Fault, *, first: bool) -> Steps:
        """Send a message of an answer that a fault has struck."""
        match fault.kind:
            case FaultKind.DRIP if not first:
                assert isinstance(fault.value, Delay)
                yield Wait(fault.value.sample(self._random))
            case FaultKind.TRUNCATE if first:
                raise EndOfCall(Truncate(data))
            case FaultKind.GARBAGE | FaultKind.OVERSIZE if first:
                assert isinstance(fault.value, int)
                # Field number 0 with wire type 7: no message of any type begins so.
                data = b"\x07" + self._random.randbytes(fault.value - 1)
            case FaultKind.EXTRA_MESSAGES if first:
                assert isinstance(fault.value, int)
                for _ in range(fault.value):
                    yield Send(data)
        yield Send(data)

    @property
    def _random(self) -> Random:
        """The source of randomness of this call, made when it is first drawn from: most calls never do."""
        if self._source is None:
            self._source = self._environment.random(self._number)
        return self._source

    def _rendered(self, part: Renderable[_T]) -> _T:
        return part.constant if part.constant is not None else part.render(self._context())

    def _context(self) -> RenderContext:
        incoming = self._incoming
        seen = incoming.seen
        return RenderContext(
            request=incoming.received[0] if incoming.received else None,
            requests=seen,
            message=seen[-1] if seen else None,
            metadata=incoming.context.metadata,
            row=self._entry.stub.row,
            count=self._count,
            state=self._states,
            random=lambda: self._random,
            now=self._environment.clock.now,
        )

    def _missed(self, step: ExpectStep | OnStep, came: str, findings: Iterable[Finding] = ()) -> EndOfCall:
        found = error_replies.script_miss(self._method, self._entry, step, came, findings)
        return error_replies.missed(self._call, found, self._environment.options.unmatched_code)
