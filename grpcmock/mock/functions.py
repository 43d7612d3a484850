"""Functions of the user in a stub: conditions (``where=``), and handlers that answer a call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import Message

from grpcmock.concurrency.blocking import in_thread
from grpcmock.engine.steps import Finish, HandlerRaised, HandlerReturned, HandlerSent, NextRequest
from grpcmock.mock import protojson
from grpcmock.mock.call import Metadata, public_class
from grpcmock.mock.loops import awaited, running_loop, visiting
from grpcmock.schema import MethodKind
from grpcmock.schema.registry import find_message
from grpcmock.status import DETAILS_KEY, Code, encode_details

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.loops import Ask
    from grpcmock.responses.context import RenderContext
    from grpcmock.schema import Method

Q = TypeVar("Q", bound=Message)


class HandlerCall(Generic[Q]):
    """A call under way, as the handler that answers it sees it.

    Iterating over it (``for`` in a function, ``async for`` in an async one) gives the request messages: those of a
    bidirectional stream as they come, until the client has finished sending.
    """

    def __init__(self, context: RenderContext, record: CallRecord, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        assert record.method is not None
        self._method = record.method
        self._context = context
        self._record = record
        self._ask = ask
        self.loop = loop
        """The loop in which the call is answered; async handlers run in it."""
        self._requests: list[Q] = [_public(message) for message in context.requests]
        self._given = 0

    @property
    def method(self) -> str:
        """The method as stubs write it: ``user.UserService/GetUser``."""
        return self._method.full_name

    @property
    def request(self) -> Q:
        """The request message; of a stream, the first that has come. Raises ``LookupError`` if none has."""
        if self._requests:
            return self._requests[0]
        if self._context.request is None:
            raise LookupError("No request message has come yet: iterate over the call to wait for the first one.")
        first: Q = _public(self._context.request)  # read to choose the stub; iterating begins with it
        return first

    @property
    def requests(self) -> Sequence[Q]:
        """All request messages so far; of a client stream with one answer, all there are."""
        return tuple(self._requests)

    @property
    def metadata(self) -> Metadata:
        """The metadata that the client sent."""
        return Metadata(self._record.metadata)

    @property
    def deadline(self) -> float | None:
        """Seconds that were left when the call came in; None if the client set no deadline."""
        return self._record.deadline

    @property
    def peer(self) -> str:
        """The address of the client: ``ipv4:127.0.0.1:50514``."""
        return self._record.peer

    @property
    def count(self) -> int:
        """How often the stub has been chosen, this time included."""
        return self._context.count

    @property
    def state(self) -> Mapping[str, str]:
        """The states of the scenarios, as they were before this call."""
        return dict(self._context.state)

    def fail(
        self,
        code: Any,
        message: str = "",
        *,
        details: Iterable[Message | Mapping[str, Any]] = (),
        trailers: Mapping[str, Any] | None = None,
    ) -> NoReturn:
        """End the call with this status; it doesn't return.

        *code* is the name or number of a status, or a ``grpc.StatusCode``; *details* are sent as ``google.rpc.Status``.
        """
        raise _Failure(ending(code, message, details, trailers))

    def __iter__(self) -> Iterator[Q]:
        while (message := self._next_known()) is not None or self._is_live:
            if message is None:
                if running_loop() is not None:
                    raise RuntimeError("An async handler iterates over its call with 'async for'.")
                taken = asyncio.run_coroutine_threadsafe(awaited(self._ask(NextRequest())), self.loop).result()
                if (message := self._took(taken)) is None:
                    return
            yield message

    async def __aiter__(self) -> AsyncIterator[Q]:
        while (message := self._next_known()) is not None or self._is_live:
            if message is None and (message := self._took(await self._ask(NextRequest()))) is None:
                return
            yield message

    @property
    def _is_live(self) -> bool:
        return self._method.kind is MethodKind.BIDI_STREAMING

    def _next_known(self) -> Q | None:
        """Give the next message that is here already. A live stream begins with what was not yet asked for."""
        if self._given >= len(self._requests):
            return None
        self._given += 1
        return self._requests[self._given - 1]

    def _took(self, message: Message | None) -> Q | None:
        if message is None:
            return None
        public: Q = _public(message)
        self._requests.append(public)
        self._given += 1
        return public


class _Failure(Exception):  # noqa: N818 - a status meant for the client
    def __init__(self, finish: Finish) -> None:
        super().__init__(f"{finish.code.name}: {finish.message}")
        self.finish = finish


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on the request message; equal to another of the same function."""

    function: Callable[[Any], object]

    def __post_init__(self) -> None:
        if inspect.iscoroutinefunction(self.function):
            raise TypeError("where= takes a plain function of the request message, not an async one.")

    def __call__(self, message: Message) -> object:
        return self.function(_public(message))

    def __str__(self) -> str:
        return described(self.function)


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that answers a call, of whatever sort; equal to another of the same function."""

    function: Callable[..., Any]
    home: asyncio.AbstractEventLoop | None = field(default=None, compare=False)
    """The loop that an async function was declared in: while that runs, so does the function, and may share its queues
    and events with the test. Else it runs in the loop of the mock.
    """

    @classmethod
    def declared(cls, function: Callable[..., Any]) -> Handler:
        """Make a handler of a function that is declared here and now."""
        return cls(function, running_loop())

    @property
    def yields(self) -> bool:
        """Whether the function is a generator."""
        function = self._inner
        return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    @property
    def _inner(self) -> Any:
        function = inspect.unwrap(self.function)
        while hasattr(function, "func"):  # functools.partial
            function = function.func
        return function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004

    async def __call__(self, context: RenderContext, record: CallRecord, ask: Ask) -> None:
        """Run the function for one call; see :class:`grpcmock.engine.steps.Invoke`."""
        home = self.home
        if home is not None and home.is_running() and home is not running_loop() and self._is_async:
            await visiting(home, ask, lambda bridge: self._answer(context, record, bridge), str(self))
        else:
            await self._answer(context, record, ask)

    @property
    def _is_async(self) -> bool:
        inner = self._inner
        return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)

    async def _answer(self, context: RenderContext, record: CallRecord, ask: Ask) -> None:
        assert record.method is not None
        sender = _Sender(record.method, ask)
        call: HandlerCall[Any] = HandlerCall(context, record, ask, asyncio.get_running_loop())
        finish = Finish()
        try:
            await self._run(call, sender)
        except _Failure as failure:
            finish = failure.finish
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises
            await ask(HandlerRaised(error))
            return
        await ask(HandlerReturned(finish))

    async def _run(self, call: HandlerCall[Any], sender: _Sender) -> None:
        inner = self._inner
        if inspect.isasyncgenfunction(inner):
            async with aclosing(self.function(call)) as values:
                async for value in values:
                    await sender.send(value)
        elif inspect.iscoroutinefunction(inner):
            await sender.send_all(await self.function(call))
        else:
            result = await in_thread(lambda: self._blocking(call, sender), "grpcmock-handler")
            await sender.send_all(await result if inspect.isawaitable(result) else result)

    def _blocking(self, call: HandlerCall[Any], sender: _Sender) -> Any:
        """Run in a thread of its own, so that the function may wait, for other calls of this very mock even."""
        result = self.function(call)
        if not inspect.isgenerator(result):
            return result
        try:
            for value in result:
                asyncio.run_coroutine_threadsafe(sender.send(value), call.loop).result()
        finally:
            result.close()
        return _NOTHING

    def __str__(self) -> str:
        return described(self.function)


_NOTHING: tuple[Any, ...] = ()


class _Sender:
    """Sends what a handler gives."""

    def __init__(self, method: Method, ask: Ask) -> None:
        self._method = method
        self._ask = ask

    async def send(self, value: Any) -> None:
        name = self._method.output.full_name
        if isinstance(value, Message) and value.DESCRIPTOR.full_name != name:
            raise TypeError(f"{self._method} answers with {name}, not {value.DESCRIPTOR.full_name}.")
        await self._ask(HandlerSent(protojson.tree(value, messages=True)))

    async def send_all(self, result: Any) -> None:
        """Send what a function returned: one message, several where the method streams, an empty one for None."""
        if result is _NOTHING:
            return
        if not self._method.kind.server_streams:
            await self.send({} if result is None else result)
        elif isinstance(result, (Message, Mapping)):
            await self.send(result)
        elif isinstance(result, AsyncIterator):
            async for value in result:
                await self.send(value)
        else:
            for value in () if result is None else result:
                await self.send(value)


def _public(message: Message) -> Any:
    """Give a message of the registry as one of the class that user code has."""
    cls = public_class(type(message))
    return message if cls is type(message) else cls.FromString(message.SerializePartialToString())


def ending(
    code: Any,
    message: str = "",
    details: Iterable[Message | Mapping[str, Any]] = (),
    trailers: Mapping[str, Any] | None = None,
) -> Finish:
    """Return the end of a call with this status. Details are messages, or mappings with an ``@type``."""
    number = Code.parse(protojson.code(code))
    pairs = tuple(_pairs(trailers or {}))
    if packed := [_packed(detail) for detail in details]:
        pairs = (*pairs, (DETAILS_KEY, encode_details(number, message, packed)))
    return Finish(number, message, pairs)


def _packed(detail: Message | Mapping[str, Any]) -> Any:
    from google.protobuf.any_pb2 import Any as AnyMessage

    packed = AnyMessage()
    if isinstance(detail, Message):
        packed.Pack(detail)
    else:
        # Those of rich error details come into the pool when they are first looked for.
        find_message(descriptor_pool.Default(), str(detail.get("@type", "")).rpartition("/")[2])
        json_format.ParseDict(dict(detail), packed)
    return packed


def _pairs(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    for key, value in metadata.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, Message):
                one = one.SerializeToString(deterministic=True)
            yield key.lower(), one if isinstance(one, bytes) else str(one)


def described(function: Callable[..., Any]) -> str:
    """Name a function and its place: ``is_even (test_x.py:41)``."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    name = name.rpartition("<locals>.")[2].replace("<lambda>", "lambda")
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})" if code is not None else name
