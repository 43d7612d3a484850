"""The admin service of a running server, called by the names of its methods."""

from __future__ import annotations

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


class RefusedByServerError(TargetError):
    """The server is there, and refuses what it is asked for."""

    def __init__(self, target: Target, code: Code, message: str) -> None:
        super().__init__(f"{target}: {code.name}: {message}")
        self.code = code
        self.message = message


class AdminClient:
    """Asks a server by its admin service. Everything raises :class:`TargetError` if the server can't be asked."""

    def __init__(self, channel: grpc.aio.Channel, target: Target) -> None:
        self._channel = channel
        self._target = target
        self.registry = admin.registry()
        """The descriptors of the service."""

    async def ask(self, name: str, **request: Any) -> Any:
        """Call a method with one response, and give that. *request* holds the fields of its request.

        Raises :class:`RefusedByServerError` if that is the answer.
        """
        return await self.send(name, self._method(name).request_class(**request))

    async def send(self, name: str, request: Message) -> Any:
        """Do as :meth:`ask`, with a whole request."""
        call = await self._begin(name, request)
        data = await call.receive()
        await self.check(call)
        return self._method(name).response_class.FromString(data or b"")

    async def begin(self, name: str, **request: Any) -> Call:
        """Begin a call, for one that reads the responses itself; :meth:`check` then says how it ended."""
        return await self._begin(name, self._method(name).request_class(**request))

    async def _begin(self, name: str, request: Message) -> Call:
        call = Call(self._channel, self._method(name).path, metadata=self._target.metadata)
        await call.send(request.SerializeToString())
        await call.half_close()
        return call

    def _method(self, name: str) -> Method:
        return self.registry.method(f"{admin.SERVICE}/{name}")

    async def check(self, call: Call) -> None:
        """Wait for the end of a call; return if it ended well."""
        status = await call.status()
        match status.code:
            case Code.OK:
                return
            case Code.UNIMPLEMENTED if not _is_ours(status.message):
                raise TargetError(
                    f"{self._target} has no admin service. Start the server with `grpcmock serve --admin`."
                )
            case Code.UNAUTHENTICATED:
                given = any(key == "authorization" for key, _ in self._target.metadata)
                what = "takes another token than this one" if given else "wants a token"
                raise TargetError(f"{self._target} {what}: give the server's own with --admin-token TOKEN.")
            case Code.PERMISSION_DENIED:
                raise TargetError(f"{self._target} refuses: {status.message}")
            case Code.UNAVAILABLE if call.received:
                raise TargetError(f"{self._target} has ended.")
            case _:
                raise RefusedByServerError(self._target, status.code, status.message)


def _is_ours(message: str) -> bool:
    """Whether an admin service itself says that it doesn't carry out a method: one of another version."""
    return message.startswith("This version of grpcmock")
