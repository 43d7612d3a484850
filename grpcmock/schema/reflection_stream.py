"""One stream of questions and answers with the reflection service of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from grpcmock.errors import TargetError

ENDED = "The server's reflection service ended the call before it had answered."
_UNREADABLE = "The server's reflection service answered with bytes that are no ServerReflectionResponse."

_AT_ONCE = 32
"""Questions that are sent before their answers are read."""

_MADE_UP = grpc.StatusCode.INTERNAL, "Internal error from Core"
"""The status of a write that failed, whatever the server's is (grpc/grpc#36066)."""


class Refused(Exception):  # noqa: N818 - an answer like others, for which there is no value
    """The server answered that it doesn't have what it was asked for."""


class ReflectionStream:
    """One stream of questions and answers with a reflection service."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        version: str,
        seconds: float,
        metadata: Sequence[tuple[str, str | bytes]],
    ) -> None:
        from grpc_reflection.v1alpha import reflection_pb2

        self._request: Callable[..., Any] = reflection_pb2.ServerReflectionRequest
        method: Any = channel.stream_stream(
            f"/{version}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        self._call: Any = method(timeout=seconds, metadata=tuple(metadata))
        self._ended: tuple[grpc.StatusCode, str] | None = None
        self._call.add_done_callback(self._on_done)

    async def ask(self, **question: str) -> Any:
        """Ask one thing. Raises :class:`Refused`."""
        [answer] = await self.ask_all([question])
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def ask_all(self, questions: Sequence[dict[str, str]]) -> list[Any]:
        """Ask several things; in the place of an answer may stand a :class:`Refused`."""
        answers: list[Any] = []
        for start in range(0, len(questions), _AT_ONCE):
            some = questions[start : start + _AT_ONCE]
            for question in some:
                await self._write(self._request(**question))
            answers += [await self._read() for _ in some]
        return answers

    async def _write(self, request: Any) -> None:
        try:
            await self._call.write(request)
        except asyncio.InvalidStateError:  # the call is over; reading tells why
            await self._read()

    async def _read(self) -> Any:
        answer = await self._call.read()
        if answer is grpc.aio.EOF:
            raise TargetError(ENDED)
        if answer is None:  # what grpc.aio gives where the deserializer has failed
            raise TargetError(_UNREADABLE)
        if answer.WhichOneof("message_response") == "error_response":
            return Refused(answer.error_response.error_message)
        return answer

    def _on_done(self, call: Any) -> None:
        status = _at_once(call.code()), _at_once(call.details()) or ""
        if self._ended is None and status != _MADE_UP:
            self._ended = status

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """Give the status of a call that has failed.

        Where a write fails because the server has ended the call, grpc.aio makes a status up, either before it has read
        the server's own or in its place (grpc/grpc#36066).
        """
        for _ in range(100):
            if self._ended is not None:
                return self._ended
            await asyncio.sleep(0.01)
            self._on_done(self._call)
        return _MADE_UP

    def cancel(self) -> None:
        self._call.cancel()


def _at_once(coroutine: Any) -> Any:
    """Give what a coroutine gives that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as result:
        return result.value
    coroutine.close()
    return None
