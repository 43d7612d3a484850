"""Answers that follow from the request message alone, and are the same each time: found once, then remembered.

This is the fast path of the engine. What it does could all be done by an exchange, at several times the cost.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.engine.call_record import CALL_OVERHEAD, FRAME_OVERHEAD, CallRecord
from grpcmock.engine.constant_plan import ConstantAnswer
from grpcmock.engine.dropped import Kind
from grpcmock.status import Code, session_of

if TYPE_CHECKING:
    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

_MAX_ANSWERS = 1024
_MAX_REQUEST_BYTES = 1024
"""How many requests of a method are remembered, and how long they may be."""


def rests_on_message(entry: CompiledStub) -> bool:
    """Whether the choice of a stub rests on the message alone."""
    stub = entry.stub
    return (
        stub.times is None
        and stub.then != "miss"
        and not stub.state
        and stub.metadata is None
        and stub.deadline is None
        and stub.when is None
        and stub.where is None
    )


def is_constant(entry: CompiledStub) -> bool:
    """Whether the choice of a stub rests on the message alone, and its answer is always the same constant message."""
    return len(entry.plans) == 1 and entry.plans[0].constant is not None and rests_on_message(entry)


class CachedAnswer(NamedTuple):
    """What all calls with the same request and the same constant answer have in common."""

    method: Method
    stub: CompiledStub
    request: bytes
    answer: ConstantAnswer
    size: int
    """Bytes that such a call takes in a journal, roughly."""

    @classmethod
    def of(cls, method: Method, stub: CompiledStub, request: bytes, answer: ConstantAnswer) -> CachedAnswer:
        frames = FRAME_OVERHEAD * (1 + len(answer.messages))
        size = CALL_OVERHEAD + frames + len(request) + sum(map(len, answer.messages))
        return cls(method, stub, request, answer, size)


class AnswerCache(dict[bytes, CachedAnswer]):
    """The constant answers of one method by the encoded requests that came before."""

    def remember(self, method: Method, request: bytes, entry: CompiledStub) -> CachedAnswer:
        """Remember what answers a request, within bounds: clients ask the same over and over."""
        response = entry.plans[0].constant
        assert response is not None  # the stub is constant
        cached = CachedAnswer.of(method, entry, request, ConstantAnswer((), (response,), Code.OK, "", ()))
        if len(request) <= _MAX_REQUEST_BYTES:
            if len(self) >= _MAX_ANSWERS:
                self.clear()
            self[request] = cached
        return cached


class CompactCall(NamedTuple):
    """A call that was over as soon as it began: one request, a constant answer. Read, it becomes a :class:`CallRecord`.

    Ten thousand of them are kept of a server under load. So each holds as few objects of its own as can be: what it
    takes from memory that has grown cold, and gives back there, costs more than all that is done to fill it.
    """

    size: int
    id: int
    answer: CachedAnswer
    metadata: Metadata
    deadline: float | None
    peer: str
    started: float
    duration: float
    protocol: ProtocolName

    # What a :class:`CallRecord` has under the same names, so that both can be chosen among.

    @property
    def path(self) -> str:
        return self.answer.method.path

    @property
    def session(self) -> str:
        return session_of(self.metadata)

    @property
    def stub(self) -> CompiledStub:
        return self.answer.stub

    @property
    def code(self) -> Code:
        return self.answer.answer.code

    @property
    def miss(self) -> None:
        return None

    @property
    def kind(self) -> Kind:
        return Kind(self.session, self.path, "answered")

    def expand(self) -> CallRecord:
        cached = self.answer
        method, answer = cached.method, cached.answer
        opening = (self.id, method.path, method, self.metadata, self.deadline, self.peer, self.started)
        call = CallRecord(*opening, protocol=self.protocol)
        call.add_frame("request", cached.request, self.started)
        for message in answer.messages:
            call.add_frame("response", message, self.started)
        call.stub, call.duration, call.half_closed = cached.stub, self.duration, True
        call.headers = answer.headers
        call.code, call.message, call.trailers = answer.code, answer.message, answer.trailers
        return call


compact_call = partial(tuple.__new__, CompactCall)
"""Makes a :class:`CompactCall` of a tuple; to call the class takes several times as long."""
