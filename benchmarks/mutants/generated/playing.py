"""A service in this process, called without a network: what each call ends with, as far as callers can tell."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import grpc
from google.protobuf import message_factory
from google.protobuf.message import EncodeError, Message
from google.rpc import error_details_pb2, status_pb2

from benchmarks.mutants.services import loading
from benchmarks.mutants.services.definition import Definition, Runtime
from benchmarks.mutants.services.environment import Repeatable

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

OPEN = "OPEN"
"""The status of a call that hasn't ended when the service waits for something."""

_PATIENCE = 300
"""Turns of the event loop that a call may take that waits."""

_MOST_RESPONSES = 300
_OPAQUE = {"etag", "next_page_token", "next_cursor", "ack_id", "message", "uid"}
"""Fields whose values say nothing to callers, but for whether there is one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a caller can tell of a call."""

    status: str
    responses: tuple[bytes, ...]
    fields: tuple[str, ...] = ()
    """The fields that the details of an error name."""


class AbortError(Exception):
    """How a handler ends its call with a status."""

    def __init__(self, status: grpc.StatusCode, fields: tuple[str, ...] = ()) -> None:
        if not isinstance(status, grpc.StatusCode):
            raise TypeError(f"{status!r} is no status code")
        super().__init__(status)
        self.status = status
        self.fields = fields


class Stuck(BaseException):
    """What a handler that goes on for ever gets; nothing that it catches."""


class _Context:
    """As much of a context as handlers use."""

    def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> Any:
        raise AbortError(code)

    def abort_with_status(self, status: Any) -> Any:
        fields: list[str] = []
        for key, value in status.trailing_metadata or ():
            if key == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    bad = error_details_pb2.BadRequest()
                    if detail.Unpack(bad):
                        fields += [one.field for one in bad.field_violations]
        raise AbortError(status.code, tuple(fields))


class _AioContext(_Context):
    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> Any:
        raise AbortError(code)

    async def abort_with_status(self, status: Any) -> Any:
        super().abort_with_status(status)


def bare(message: Any) -> None:
    """Leave of what is opaque only that it is there, here and below."""
    for field, value in message.ListFields():
        if field.name in _OPAQUE and field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, "?")
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for one in value if field.is_repeated else (value,):
                bare(one)


class Player:
    """One service, started anew for each program. *changed* is its source as a tree, where that isn't its own."""

    def __init__(self, definition: Definition, changed: ast.Module | None = None) -> None:
        self._is_async = definition.runtime is Runtime.AIO
        self._context = _AioContext() if self._is_async else _Context()
        self._module: ModuleType = loading.module(definition, changed)
        self._loop = asyncio.new_event_loop() if self._is_async else None
        self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def restart(self) -> None:
        self._environment = Repeatable()
        self._turn = 0
        self._server = loading.served(self._module, self._environment)

    def call(self, method: MethodDescriptor, requests: tuple[bytes, ...]) -> tuple[Outcome, list[Any]]:
        """Make a call; gives the messages of the answer as they were, too."""
        self._turn += 1
        self._environment.turn(self._turn)
        request_class = message_factory.GetMessageClass(method.input_type)
        arguments = [request_class.FromString(one) for one in requests]
        sent: list[Any] = []
        status = "OK"
        fields: tuple[str, ...] = ()
        try:
            if self._loop is not None:
                self._loop.run_until_complete(_patiently(self._call_async(method, arguments, sent)))
            else:
                self._call(method, arguments, sent)
        except AbortError as ended:
            status, fields = ended.status.name, ended.fields
        except asyncio.CancelledError:
            status = OPEN
        except EncodeError:
            status = "INTERNAL"
        except Exception:  # noqa: BLE001  # as gRPC does
            status = "UNKNOWN"
        return Outcome(status, tuple(_encoded(one) for one in sent), fields), sent

    def _call(self, method: MethodDescriptor, arguments: list[Any], sent: list[Any]) -> None:
        handle = getattr(self._server, method.name)
        result = handle(iter(arguments) if method.client_streaming else arguments[0], self._context)
        for response in result if method.server_streaming else (result,):
            _take(response, method, sent)

    async def _call_async(self, method: MethodDescriptor, arguments: list[Any], sent: list[Any]) -> None:
        handle = getattr(self._server, method.name)
        result = handle(_each(arguments) if method.client_streaming else arguments[0], self._context)
        if not inspect.isasyncgen(result):
            _take(await result, method, sent)
            return
        async with contextlib.aclosing(result):
            async for response in result:
                _take(response, method, sent)


async def _patiently(call: Coroutine[Any, Any, None]) -> None:
    """Carry out a call; one that waits for what doesn't come is cancelled."""
    task = asyncio.ensure_future(call)
    for _ in range(_PATIENCE):
        await asyncio.sleep(0)
        if task.done():
            break
    else:
        task.cancel()
    await task


async def _each(requests: list[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


def _take(response: Any, method: MethodDescriptor, sent: list[Any]) -> None:
    """Keep an answer as it is now. Raises TypeError for what is none of this method."""
    if not isinstance(response, Message) or response.DESCRIPTOR.full_name != method.output_type.full_name:
        raise TypeError(type(response).__name__)
    if len(sent) >= _MOST_RESPONSES:
        raise AbortError(grpc.StatusCode.RESOURCE_EXHAUSTED)
    kept = message_factory.GetMessageClass(method.output_type)()
    kept.ParseFromString(response.SerializeToString())
    sent.append(kept)


def _encoded(message: Any) -> bytes:
    told = type(message)()
    told.CopyFrom(message)
    bare(told)
    return bytes(told.SerializeToString(deterministic=True))


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`Stuck` in what runs within the block, if it takes longer. For the main thread alone."""

    def stop(*_: object) -> None:
        raise Stuck

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
