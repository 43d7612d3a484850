"""One call, from its opening to its status: which stub is chosen, and what happens if none is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from grpcmock.engine import error_replies
from grpcmock.engine.call_record import FRAME_OVERHEAD
from grpcmock.engine.fault_execution import struck
from grpcmock.engine.incoming import Incoming
from grpcmock.engine.plan_execution import PlanExecution
from grpcmock.engine.steps import (
    EndOfCall,
    Finish,
    Forward,
    HandlerReturned,
    Headers,
    Reset,
    Send,
    SendAll,
    SendTimed,
    Steps,
    Truncate,
    Wait,
)
from grpcmock.engine.validation import request_validator
from grpcmock.errors import RenderError
from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import Stage
from grpcmock.responses.fault_profiles import ON_THE_WIRE
from grpcmock.schema import MethodKind
from grpcmock.status import Code
from grpcmock.synthesis import Answers

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.engine.faults import ActiveFault
    from grpcmock.engine.front import Said
    from grpcmock.engine.session import Session, Table
    from grpcmock.engine.steps import Event, Forwarder, Open, Part, Step
    from grpcmock.engine.store import Store
    from grpcmock.schema import Method

_TRANSIT = 0.02
"""Seconds that a call may have been on its way here, and waited for the event loop."""


class Exchange:
    """A call under way. Fed with events, it says what is to be done; it does nothing by itself."""

    def __init__(self, environment: CallEnvironment, opened: Open) -> None:
        options = environment.options
        self._environment = environment
        self._clock = options.wall_clock
        self._monotonic = options.monotonic
        self._began = options.monotonic()
        self._session = environment.sessions.of(opened.metadata)
        self._table = environment.table(opened.path, self._session)
        self.call = environment.journal.open(
            opened.path,
            self._table.method if self._table is not None else None,
            opened.metadata,
            opened.deadline,
            opened.peer,
            self._clock(),
            opened.protocol,
        )
        """The record of this call, as the journal will keep it."""
        self._number = self.call.id if self._session is None else self._session.begin_call()
        self._context = CallContext(environment.grouped(opened.metadata), opened.deadline, self._stubs.states)
        self._forwarder = environment.forwarder
        self._faults = opened.faults
        self._incoming: Incoming | None = None
        """None if no proto declares the method."""
        self._ended = False
        self._at_once: Iterator[bytes] = iter(())
        """Messages that are sent one after the other, with nothing between them."""
        self._timed: Iterator[Part] = iter(())
        """Messages with pauses before some of them."""
        self._ahead: deque[Part] = deque()
        """Those of them that were looked at, and not given yet."""
        self._waits_for: Part | None = None
        """The one of them whose pause has begun."""
        self._handed: deque[Part] = deque()
        """Those that the server sends by itself."""
        self._sent: Callable[[], Iterable[float]] = tuple
        self._heard: Callable[[bool], Iterable[Said]] | None = None
        """Gives what the server has said by itself in a conversation."""
        self._steps = self._run()
        if self._table is not None and self._table.held:
            self._strike(environment.faults.striking(opened.path, self.call.session))

    def _strike(self, faults: Sequence[ActiveFault]) -> None:
        """Let fault profiles strike this call: the first of them comes before all else."""
        self.call.faults = tuple(fault.name for fault in faults)
        for fault in reversed(faults):
            impossible = [effect for effect in fault.profile.needs if ON_THE_WIRE[effect] not in self._faults]
            self._steps = self._refuse(fault, impossible[0]) if impossible else struck(self._steps, fault, self)

    def _refuse(self, fault: ActiveFault, effect: str) -> Steps:
        finish = error_replies.impossible_fault(self.call, f"fault profile {fault.name!r}", effect)
        self._environment.note("warning", finish.message)
        yield finish

    @property
    def _stubs(self) -> Store | Session:
        """What chooses stubs, and counts them."""
        return self._environment.store if self._session is None else self._session

    # What a server calls --------------------------------------------------------------------------

    def resume(self, event: Event | None = None) -> Step:
        """Give the next step. *event* answers a ``Receive``; after any other step there is none.

        After the last step, there is no next one; asking for it raises ``StopIteration``.
        """
        with self._environment.lock:
            # Nothing is left to be sent where something was to be received.
            step = self._steps.send(event) if event is not None else self._next_known() or self._steps.send(None)
            kind = type(step)
            if kind is SendAll or kind is SendTimed:
                if kind is SendAll:
                    self._at_once = iter(step.messages)  # type: ignore[union-attr]
                else:
                    self._timed = iter(step.parts)  # type: ignore[union-attr]
                known = self._next_known()
                assert known is not None  # there is one at least
                step, kind = known, type(known)
            if kind is Send:
                self.call.add_frame("response", step.data, self._clock())  # type: ignore[union-attr]
            elif kind is Headers:
                self.call.headers = step.metadata  # type: ignore[union-attr]
            elif kind is Finish or kind is Reset or kind is Truncate:
                self._close(step)  # type: ignore[arg-type]
            return step  # type: ignore[return-value]

    def buffered_messages(self) -> Iterator[bytes]:
        """Yield the messages to be sent right after a ``Send``, as far as they are known, for a server that can do
        without a step for each of them. What isn't taken here comes as steps.
        """
        note, clock = self.call.add_frame, self._clock
        for data in self._at_once:
            note("response", data, clock())
            yield data
        while self._waits_for is None and (part := self._next_part()) is not None:
            if part[0] is not None:
                self._ahead.appendleft(part)
                return
            note("response", part[1], clock())
            yield part[1]

    def _next_known(self) -> Send | Wait | None:
        """Give the next step of what is there already to be sent."""
        if (data := next(self._at_once, None)) is not None:
            return Send(data)
        part, self._waits_for = self._waits_for, None
        if part is not None:
            return Send(part[1])
        part = self._next_part()
        if part is None:
            return None
        if part[0] is None:
            return Send(part[1])
        self._waits_for = part
        return Wait(part[0])

    def _next_part(self) -> Part | None:
        return self._ahead.popleft() if self._ahead else next(self._timed, None)

    def hand_over(self, most: int, sent: Callable[[], Iterable[float]]) -> list[Part]:
        """Return the messages that come after the ``Wait`` just given, and its like, for a server that keeps the time.

        The first is that of this pause. They have about *most* bytes together, and more may follow. None are returned
        if none are known, none will ever come, or somebody wants to be told of each, a fault that has struck this call
        among them. The server calls :meth:`take_back` once all were sent, or no more will be. *sent* gives the times
        when they were, since it was asked last: by whoever looks.
        """
        with self._environment.lock:
            call = self.call
            if self._waits_for is None or _comes_never(self._waits_for) or call.followers or call.faults:
                return []
            parts, size = [self._waits_for], 0
            self._waits_for = None
            while size < most and (part := self._next_part()) is not None:
                if _comes_never(part):
                    self._ahead.appendleft(part)
                    break
                parts.append(part)
                size += len(part[1]) + FRAME_OVERHEAD
            self._handed, self._sent = deque(parts), sent
            call.catch_up = self._note_sent
            return parts

    def hand_on(self, heard: Callable[[bool], Iterable[Said]]) -> bool:
        """Return whether the server may answer by itself what the ``conversation`` of the ``Receive`` just given knows.

        It may not if somebody wants to be told of each message, a fault that has struck this call among them. The
        server calls :meth:`take_back` before it resumes with anything else. *heard* gives what it has said since it was
        asked last, by whoever looks; told that this is the *last* time, the server says no more.
        """
        with self._environment.lock:
            if self.call.followers or self.call.faults:
                return False
            self._heard, self.call.catch_up = heard, self._note_heard
            return True

    def take_back(self) -> None:
        """Note what the server has sent by itself; what was handed over and not sent comes as steps again."""
        with self._environment.lock:
            if self._heard is not None:
                self._note_heard(last=True)
                self._heard = None
            self._note_sent()
            self._ahead.extendleft(reversed(self._handed))
            self._handed.clear()
            self.call.catch_up = None

    def _note_heard(self, *, last: bool = False) -> None:
        incoming, heard = self._incoming, self._heard
        assert incoming is not None and heard is not None
        for (message, replies), time in heard(last):
            incoming.passed_by(message, time)
            for reply in replies:
                self.call.add_frame("response", reply, time)

    def _note_sent(self) -> None:
        for time in self._sent():
            self.call.add_frame("response", self._handed.popleft()[1], time)

    def note(self, direction: Literal["request", "response"], data: bytes) -> None:
        """Note a message that passes by, in a call that is left to a forwarder."""
        self.call.add_frame(direction, data, self._clock())

    def cancel(self) -> None:
        """The client went away, or the deadline passed: end the script at once. Harmless after the last step."""
        if self._ended:
            return
        with self._environment.lock:
            self.take_back()
            self._steps.close()
            deadline = self.call.deadline
            late = deadline is not None and _has_passed(deadline, self._monotonic() - self._began)
            self.call.cancelled = True
            self._close(Finish(Code.DEADLINE_EXCEEDED if late else Code.CANCELLED))

    def refuse(self, finish: Finish) -> None:
        """End the call with this status: the request broke the rules of its protocol, or a limit.

        Harmless after the last step.
        """
        if self._ended:
            return
        with self._environment.lock:
            self.take_back()
            self._steps.close()
            self._close(finish)

    def _close(self, step: Step) -> None:
        self._ended = True
        call = self.call
        call.half_closed = self._context.half_closed
        if isinstance(step, Finish):
            call.code, call.message, call.trailers = step.code, step.message, step.trailers
        elif isinstance(step, Reset):
            call.code, call.message = Code.CANCELLED, "the stream was reset by a fault"
            if step.connection:
                call.code, call.message = Code.UNAVAILABLE, "the connection was closed by a fault"
        else:
            call.code, call.message = Code.INTERNAL, "the stream was cut short by a fault"
        call.duration = self._monotonic() - self._began
        self._environment.journal.close(call)

    # The whole call -------------------------------------------------------------------------------

    def _run(self) -> Steps:
        try:
            if self._table is None:
                named, beside = self._environment.named_methods(), self._environment.beside
                raise EndOfCall(error_replies.unknown_method(self.call.path, named, beside))
            may_pass_on = self._forwarder is not None
            method, environment = self._table.method, self._environment
            validate = request_validator(method, environment.registry) if environment.options.validate else None
            incoming = Incoming(self.call, method, self._context, self._clock, keeps_raw=may_pass_on, validate=validate)
            self._incoming = incoming
            entry = yield from self._choose(self._table, incoming)
            if entry is not None:
                turn = self._stubs.take(entry)
                yield from PlanExecution(
                    environment, self.call, entry, turn, incoming, self._faults, number=self._number
                ).steps()
            elif self._environment.options.auto and self._forwarder is None:
                yield from self._generate(self._table.method, incoming)
            else:
                raise self._refused(self._table)
            raise EndOfCall(Finish())
        except EndOfCall as last:
            if self.call.stub is None and self._forwarder is not None:
                yield from self._forward(self._forwarder)
            else:
                yield last.step
        except RenderError as error:
            yield Finish(Code.INTERNAL, f"{self.call.name}: {error}")

    def _choose(self, table: Table, incoming: Incoming) -> Generator[Step, Event | None, CompiledStub | None]:
        """Find the winner as early as it is certain, reading no more messages than that takes."""
        method, context = table.method, self._context
        if not method.kind.client_streams:
            if (yield from incoming.read_ahead()) is None:
                raise EndOfCall(error_replies.no_request(method))
            if (yield from incoming.read()) is not None:
                raise EndOfCall(error_replies.many_requests(method))
            context.half_closed = True
            return table.first(context, Stage.ALL)
        for stage in (Stage.OPEN, Stage.FIRST):
            if stage is Stage.FIRST:
                yield from incoming.read_ahead()
            winner = table.first(context, stage)
            # A call that is passed on anyway need not have a message: the server elsewhere may speak first.
            is_enough = winner is not None or stage is Stage.FIRST or self._forwarder is not None
            if is_enough and not table.may_yet_win(context, stage, winner):
                return winner
        while not context.half_closed:
            yield from incoming.read_ahead()
        context.requests = incoming.received
        return table.first(context, Stage.ALL)

    # Calls that no stub answers -------------------------------------------------------------------

    def _forward(self, forwarder: Forwarder) -> Steps:
        self.call.forwarded = True
        received = () if self._incoming is None else tuple(self._incoming.raw)
        event = yield Forward(forwarder, self.call, received, self._context.half_closed)
        assert isinstance(event, HandlerReturned)
        yield event.finish

    def _refused(self, table: Table) -> EndOfCall:
        """Refuse a call that no stub holds for; the reason is looked for only if the client is told it."""
        if self._forwarder is not None:
            return EndOfCall(Finish())
        environment = self._environment
        found = environment.explained_miss(table, self._context)
        return error_replies.missed(self.call, found, environment.options.unmatched_code)

    def _generate(self, method: Method, incoming: Incoming) -> Steps:
        """Answer with generated data: the same for the same request and seed."""
        self.call.auto = True
        environment = self._environment
        seed, now = environment.options.seed, environment.clock.now
        answer = Answers(method, environment.registry, seed, environment.operations, now)
        if method.kind is MethodKind.BIDI_STREAMING:
            while (message := (yield from incoming.next())) is not None:
                yield Send(answer.one([message]))
            return
        while (yield from incoming.next()) is not None and method.kind.client_streams:
            pass
        if method.kind.server_streams:
            for data in answer.many(incoming.received):
                yield Send(data)
        else:
            yield Send(answer.one(incoming.received))


def _comes_never(part: Part) -> bool:
    return part[0] == math.inf


def _has_passed(deadline: float, elapsed: float) -> bool:
    """Whether a call ends because of its deadline.

    The client's clock began before ours, and its timeout is rounded up on the way, by a hundredth at most: at its
    deadline it may end the call a little before we would.
    """
    return elapsed >= 0.99 * deadline - min(_TRANSIT, deadline / 4)
