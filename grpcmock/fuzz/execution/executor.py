"""The runner makes a case's calls on a server, and gives what was seen: no judgment, and no other calls.

There are three lanes, for grpc.aio has a price for each. The *plain* lane sends all messages and half-closes, in one
task; the *fast* lane is for unary calls of methods that are known to answer one message, several times as cheap; all
else goes through :func:`grpcmock.client.call.perform`. What the fast lane can't explain is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from grpcmock.client import call as calling
from grpcmock.client.actions import Cancel, HalfClose, Send
from grpcmock.fuzz.execution.own_statuses import OwnStatuses
from grpcmock.fuzz.execution.pulse import Pulse
from grpcmock.fuzz.execution.replies import reply_of
from grpcmock.fuzz.execution.standstill import Standstill, is_hung
from grpcmock.fuzz.execution.stream_reader import Reading, raise_if_ours
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.call_history import CallHistory, Step
from grpcmock.fuzz.model.callers import metadata_of
from grpcmock.fuzz.model.cases import NOTABLE, Caller, Expect, Measure
from grpcmock.fuzz.model.changes import Changes
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.wire.equivalence import alike
from grpcmock.schema.method import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.execution.contention import Contention
    from grpcmock.fuzz.execution.reference_mock import Mock
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import MockAnswer
    from grpcmock.status import Metadata

RawPerform = Callable[["Call", float], Awaitable[Reply]]
"""Makes a call whose ``raw`` request goes over HTTP/2 as it stands. After so many seconds without news, a stream that
has brought something is left."""

_MADE_UP = "Internal error from Core"
"""What grpc.aio says where a write failed, whatever the server's status is (grpc/grpc#36066)."""

_GRACE = 5.0
"""So many seconds after its deadline a call must have ended, or nothing more is expected of it."""

_LONG = 0.3
"""What takes longer, in seconds, is made once only."""

_LEAST_AT_ONCE = 2
"""Of more rounds than that, the last is made alone as well."""

_MOST_HELD_UP = 0.5
"""Where the machine was late for more than this part of a call, that it hasn't ended says nothing of the server."""

_STEADY_AFTER = 2
"""After so many calls with exactly one response, a unary method is trusted to go on like that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the runner waits, and for how much."""

    deadline: float = 3.0
    """Of a call that says nothing else, in seconds."""

    idle: float = 0.4
    """After so many seconds of silence, a server's stream counts as open-ended, unless it was seen to end before."""

    idle_again: float = 0.03
    """The same, for a method that is known to be open-ended."""

    responses: int = 1000
    """After so many responses, a call is cancelled."""


class Executor:
    """Makes calls on one channel. What it learns of methods, it keeps."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        metadata: Metadata = (),
        second_identity: Metadata = (),
        patience: Patience | None = None,
        raw: RawPerform | None = None,
        mock: Mock | None = None,
    ) -> None:
        self.metadata = metadata
        """Sent with every call, before the call's own."""
        self.second_identity = second_identity
        """Sent in its place where a call is made in somebody else's name."""
        self.patience = patience or Patience()
        self.open_ended: set[str] = set()
        """The paths of methods whose streams went on until we stopped reading, and never ended by themselves."""
        self.calls = 0
        """How many calls were made."""
        self.call_history = CallHistory()
        self.changes = Changes()
        """The calls that went well and may have changed something."""
        self.contention: Contention | None = None
        """What tells how long calls wait for a processor, where that shall not count."""
        self.pulse = Pulse()
        """Tells of a call that didn't end whether there was a processor for it."""
        self.standstill = Standstill(self.call)
        self._reading: dict[str, bool] = {}
        self._raw = raw
        self._own_statuses = OwnStatuses(self._again) if raw is not None else None
        self._mock = mock
        self._ended: set[str] = set()
        self._single: dict[str, int] = {}
        self._errors: set[tuple[str, int]] = set()
        """The paths of methods with the codes that they were seen to fail with, in full."""
        self._owed: set[str] = set()
        """Those with an error that came by the fast lane, which shows no message before it: they leave it until an
        error was seen in full."""
        self.use(channel)

    def use(self, channel: grpc.aio.Channel) -> None:
        """Make the coming calls on another channel."""
        self.channel = channel
        self._unary: dict[str, Any] = {}
        self._streaming: dict[str, Any] = {}

    async def run(self, case: Case) -> CaseResult:
        """Make the calls of a case, as often as it says."""
        if Measure.GROWTH in case.measures:
            largest = await self._in_turn(replace(case, calls=(*case.calls[: case.setup], case.calls[-1])))
            if largest[-1].seconds < NOTABLE:
                return CaseResult(replies=tuple(largest))  # what takes no time at its largest takes none before
            if largest[-1].seconds > _LONG:
                case = replace(case, repeat=1)  # nor does noise matter much then
        if case.repeat == 1:
            replies = await self._in_turn(case)
            return CaseResult(replies=tuple(replies), mock_answer=self._mock_answer(replies))
        if case.concurrent:
            alone = await self._in_turn(case)
            last = case.repeat > _LEAST_AT_ONCE
            rounds = await asyncio.gather(*(self._in_turn(case) for _ in range(case.repeat - 1 - last)))
            rounds += [await self._in_turn(case)] if last else []
            return CaseResult(replies=(*alone, *(reply for replies in rounds for reply in replies)))
        replies = []
        for _ in range(case.repeat):
            replies += await self._in_turn(case)
            if replies[-1].termination is Termination.LOST:
                break
        return CaseResult(replies=tuple(replies))

    def _mock_answer(self, replies: list[Reply]) -> MockAnswer | None:
        """Ask the mock what the server was asked, if that was one call."""
        if self._mock is None or len(replies) != 1:
            return None
        call = replies[0].call
        return self._mock.answer(call, self._pairs(call))

    async def _in_turn(self, case: Case) -> list[Reply]:
        replies: list[Reply] = []
        number = self.call_history.new_round()
        last = len(case.calls) - case.cleanup
        first = max(last - case.together, 0)
        for index, call in enumerate(case.calls):
            if first <= index < last:
                if index == first:
                    steps = [Step(number, place, case.calls[place]) for place in range(index, last)]
                    replies += await asyncio.gather(*(self._made(step, replies[:index], case) for step in steps))
                continue
            replies.append(await self._made(Step(number, index, call), replies, case))
            if case.expect is Expect.SAME and len(replies) == 2 and alike(*replies):
                break  # the calls after the second tell apart what differs by itself, and here nothing differs
        return replies

    async def _made(self, step: Step, replies: Sequence[Reply], case: Case) -> Reply:
        """Make one call of a case after those that were answered so."""
        self.call_history.note(step)
        call = step.call
        made = bound(call, replies, case.calls) if call.bindings else call
        reply = await self.call(made)
        if reply.code == Code.UNKNOWN and self._own_statuses is not None and made.raw is None:
            reply = await self._own_statuses.read(reply)
        self._note_change(reply)
        step.seconds = reply.seconds
        step.is_lost = reply.termination is Termination.LOST or is_hung(reply)
        return reply

    async def _again(self, call: Call, idle: float) -> Reply:
        """Make a call once more, below the libraries."""
        assert self._raw is not None
        self.calls += 1
        self.call_history.note(Step(self.call_history.new_round(), 0, call))
        return await self._raw(call, idle)

    def _note_change(self, reply: Reply) -> None:
        method = reply.call.method
        if method is None or not reply.is_ok or not reply.responses:
            return
        if (reads := self._reading.get(method.path)) is None:
            reads = self._reading[method.path] = only_reads(method)
        if not reads:
            self.changes.note(reply)

    async def call(self, call: Call) -> Reply:
        """Make one call, by the cheapest lane that shows all that matters of it."""
        self.calls += 1
        began = self.pulse.begin()
        try:
            reply = await self._to_its_end(call)
        finally:
            late = self.pulse.end(began)
        if reply.termination in (Termination.DEADLINE, Termination.OVERDUE) and late > reply.seconds * _MOST_HELD_UP:
            return replace(reply, termination=Termination.STARVED)
        self.standstill.note(reply)
        return reply

    async def _to_its_end(self, call: Call) -> Reply:
        deadline = call.deadline or self.patience.deadline
        started = perf_counter()
        try:
            async with asyncio.timeout(deadline + _GRACE):
                return await (self._fairly(call) if self.contention is not None else self._call(call))
        except TimeoutError:
            seconds = perf_counter() - started
            message = "past its deadline the call has no end"
            return Reply(
                call=call,
                termination=Termination.OVERDUE,
                code=Code.DEADLINE_EXCEEDED,
                message=message,
                seconds=seconds,
            )
        except (
            grpc.aio.UsageError
        ):  # the server has gone, and with it the connection, while this call was about to begin
            message = "there is no connection any more"
            return Reply(call=call, termination=Termination.LOST, code=Code.UNAVAILABLE, message=message)

    async def _fairly(self, call: Call) -> Reply:
        """Make a call, and leave out of the time that it took what the machine had no time for."""
        assert self.contention is not None
        contention, before = self.contention, self.contention.begin()
        reply = await self._call(call)
        waited = contention.seconds_since(before)
        first = None if reply.first_seconds is None else max(reply.first_seconds - waited, 0.0)
        return replace(reply, seconds=max(reply.seconds - waited, 0.0), first_seconds=first)

    async def _call(self, call: Call) -> Reply:
        if call.raw is not None and self._raw is not None:
            return await self._raw(call, self._patience_with(call))
        actions, method, was_fast = call.actions, call.method, False
        if not _is_plain(actions) or call.unread:
            return await self._slow(call)
        if (
            method is not None
            and method.kind is MethodKind.UNARY
            and len(actions) == 2
            and not call.compression
            and self._single.get(call.path, 0) >= _STEADY_AFTER
            and call.path not in self._owed
        ):
            reply = await self._fast(call)
            if reply is not None:
                if not reply.is_ok and (call.path, reply.code) not in self._errors:
                    self._owed.add(call.path)
                return reply
            was_fast = True
        reply = await self._plain(call)
        if reply.code == Code.INTERNAL and reply.message == _MADE_UP:
            reply = await self._slow(call)
        if not reply.is_ok:
            self._errors.add((call.path, reply.code))
            self._owed.discard(call.path)
        if len(reply.responses) == 1 and reply.is_ok:
            self._single[call.path] = self._single.get(call.path, 0) + 1
        elif was_fast and (reply.is_ok or reply.responses or reply.termination is not Termination.SERVER):
            self._single[call.path] = -1_000_000  # it isn't so steady after all
        return reply

    def _metadata(self, call: Call) -> grpc.aio.Metadata | None:
        pairs = self._pairs(call)
        return grpc.aio.Metadata(*pairs) if pairs else None

    def _pairs(self, call: Call) -> Metadata:
        own = self.metadata
        if call.caller is not Caller.OWN:
            own = metadata_of(call.caller, own, self.second_identity)
        return (*own, *call.metadata) if call.metadata else own

    async def _fast(self, call: Call) -> Reply | None:
        """Make a call of one message for one message. None if that isn't what came."""
        path, deadline = call.path, call.deadline or self.patience.deadline
        multicallable = self._unary.get(path)
        if multicallable is None:
            multicallable = self._unary[path] = self.channel.unary_unary(path, None, None)
        started = perf_counter()
        under_way = multicallable(call.actions[0].data, timeout=deadline, metadata=self._metadata(call))  # type: ignore[union-attr]
        try:
            data = await under_way
        except grpc.aio.AioRpcError as error:
            return reply_of(
                call,
                error.code().value[0],
                error.details(),
                seconds=perf_counter() - started,
                deadline=deadline,
                headers=error.initial_metadata(),
                trailers=error.trailing_metadata(),
                sent=1,
                debug=error.debug_error_string(),
            )
        except (TypeError, grpc.aio.UsageError):
            return None
        if data is None or not isinstance(data, bytes):
            return None
        seconds = perf_counter() - started
        return reply_of(
            call,
            0,
            "",
            seconds=seconds,
            deadline=deadline,
            headers=await under_way.initial_metadata(),
            trailers=await under_way.trailing_metadata(),
            responses=(data,),
            sent=1,
            first_seconds=seconds,
        )

    async def _plain(self, call: Call) -> Reply:
        """Send all messages and half-close, then read to the end, or for as long as there is patience."""
        deadline = call.deadline or self.patience.deadline
        multicallable: Any = self._streaming.get(call.path)
        if multicallable is None:
            multicallable = self.channel.stream_stream(call.path, None, None)
            self._streaming[call.path] = multicallable
        under_way: Any = multicallable(timeout=deadline, metadata=self._metadata(call), compression=_compression(call))
        reading = Reading(under_way, deadline)
        try:
            for action in call.actions[:-1]:
                await under_way.write(action.data)  # type: ignore[union-attr]
                reading.sent += 1
            await under_way.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
            pass
        except asyncio.CancelledError:
            raise_if_ours(under_way)
        if idle := self._idle(call):
            # Not before all is sent: a write that waits for a call which is cancelled by then never ends.
            reading.watch(idle, self.patience.responses, known=call.path in self.open_ended)
        reply = await reading.reply(call, self.patience.responses)
        self._note(call, reply)
        return reply

    async def _slow(self, call: Call) -> Reply:
        """Carry out the actions in turn, while responses are read."""
        started = perf_counter()
        deadline = call.deadline or self.patience.deadline
        outcome = await calling.perform(
            self.channel,
            call.path,
            call.actions,
            metadata=self._pairs(call),
            deadline=deadline,
            limit=self.patience.responses,
            unread=call.unread,
        )
        return reply_of(
            call,
            outcome.code,
            outcome.message,
            seconds=perf_counter() - started,
            deadline=deadline,
            headers=outcome.headers,
            trailers=outcome.trailers,
            responses=outcome.responses,
            sent=outcome.sent,
            debug=outcome.status.debug,
            was_stopped=not any(isinstance(action, Cancel) for action in call.actions),
        )

    def _idle(self, call: Call) -> float:
        """How many seconds of silence are enough; 0 for no bound. Only a server's stream may go on for ever."""
        method = call.method
        if method is None or method.kind is not MethodKind.SERVER_STREAMING or call.path in self._ended:
            return 0.0
        return self._patience_with(call)

    def _patience_with(self, call: Call) -> float:
        return self.patience.idle_again if call.path in self.open_ended else self.patience.idle

    def _note(self, call: Call, reply: Reply) -> None:
        method = call.method
        if method is None or not method.kind.server_streams:
            return
        if reply.termination is Termination.ENOUGH:
            self.open_ended.add(call.path)
        elif reply.is_ok:
            self._ended.add(call.path)
            self.open_ended.discard(call.path)


def _is_plain(actions: Sequence[object]) -> bool:
    """Whether a call sends one message or none and half-closes, and no more: that can't fail half-way."""
    if not actions or len(actions) > 2 or not isinstance(actions[-1], HalfClose):
        return False
    return len(actions) == 1 or isinstance(actions[0], Send)


def _compression(call: Call) -> grpc.Compression | None:
    return {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}.get(call.compression)
