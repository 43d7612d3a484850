"""The admin service of a running mock server, called by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from grpcmock.client.call import Call
from grpcmock.errors import TargetError
from grpcmock.schema import admin
from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.message import Message

    from grpcmock.client.target import Target
    from grpcmock.schema import Method

_ABSENT = "This version"
"""Begins what a server says of a method that it knows and doesn't carry out."""


class RefusedError(TargetError):
    """The admin service has refused a request, with this status."""

    def __init__(self, text: str, code: Code, message: str) -> None:
        super().__init__(text)
        self.code = code
        self.message = message
        """What the server said itself."""


class AdminClient:
    """Calls the methods of ``grpcmock.admin.v1.AdminService`` by their names.

    Everything raises :class:`TargetError` if the server can't be asked, :class:`RefusedError` if it refuses.
    """

    def __init__(self, channel: grpc.aio.Channel, target: Target) -> None:
        self._channel = channel
        self._target = target
        self.registry = admin.registry()
        """The descriptors of the service."""

    async def ask(self, method: str, /, **fields: Any) -> Any:
        """Call a method with the *fields* of its request, and give its response."""
        return await self.send(method, self._method(method).request_class(**fields))

    async def send(self, method: str, request: Message) -> Any:
        """Do what :meth:`ask` does, with a whole request."""
        call = await self._begin(method, request)
        data = await call.receive()
        await self._check(call)
        return self._method(method).response_class.FromString(data or b"")

    async def open(self, method: str, /, **fields: Any) -> Responses:
        """Call a method that streams; give its responses once the server has begun to answer."""
        call = await self._begin(method, self._method(method).request_class(**fields))
        await call.headers()
        return Responses(call, self._method(method).response_class, self._check)

    def _method(self, name: str) -> Method:
        return self.registry.method(f"{admin.SERVICE}/{name}")

    async def _begin(self, method: str, request: Message) -> Call:
        call = Call(self._channel, self._method(method).path, metadata=self._target.metadata)
        await call.send(request.SerializeToString())
        await call.half_close()
        return call

    async def _check(self, call: Call) -> None:
        status = await call.status()
        match status.code:
            case Code.OK:
                return
            case Code.UNIMPLEMENTED if status.message.startswith(_ABSENT):
                text = f"{self._target}: {status.message}"
            case Code.UNIMPLEMENTED:
                text = f"{self._target} has no admin service. Start the server with `grpcmock serve --admin`."
            case Code.UNAUTHENTICATED:
                given = any(key == "authorization" for key, _ in self._target.metadata)
                what = "takes another token than this one" if given else "wants a token"
                text = f"{self._target} {what}: give the server's own with --admin-token TOKEN."
            case Code.PERMISSION_DENIED:
                text = f"{self._target} refuses: {status.message}"
            case Code.UNAVAILABLE if call.received:
                text = f"{self._target} has ended."
            case _:
                text = f"{self._target}: {status.code.name}: {status.message}"
        raise RefusedError(text, status.code, status.message)


class Responses:
    """The responses of a method that streams, as they come."""

    def __init__(self, call: Call, response_class: Any, check: Callable[[Call], Awaitable[None]]) -> None:
        self._call = call
        self._class = response_class
        self._check = check

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (data := await self._call.receive()) is not None:
            yield self._class.FromString(data)
        await self._check(self._call)

    def cancel(self) -> None:
        """Want no more of them."""
        self._call.cancel()
