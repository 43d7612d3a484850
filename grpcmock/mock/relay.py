"""Passes a call on to a real server, and its answer back, while both go on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from grpcmock.client.call import Call
from grpcmock.engine.steps import Finish, Headers, Raised, Returned, Wants, Yielded
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.call import Status
    from grpcmock.client.target import Metadata
    from grpcmock.engine.journal import Call as Record
    from grpcmock.mock.functions import Ask
    from grpcmock.replies.context import RenderContext
    from grpcmock.schema import Method

_HOP = ("grpc-", ":", "user-agent", "content-type", "te")
"""Keys, or how they begin, that belong to one connection and not to the call."""


class Relay:
    """The handler of a stub that leaves its answers to the server behind *channel*.

    It runs in the loop of the mock. What it learns besides the messages is kept in ``answered``.
    """

    is_live = True
    """It takes each request message as it comes, whatever the kind of the method."""

    def __init__(self, channel: grpc.aio.Channel, target: str) -> None:
        self._channel = channel
        self._target = target
        self.answered: dict[int, tuple[Metadata, bool, str]] = {}
        """By the id of the call: initial metadata, whether the client half-closed, how the connection was lost."""

    async def __call__(self, context: RenderContext, record: Record, ask: Ask) -> None:
        """Relay one call; see :class:`grpcmock.engine.steps.Invoke`."""
        del context
        assert record.method is not None
        try:
            finish = await self._relayed(record, record.method, ask)
        except DecodeError as error:
            await ask(Raised(error))
            return
        await ask(Returned(finish))

    async def _relayed(self, record: Record, method: Method, ask: Ask) -> Finish:
        left = None if record.deadline is None else max(record.deadline - (time.time() - record.started), 0.0)
        call = Call(self._channel, record.path, metadata=_passed_on(record.metadata), deadline=left)
        answers = _Answers(call)
        half_closed = False
        try:
            while not answers.has_ended or answers.ready:
                while answers.ready:
                    answer = answers.ready.pop(0)
                    if isinstance(answer, bytes):
                        await ask(Yielded(decode(method.response_class, answer)))
                    elif answer:
                        await ask(Headers(answer))
                if half_closed:
                    await answers.news()
                    continue
                news = answers.news()
                message: Message | None = await ask(Wants(news))
                if message is not None:
                    await call.send(message.SerializePartialToString())
                elif not news.done():
                    half_closed = True
                    await call.half_close()
            status = await call.status()
        finally:
            call.cancel()
            answers.end()
        self.answered[record.id] = (answers.headers, half_closed, self._lost(status))
        return Finish(status.code, status.message, status.trailers)

    def _lost(self, status: Status) -> str:
        """Say how the connection failed, if the status is not the server's own."""
        if status.code is not Code.UNAVAILABLE or self._channel.get_state() is grpc.ChannelConnectivity.READY:
            return ""
        return status.message

    def __str__(self) -> str:
        return f"the server at {self._target}"


class _Answers:
    """What the server has sent and the client has not yet got."""

    def __init__(self, call: Call) -> None:
        self.ready: list[bytes | Metadata] = []
        self.headers: Metadata = ()
        self.has_ended = False
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._read(call))

    async def _read(self, call: Call) -> None:
        try:
            self.headers = _passed_on(await call.headers())
            self._tell(self.headers)
            while (data := await call.receive()) is not None:
                self._tell(data)
        finally:
            self.has_ended = True
            self._tell()

    def _tell(self, *more: bytes | Metadata) -> None:
        self.ready += more
        if not self._news.done():
            self._news.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """Give a future that is done once there is something new, or the call has ended."""
        if self._news.done() and not self.ready and not self.has_ended:
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    def end(self) -> None:
        self._task.cancel()


def _passed_on(metadata: Metadata) -> Metadata:
    return tuple((key, value) for key, value in metadata if not key.startswith(_HOP))
