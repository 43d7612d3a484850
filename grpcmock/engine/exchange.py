"""One call, from its opening to its status: which stub is chosen, and what its plan does, step by step."""

from __future__ import annotations

import math
from collections.abc import Generator
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.engine import refusals
from grpcmock.engine.steps import (
    RECEIVE,
    Finish,
    Forward,
    Headers,
    Invoke,
    Message,
    Raised,
    Receive,
    Reset,
    Resume,
    Returned,
    Send,
    Truncate,
    Wait,
    Wants,
    Yielded,
)
from grpcmock.errors import Problems, RenderError
from grpcmock.matching.conditions import Stage
from grpcmock.matching.facts import Facts
from grpcmock.matching.miss import explain_miss
from grpcmock.replies import plan as plans
from grpcmock.replies.context import RenderContext
from grpcmock.replies.delays import Delay
from grpcmock.replies.faults import FaultKind
from grpcmock.replies.generated import Answers
from grpcmock.schema import Kind
from grpcmock.schema.codec import DecodeError, build, decode, to_text
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from google.protobuf.message import Message as ProtoMessage

    from grpcmock.engine.engine import Engine
    from grpcmock.engine.steps import Event, Forwarder, Metadata, Open, Step
    from grpcmock.engine.store import CompiledStub, MethodTable
    from grpcmock.matching.miss import Miss
    from grpcmock.matching.patterns import Finding
    from grpcmock.replies.faults import Fault

_Steps = Generator["Step", "Event | None", None]
_Received = Generator["Step", "Event | None", "ProtoMessage | None"]
_T = TypeVar("_T")


class Exchange:
    """A call under way. Fed with events, it says what is to be done; it does nothing by itself."""

    def __init__(self, engine: Engine, opened: Open) -> None:
        options = engine.options
        self._engine = engine
        self._clock = options.wall_clock
        self._monotonic = options.monotonic
        self._began = options.monotonic()
        self._table: MethodTable | None = engine.store.tables.get(opened.path)
        self.call = engine.journal.open(
            opened.path,
            self._table.method if self._table else None,
            opened.metadata,
            opened.deadline,
            opened.peer,
            self._clock(),
        )
        """The record of this call, as the journal will keep it."""
        self._facts = Facts(grouped(opened.metadata), opened.deadline, engine.store.states)
        self._received: list[ProtoMessage] = []
        self._unread: list[ProtoMessage] = []
        self._forwarder = engine.forwarder
        self._raw: list[bytes] = []
        """What was read while the call may yet be passed on."""
        self._chosen: CompiledStub | None = None
        self._states = engine.store.states
        self._fault: Fault | None = None
        self._source: Random | None = None
        self._has_sent = False
        self._ended = False
        self._steps = self._run()

    # What a server calls --------------------------------------------------------------------------

    def resume(self, event: Event | None = None) -> Step:
        """Give the next step. *event* answers a ``Receive``; after any other step there is none.

        After the last step, there is no next one; asking for it raises ``StopIteration``.
        """
        with self._engine.lock:
            step = self._steps.send(event)
            kind = type(step)
            if kind is Send:
                self.call.add_frame("response", step.data, self._clock())  # type: ignore[union-attr]
            elif kind is Finish or kind is Reset or kind is Truncate:
                self._close(step)
            return step

    def cancel(self) -> None:
        """The client went away, or the deadline passed: end the script at once. Harmless after the last step."""
        if self._ended:
            return
        with self._engine.lock:
            self._steps.close()
            deadline = self.call.deadline
            late = deadline is not None and self._monotonic() - self._began >= deadline
            self.call.cancelled = True
            self._close(Finish(Code.DEADLINE_EXCEEDED if late else Code.CANCELLED))

    def _close(self, step: Step) -> None:
        self._ended = True
        call = self.call
        if isinstance(step, Finish):
            call.code, call.message, call.trailers = step.code, step.message, step.trailers
        elif isinstance(step, Reset):
            call.code, call.message = Code.CANCELLED, "the stream was reset by a fault"
        else:
            call.code, call.message = Code.INTERNAL, "the stream was cut short by a fault"
        call.duration = self._monotonic() - self._began
        self._engine.journal.close(call)

    # The whole call -------------------------------------------------------------------------------

    def _run(self) -> _Steps:
        try:
            if self._table is None:
                raise _Last(refusals.unknown_method(self.call.path, self._engine.registry.methods.values()))
            entry = yield from self._choose(self._table)
            if entry is not None:
                yield from self._answer(entry)
            elif self._engine.options.auto and self._forwarder is None:
                yield from self._generate(self._table)
            else:
                raise self._refused(self._table)
            raise _Last(Finish())
        except _Last as last:
            if self._chosen is None and self._forwarder is not None:
                yield from self._forward(self._forwarder)
            else:
                yield last.step
        except RenderError as error:
            yield Finish(Code.INTERNAL, f"{self.call.name}: {error}")

    def _choose(self, table: MethodTable) -> Generator[Step, Event | None, CompiledStub | None]:
        """Find the winner as early as it is certain, reading no more messages than that takes."""
        method, facts = table.method, self._facts
        if not method.kind.client_streams:
            self._know((yield from self._receive()))
            if facts.request is None:
                raise _Last(refusals.no_request(method))
            if (yield from self._receive()) is not None:
                raise _Last(refusals.many_requests(method))
            facts.half_closed = True
            return table.first(facts, Stage.ALL)
        for stage in (Stage.OPEN, Stage.FIRST):
            if stage is Stage.FIRST:
                self._know((yield from self._receive()))
            winner = table.first(facts, stage)
            # A call that is passed on anyway need not have a message: the server elsewhere may speak first.
            is_enough = winner is not None or stage is Stage.FIRST or self._forwarder is not None
            if is_enough and not table.may_yet_win(facts, stage, winner):
                return winner
        while not facts.half_closed:
            self._know((yield from self._receive()))
        facts.requests = self._received
        return table.first(facts, Stage.ALL)

    def _know(self, message: ProtoMessage | None) -> None:
        """Take note of a message that was read to choose a stub; None is half-close."""
        if message is None:
            self._facts.half_closed = True
            return
        if self._facts.request is None:
            self._facts.request = message
        self._unread.append(message)

    def _receive(self) -> _Received:
        """Read the next message from the wire; None once the client has finished sending."""
        if self._facts.half_closed:
            return None
        return self._taken((yield RECEIVE))

    def _taken(self, event: Event | None) -> ProtoMessage | None:
        if not isinstance(event, Message):
            return None
        assert self._table is not None
        self.call.add_frame("request", event.data, self._clock())
        if self._forwarder is not None:
            self._raw.append(event.data)
        method = self._table.method
        try:
            message = decode(method.request_class, event.data)
        except DecodeError as error:
            raise _Last(refusals.undecodable(method, str(error))) from None
        self._received.append(message)
        return message

    def _next_message(self) -> _Received:
        """Give the next message that the plan has not seen: one read to choose the stub, or the next from the wire."""
        if self._unread:
            return self._unread.pop(0)
        message = yield from self._receive()
        if message is None:
            self._facts.half_closed = True
        return message

    def _next_message_until(self, until: Any) -> _Received:
        """Give the next message, or None as soon as *until* is done."""
        if self._unread or self._facts.half_closed:
            return (yield from self._next_message())
        event = yield Receive(until)
        if event is not None and (message := self._taken(event)) is not None:
            return message
        self._facts.half_closed = event is not None
        return None

    # The plan of the winner -----------------------------------------------------------------------

    def _answer(self, entry: CompiledStub) -> _Steps:
        self._chosen = self.call.stub = entry
        if entry.next_plan.set:
            self._states = self._engine.store.states.copy()
        plan = self._engine.store.take(entry)
        self._count = entry.count
        fault = plan.fault
        if fault is not None and fault.strikes(self._random):
            self._fault = fault
            match fault.kind:
                case FaultKind.ABORT:
                    assert isinstance(fault.value, Code)
                    raise _Last(Finish(fault.value, f"{self.call.name}: aborted by a fault of stub {entry}"))
                case FaultKind.HANG:
                    yield Wait(math.inf)
                case FaultKind.RESET:
                    raise _Last(Reset())
        yield from self._play(plan.steps)

    def _play(self, steps: Iterable[plans.Step]) -> _Steps:
        for step in steps:
            match step:
                case plans.Send() if self._fault is None:
                    yield Send(self._rendered(step.reply))
                case plans.Send():
                    yield from self._send(self._rendered(step.reply))
                case plans.Finish():
                    raise self._finish(step)
                case plans.Pause():
                    yield Wait(step.delay.sample(self._random))
                case plans.Headers():
                    yield Headers(self._rendered(step.metadata))
                case plans.HalfClose():
                    yield from self._play_half_close()
                case plans.Expect():
                    yield from self._play_expect(step)
                case plans.On():
                    yield from self._play_on(step)
                case plans.Repeat():
                    yield from self._play_repeat(step)
                case plans.Invoke():
                    yield from self._play_invoke(step)

    def _play_half_close(self) -> _Steps:
        while (yield from self._next_message()) is not None:
            pass

    def _play_expect(self, step: plans.Expect) -> _Steps:
        message = yield from self._next_message()
        if message is None:
            raise self._script_missed(step, "the client finished sending")
        if step.pattern is not None and not step.pattern.holds(message):
            raise self._script_missed(step, f"{to_text(message)} came", step.pattern.explain(message))

    def _play_on(self, step: plans.On) -> _Steps:
        while (message := (yield from self._next_message())) is not None:
            last = step.until is not None and step.until.holds(message)
            arm = next((arm for arm in step.arms if arm.pattern is None or arm.pattern.holds(message)), None)
            if arm is not None:
                yield from self._play(arm.steps)
            elif not last:
                findings = [
                    finding for arm in step.arms if arm.pattern is not None for finding in arm.pattern.explain(message)
                ]
                raise self._script_missed(step, f"no arm takes {to_text(message)}", findings)
            if last:
                return

    def _play_repeat(self, step: plans.Repeat) -> _Steps:
        for number in count() if step.times is None else range(step.times):
            if number and step.every is not None:
                yield Wait(step.every.sample(self._random))
            elif number and step.times is None:
                # A loop without a pause must still let other calls, and the client's cancellation, have their turn.
                yield Wait(0)
            yield from self._play(step.steps)

    def _play_invoke(self, step: plans.Invoke) -> _Steps:
        event = yield Invoke(step.handler, self._context(), self.call)
        while True:
            message = None
            match event:
                case Yielded():
                    yield from self._send(self._encoded(event.value))
                case Wants(until=None):
                    message = yield from self._next_message()
                case Wants():
                    message = yield from self._next_message_until(event.until)
                case Headers():
                    yield event
                case Returned():
                    raise _Last(event.finish)
                case Raised():
                    self.call.error = event.error
                    said = f"{type(event.error).__name__}: {event.error}"
                    raise RenderError(f"stub {self._chosen}: its handler raised {said}") from event.error
                case _:
                    raise RenderError(f"stub {self._chosen}: this server runs no handlers.")
            event = yield Resume(message)

    def _encoded(self, value: object) -> bytes:
        """Encode what a handler sends."""
        assert self._table is not None
        problems = Problems()
        response_class = self._table.method.response_class
        message = build(Node.of(value), response_class, self._engine.registry, problems, "response")
        if problems:
            reasons = "; ".join(f"{problem.path}: {problem.message} {problem.hint}".rstrip() for problem in problems)
            self.call.error = RenderError(f"stub {self._chosen}: what its handler sends is wrong: {reasons}")
            raise self.call.error
        return message.SerializePartialToString()

    def _finish(self, step: plans.Finish) -> _Last:
        code, message, trailers = step.constant or step.render(self._context())
        drop = self._fault is not None and self._fault.kind is FaultKind.DROP_TRAILERS
        return _Last(Finish(code, message, trailers, drop))

    def _send(self, data: bytes) -> _Steps:
        if self._fault is None:
            yield Send(data)
            return
        first, self._has_sent = not self._has_sent, True
        yield from self._send_spoiled(data, self._fault, first=first)

    def _send_spoiled(self, data: bytes, fault: Fault, *, first: bool) -> _Steps:
        """Send a message of an answer that a fault has struck."""
        match fault.kind:
            case FaultKind.DRIP if not first:
                assert isinstance(fault.value, Delay)
                yield Wait(fault.value.sample(self._random))
            case FaultKind.TRUNCATE if first:
                raise _Last(Truncate(data))
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
            self._source = self._engine.random(self.call.id)
        return self._source

    def _rendered(self, part: plans.Part[_T]) -> _T:
        return part.constant if part.constant is not None else part.render(self._context())

    def _context(self) -> RenderContext:
        assert self._chosen is not None
        # A script sees the messages as its steps take them, not those that were read ahead to choose its stub.
        seen = self._received[: len(self._received) - len(self._unread)] if self._unread else self._received
        return RenderContext(
            request=self._received[0] if self._received else None,
            requests=seen,
            message=seen[-1] if seen else None,
            metadata=self._facts.metadata,
            row=self._chosen.stub.row,
            count=self._count,
            state=self._states,
            random=self._random,
            now=self._engine.now,
        )

    # Calls that no stub answers -------------------------------------------------------------------

    def _forward(self, forwarder: Forwarder) -> _Steps:
        self.call.forwarded = True
        received = tuple(self._raw)
        event = yield Forward(forwarder, self.call, received, self._facts.half_closed)
        assert isinstance(event, Returned)
        yield event.finish

    def _refused(self, table: MethodTable) -> _Last:
        """Refuse a call that no stub holds for; the reason is looked for only if the client is told it."""
        return _Last(Finish()) if self._forwarder is not None else self._missed(self._explain(table))

    def _explain(self, table: MethodTable) -> Miss:
        return explain_miss(table.index, self._facts, table.method, self._engine.method_names_with_stubs())

    def _missed(self, miss: Miss) -> _Last:
        self.call.miss = miss
        self.call.size += 2 * len(miss.text)  # the trailers repeat it
        return _Last(refusals.miss(self._engine.options.unmatched_code, miss.text))

    def _script_missed(self, step: plans.Expect | plans.On, came: str, findings: Iterable[Finding] = ()) -> _Last:
        assert self._table is not None
        return self._missed(refusals.script_miss(self._table.method, self._chosen, step, came, findings))

    def _generate(self, table: MethodTable) -> _Steps:
        """Answer with generated data: the same for the same request and seed."""
        self.call.auto = True
        method, options = table.method, self._engine.options
        answer = Answers(method, self._engine.registry, options.seed)
        if method.kind is Kind.BIDI_STREAMING:
            while (message := (yield from self._next_message())) is not None:
                yield Send(answer.one([message]))
            return
        while (yield from self._next_message()) is not None and method.kind.client_streams:
            pass
        if method.kind.server_streams:
            for data in answer.many(self._received):
                yield Send(data)
        else:
            yield Send(answer.one(self._received))


class _Last(Exception):  # noqa: N818 - it is no error
    """Ends a call from wherever its plan is."""

    def __init__(self, step: Finish | Reset | Truncate) -> None:
        super().__init__(step)
        self.step = step


def grouped(metadata: Metadata) -> dict[str, list[str | bytes]]:
    """Group metadata by key, the values of a key in their order."""
    groups: dict[str, list[str | bytes]] = {}
    for key, value in metadata:
        groups.setdefault(key, []).append(value)
    return groups
