"""Uses of the Python API that must pass type checkers; never run. Servicers are typed as mypy-protobuf types them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar, assert_type

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from grpcmock import (
    Call,
    CallLog,
    HandlerCall,
    MethodMock,
    MockServer,
    StubHandle,
    absent,
    contains,
    failure,
    gt,
    lt,
    matches,
    one_of,
    reply,
)

M = TypeVar("M")


class Context: ...


class MaybeAsyncIterator(AsyncIterator[M], Iterator[M]): ...


class Servicer:
    def Get(self, request: Duration, context: Context) -> Timestamp | Awaitable[Timestamp]:
        raise NotImplementedError

    def List(self, request: Duration, context: Context) -> Iterator[Timestamp] | AsyncIterator[Timestamp]:
        raise NotImplementedError

    def Create(
        self, request_iterator: MaybeAsyncIterator[Duration], context: Context
    ) -> Timestamp | Awaitable[Timestamp]:
        raise NotImplementedError

    def Talk(
        self, request_iterator: MaybeAsyncIterator[Duration], context: Context
    ) -> Iterator[Timestamp] | AsyncIterator[Timestamp]:
        raise NotImplementedError


class Untyped:
    def Get(self, request, context):  # type: ignore[no-untyped-def]
        raise NotImplementedError


class Client:
    def __init__(self, channel: Any) -> None: ...


def message_types_flow(mock: MockServer) -> None:
    get = mock.on(Servicer.Get)
    assert_type(get, MethodMock[Duration, Timestamp])
    assert_type(mock.on(Servicer.List), MethodMock[Duration, Timestamp])
    assert_type(mock.on(Servicer.Create), MethodMock[Any, Timestamp])
    assert_type(mock.on(Servicer.Talk), MethodMock[Any, Timestamp])
    assert_type(mock.on(Untyped.Get), MethodMock[Any, Any])  # pyright: ignore[reportUnknownArgumentType]
    assert_type(mock.on("package.Service/Method"), MethodMock[Any, Any])
    assert_type(get.calls, CallLog[Duration, Timestamp])
    assert_type(get.calls.last, Call[Duration, Timestamp])
    assert_type(get.calls.last.request, Duration)
    assert_type(get.calls.where(seconds=1).one().response, Timestamp)
    assert_type(mock.client(Client), Client)


def words(mock: MockServer) -> None:
    get = mock.on(Servicer.Get)
    get.when(seconds=gt(1) & lt(9), nanos=absent, metadata={"x-key": contains("a") | matches("^b")}).returns(seconds=1)
    get.when(Duration(seconds=1)).returns(Timestamp()).times(2).delay("10ms").optional()
    get.when({"metadata": one_of(1, 2)}, where=lambda request: True).fails("NOT_FOUND", "nobody", details=[Duration()])
    get.sequence(Timestamp(), {"seconds": 1}, reply(seconds=2), failure("UNAVAILABLE"), then="cycle")
    handle = mock.on(Servicer.List).streams(Timestamp(), {"seconds": 1}, interval=0.5).fails("UNAVAILABLE")
    assert_type(handle, StubHandle[Duration])
    get.assert_called(times=2, seconds=1)
    get.wait_called(2, seconds=1)
    get.wait_called(Duration(seconds=1), times=2, timeout=1.5)
    get.wait_called("2")  # type: ignore[call-overload]
    get.returns(Duration())  # type: ignore[arg-type]
    get.when(Timestamp())  # type: ignore[arg-type]
    get.sequence(then="never")  # type: ignore[arg-type]

    @get.when(seconds=5).answers
    def handler(call: HandlerCall[Duration]) -> Timestamp:
        return Timestamp(seconds=call.request.seconds)

    @mock.on(Servicer.Talk).answers
    async def talk(call: HandlerCall[Duration]) -> AsyncIterator[Timestamp]:
        async for request in call:
            assert_type(request, Duration)
            yield Timestamp(seconds=request.seconds)

    same: Callable[[HandlerCall[Duration]], Timestamp] = handler
    assert same is handler


async def both_worlds(mock: MockServer) -> None:
    with mock.snapshot() as inner:
        assert_type(inner, MockServer)
        inner.state["login"] = "done"
    await mock.on(Servicer.Get).await_called(2, timeout=1.5, seconds=1)
    await mock.on(Servicer.Get).await_called({"seconds": 1}, times=2)
    async with MockServer("protos", stubs="stubs") as other:
        assert_type(other, MockServer)
