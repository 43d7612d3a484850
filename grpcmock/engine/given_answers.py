"""Answers that were given at once: remembered, where they last, and kept in the journal in brief."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.engine.call_record import CALL_OVERHEAD, FRAME_OVERHEAD, MISS_OVERHEAD, CallRecord
from grpcmock.engine.dropped import kind_of
from grpcmock.status import session_of

if TYPE_CHECKING:
    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.dropped import Kind
    from grpcmock.engine.whole_plan import WholeAnswer
    from grpcmock.matching.miss import Miss
    from grpcmock.schema import Method
    from grpcmock.status import Code, Metadata

_MAX_ANSWERS = 1024
_MAX_BYTES = 8 << 20
_MAX_REQUEST_BYTES = 1024
"""How many answers of a method are remembered, how large they may be together, and how long each request."""


def rests_on_request(entry: CompiledStub) -> bool:
    """Whether the choice of a stub rests on the message and on metadata alone."""
    stub = entry.stub
    return (
        stub.times is None
        and stub.then != "miss"
        and not stub.state
        and stub.deadline is None
        and stub.when is None
        and stub.where is None
    )


def is_constant(entry: CompiledStub) -> bool:
    """Whether the choice of a stub rests on the message alone, and its answer is always the same constant message."""
    rests_on_message = entry.stub.metadata is None and rests_on_request(entry)
    return len(entry.plans) == 1 and entry.plans[0].constant is not None and rests_on_message


class GivenAnswer(NamedTuple):
    """A request, and the answer that it was given at once: what all calls have in common that ask and get the same."""

    method: Method
    stub: CompiledStub | None
    """None on a miss."""

    request: bytes
    answer: WholeAnswer
    size: int
    """Bytes that such a call takes in a journal, roughly."""

    is_lasting: bool
    """Whether these very bytes are given this answer as long as the stubs of the method don't change, in each call
    whose metadata have the same values of the keys that these look at."""

    miss: Miss | None = None

    @classmethod
    def of(
        cls,
        method: Method,
        stub: CompiledStub | None,
        request: bytes,
        answer: WholeAnswer,
        *,
        is_lasting: bool,
        miss: Miss | None = None,
    ) -> GivenAnswer:
        messages = answer.messages
        said = len(messages[0]) if len(messages) == 1 else sum(map(len, messages))
        size = CALL_OVERHEAD + FRAME_OVERHEAD * (1 + len(messages)) + len(request) + said
        if miss is not None:
            size += MISS_OVERHEAD * len(miss.text)
        return _given_answer((method, stub, request, answer, size, is_lasting, miss))


_given_answer = partial(tuple.__new__, GivenAnswer)
"""Makes a :class:`GivenAnswer` of a tuple; to call the class takes several times as long."""


class AnswerCache(dict[Hashable, GivenAnswer]):
    """The lasting answers of one method by the encoded requests that came before, with the values of their metadata
    where those make a difference."""

    _bytes = 0

    def remember(self, key: Hashable, given: GivenAnswer) -> None:
        """Remember what answers a request, within bounds: clients ask the same over and over."""
        if len(given.request) <= _MAX_REQUEST_BYTES:
            self._bytes += given.size
            if len(self) >= _MAX_ANSWERS or self._bytes > _MAX_BYTES:
                self.clear()
                self._bytes = given.size
            self[key] = given


def values_of(keys: Iterable[str], metadata: Mapping[str, list[str | bytes]]) -> Iterator[Hashable]:
    """Yield the values of each key; None where it wasn't sent."""
    for key in keys:
        values = metadata.get(key)
        yield None if values is None else tuple(values)


class CompactCall(NamedTuple):
    """A call that was over as soon as it began: one request, and its answer. Read, it becomes a :class:`CallRecord`.

    Ten thousand of them are kept of a server under load. So each holds as few objects of its own as can be: what it
    takes from memory that has grown cold, and gives back there, costs more than all that is done to fill it.
    """

    size: int
    id: int
    given: GivenAnswer
    metadata: Metadata
    deadline: float | None
    peer: str
    started: float
    duration: float
    protocol: ProtocolName

    # What a :class:`CallRecord` has under the same names, so that both can be chosen among.

    @property
    def path(self) -> str:
        return self.given.method.path

    @property
    def session(self) -> str:
        return session_of(self.metadata)

    @property
    def under_way(self) -> bool:
        return False

    @property
    def stub(self) -> CompiledStub | None:
        return self.given.stub

    @property
    def code(self) -> Code:
        return self.given.answer.code

    @property
    def miss(self) -> Miss | None:
        return self.given.miss

    @property
    def kind(self) -> Kind:
        given = self.given
        outcome = "answered" if given.miss is None else "unmatched"
        return kind_of((session_of(self.metadata), given.method.path, outcome))

    def expand(self) -> CallRecord:
        given = self.given
        method, answer = given.method, given.answer
        opening = (self.id, method.path, method, self.metadata, self.deadline, self.peer, self.started)
        call = CallRecord(*opening, protocol=self.protocol)
        call.add_frame("request", given.request, self.started)
        for message in answer.messages:
            call.add_frame("response", message, self.started)
        call.stub, call.duration, call.half_closed = given.stub, self.duration, True
        call.headers = answer.headers
        call.code, call.message, call.trailers = answer.code, answer.message, answer.trailers
        if given.miss is not None:
            call.note_miss(given.miss)
        return call


compact_call = partial(tuple.__new__, CompactCall)
"""Makes a :class:`CompactCall` of a tuple, likewise."""
