"""A server written by hand, without any of grpcmock's own servers, in a thread of its own: clients are tested on it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import support
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection

if TYPE_CHECKING:
    from grpcmock.schema import Registry

Handler = Callable[[Any, "grpc.aio.ServicerContext[Any, Any]"], Awaitable[None]]


def user_registry() -> Registry:
    return support.registry("user.proto")


class Handmade:
    """A running server, and what it has seen."""

    def __init__(self) -> None:
        self.address = ""
        self.metadata: list[tuple[str, dict[str, Any]]] = []
        self.cancelled = threading.Event()
        self.received: list[Any] = []


@contextlib.contextmanager
def serve(
    handlers: dict[str, Handler] | None = None,
    *,
    address: str = "127.0.0.1:0",
    credentials: grpc.ServerCredentials | None = None,
    reflect: bool = True,
) -> Iterator[Handmade]:
    """Serve raw *handlers* by path (by default a ``UserService``), each as a stream of bytes in both directions."""
    state = Handmade()
    ready = threading.Event()
    failure: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((_Generic(handlers or _user_service(state), state),))
        if reflect:
            reflection.enable_server_reflection(
                ["user.UserService", reflection.SERVICE_NAME], server, pool=user_registry().pool
            )
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        state.address = address if address.startswith("unix") else f"127.0.0.1:{port}"
        await server.start()
        ready.set()
        await stop.wait()
        await server.stop(0)

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001  (handed to the test)
            failure.append(error)
            ready.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    if failure:
        raise failure[0]
    try:
        yield state
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class _Generic(grpc.GenericRpcHandler):
    def __init__(self, handlers: dict[str, Handler], state: Handmade) -> None:
        self._handlers = handlers
        self._state = state

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = self._handlers.get(details.method)
        if handler is None:
            return None
        metadata: dict[str, Any] = {}
        for key, value in details.invocation_metadata:
            metadata.setdefault(key, []).append(value)
        self._state.metadata.append((details.method, metadata))
        return grpc.stream_stream_rpc_method_handler(handler)


def rich_details(code: int, message: str) -> bytes:
    """Two details: one of google.rpc, one of a type that nobody knows."""
    known = any_pb2.Any()
    known.Pack(error_details_pb2.ErrorInfo(reason="NO_SUCH_USER", domain="users"))
    unknown = any_pb2.Any(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")
    return bytes(status_pb2.Status(code=code, message=message, details=[known, unknown]).SerializeToString())


def _user_service(state: Handmade) -> dict[str, Handler]:  # noqa: C901
    registry = user_registry()
    get, user = registry.message("user.GetUserRequest"), registry.message("user.UserResponse")
    create, result = registry.message("user.CreateUserRequest"), registry.message("user.BatchResult")
    page = registry.message("user.ListUsersRequest")

    def person(number: int) -> bytes:
        return user(id=number, name=f"User {number}", email=f"user{number}@example.com").SerializeToString()

    async def messages(context: Any, message_class: Any) -> Any:
        while (data := await context.read()) is not grpc.aio.EOF:
            message = message_class.FromString(data)
            state.received.append(message)
            yield message

    async def get_user(_: Any, context: Any) -> None:
        async for request in messages(context, get):
            if request.id == 404:
                details = rich_details(5, "User not found")
                context.set_trailing_metadata((("x-trailer", "bye"), ("grpc-status-details-bin", details)))
                await context.abort(grpc.StatusCode.NOT_FOUND, "User not found")
            if request.id == 9:
                await hang(context)
            await context.send_initial_metadata((("x-header", "hello"), ("x-bytes-bin", b"\x00\x01")))
            await context.write(person(request.id))
            if request.id == 2:  # breaks the rules of a unary method
                await context.write(person(2))
            if request.id == 3:
                await context.write(b"\xff")

    async def hang(context: Any) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            state.cancelled.set()

    async def list_users(_: Any, context: Any) -> None:
        async for request in messages(context, page):
            for number in range(1, (request.page_size or 3) + 1):
                await context.write(person(number))
            if request.page == 2:
                await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")
            if request.page == 3:
                await hang(context)

    async def create_users(_: Any, context: Any) -> None:
        count = 0
        async for request in messages(context, create):
            count += 1
            if request.name == "nobody":
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nobody has no name")
        await context.write(result(created=count, ids=range(1, count + 1)).SerializeToString())

    async def lookup_users(_: Any, context: Any) -> None:
        try:
            async for request in messages(context, get):
                await context.write(person(request.id))
        except asyncio.CancelledError:
            state.cancelled.set()
            raise

    return {
        "/user.UserService/GetUser": get_user,
        "/user.UserService/ListUsers": list_users,
        "/user.UserService/CreateUsers": create_users,
        "/user.UserService/LookupUsers": lookup_users,
    }
