"""What a test of a contract is handed: one case, to be made on a server and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from grpcmock.client.details import RichStatus, decode_details
from grpcmock.contract.case_runner import target_of
from grpcmock.fuzz.checks.rendering import call_lines
from grpcmock.fuzz.model.message_text import message_text

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from google.protobuf.message import Message

    from grpcmock.contract.case_runner import CaseRunner, CaseRunners, Expectations, Server
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

Pairs = Iterable[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Answer:
    """What a server has answered to a case."""

    result: CaseResult
    """All that was seen: one reply for each call."""

    runner: CaseRunner

    @property
    def reply(self) -> Reply:
        """The reply to the last call, which is the one that a case is about."""
        return self.result.last

    @property
    def code(self) -> str:
        """The name of the status: ``NOT_FOUND``."""
        return self.reply.name

    @property
    def details(self) -> str:
        """The words that came with the status."""
        return self.reply.message

    @property
    def rich(self) -> RichStatus | None:
        """The ``google.rpc.Status`` that came in the trailers; None if there is none."""
        return decode_details(self.reply.trailers, self.runner.expectations.registry)

    @property
    def responses(self) -> list[Any]:
        """The messages that came, in order. Raises ``DecodeError`` if one is none of the method's."""
        method = self.reply.call.method
        return [] if method is None else [method.response_class.FromString(data) for data in self.reply.responses]

    @property
    def response(self) -> Any:
        """The first message that came; None if none did."""
        return next(iter(self.responses), None)


class ContractCase:
    """One thing to try on a server: valid requests, invalid ones, streams of all lengths."""

    def __init__(self, case: Case, expectations: Expectations, runners: CaseRunners, *, shrunk: bool) -> None:
        self.case = case
        """All that is known of it: its calls, why they are made, what is expected of them."""
        self._expectations = expectations
        self._runners = runners
        self._shrunk = shrunk

    @property
    def method(self) -> Method:
        """The method that is tried."""
        return self.case.method

    @property
    def why(self) -> str:
        """Why this is tried, in words."""
        return self.case.why

    @property
    def is_valid(self) -> bool:
        """Whether the contract says that the request is to be accepted."""
        return self.case.expect.value == "accepted"

    @property
    def requests(self) -> list[Any]:
        """The messages of the last call. Those that no message object says are left out."""
        return list(self._messages())

    @property
    def request(self) -> Any:
        """The first message of the last call; None if it sends none."""
        return next(self._messages(), None)

    def _messages(self) -> Iterator[Message]:
        call = self.case.calls[-1]
        for data in call.messages:
            try:
                yield self.method.request_class.FromString(data)
            except DecodeError:
                continue

    # Synchronous ----------------------------------------------------------------------------------------

    def call(self, target: Server, metadata: Pairs = ()) -> Answer:
        """Make the calls on a server, in a test without an event loop. *metadata* is sent with each of them."""
        __tracebackhide__ = True
        return self._runners.wait(self._answer(target, metadata), "case.acall(target)")

    def check(self, answer: Answer) -> None:
        """Check an answer by all checks. Raises :class:`ContractError` for the worst that is wrong."""
        __tracebackhide__ = True
        self._raise(self._runners.wait(self._judged(answer), "case.acheck(answer)"))

    def call_and_check(self, target: Server, metadata: Pairs = ()) -> Answer:
        """Make the calls on a server and check what comes; return the answer if nothing is wrong."""
        __tracebackhide__ = True
        answer = self._runners.wait(self._answer(target, metadata), "case.acall_and_check(target)")
        self.check(answer)
        return answer

    # Asynchronous ---------------------------------------------------------------------------------------

    async def acall(self, target: Server, metadata: Pairs = ()) -> Answer:
        """As :meth:`call`, under asyncio or trio."""
        __tracebackhide__ = True
        return await self._runners.wait_async(self._answer(target, metadata))

    async def acheck(self, answer: Answer) -> None:
        """As :meth:`check`, under asyncio or trio."""
        __tracebackhide__ = True
        self._raise(await self._runners.wait_async(self._judged(answer)))

    async def acall_and_check(self, target: Server, metadata: Pairs = ()) -> Answer:
        """As :meth:`call_and_check`, under asyncio or trio."""
        __tracebackhide__ = True
        answer = await self.acall(target, metadata)
        await self.acheck(answer)
        return answer

    # Both -----------------------------------------------------------------------------------------------

    async def _answer(self, server: Server, metadata: Pairs) -> Answer:
        pairs: Metadata = tuple(metadata.items() if isinstance(metadata, dict) else metadata)
        runner = self._runners.of(self._expectations, target_of(server, pairs))
        return Answer(await runner.observe(self.case), runner)

    def _judged(self, answer: Answer) -> Coroutine[Any, Any, Exception | None]:
        return answer.runner.error(self.case, answer.result, shrunk=self._shrunk)

    @staticmethod
    def _raise(error: Exception | None) -> None:
        __tracebackhide__ = True
        if error is not None:
            raise error

    def __repr__(self) -> str:
        shown = [message_text(data, self.method) for data in self.case.calls[-1].messages]
        return f"<Case {self.case.id}: {', '.join(shown) or call_lines(self.case.calls[-1])[0]}>"
