"""The health of a server: the service ``grpc.health.v1.Health``, settable for each service and for the whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import grpc
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor

SERVICE = "grpc.health.v1.Health"

RELOAD_SERVICE = "grpcmock.reload"
"""The name under which a client can ask whether the last reload went well: NOT_SERVING if it failed."""

_LIST_LIMIT = 100
"""Services that ``List`` may name; with more it must fail (grpc/proposal, A105)."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """Which services serve. All do from the start, none while the server drains. Touched by the server's loop only.

    *services* gives the full names of the services there are now; it is asked anew each time, since a reload may
    change them.
    """

    DESCRIPTOR: ClassVar[FileDescriptor] = health_pb2.DESCRIPTOR
    """The file that declares the service, for reflection."""

    def __init__(self, services: Callable[[], Iterable[str]] = tuple) -> None:
        self._services = services
        self._set: dict[str, bool] = {}
        self._watchers: set[asyncio.Event] = set()
        self._draining = False
        self.reload_error: str | None = None
        """Why the last reload failed; None if it went well."""

    def serving(self, service: str) -> bool | None:
        """Say whether *service* serves, the whole server if it is ``""``; None if there is no such service."""
        if service == RELOAD_SERVICE:
            healthy = self.reload_error is None
        elif service in self._set:
            healthy = self._set[service]
        elif not service or service in self._services():
            healthy = True
        else:
            return None
        return healthy and not self._draining

    def set(self, service: str, serving: bool | None) -> None:
        """Set whether *service* serves, the whole server if it is ``""``; None goes back to how it was at the start.

        A service that no proto declares is known from then on.
        """
        if serving is None:
            self._set.pop(service, None)
        else:
            self._set[service] = serving
        self.changed()

    def reset(self) -> None:
        """Forget what :meth:`set` has set."""
        self._set.clear()
        self.changed()

    def reload_failed(self, text: str) -> None:
        """Mark the last reload as failed, with the reason: the service ``grpcmock.reload`` doesn't serve."""
        self.reload_error = text
        self.changed()

    def reload_succeeded(self) -> None:
        """Mark the last reload as well; the services there are may have changed by it."""
        self.reload_error = None
        self.changed()

    def drain(self) -> None:
        """Report NOT_SERVING for everything from now on, and end the watches, so that no client holds up the end."""
        self._draining = True
        self.changed()

    def changed(self) -> None:
        """Wake the watches: what they saw may no longer be so."""
        for watcher in self._watchers:
            watcher.set()

    def names(self) -> list[str]:
        """List all that :meth:`serving` knows."""
        return sorted({"", RELOAD_SERVICE, *self._set, *self._services()})

    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """Give the handlers of a ``grpc.aio`` server, by path."""
        encode = health_pb2.HealthCheckResponse.SerializeToString
        decode = health_pb2.HealthCheckRequest.FromString
        handlers = {
            f"/{SERVICE}/Check": grpc.unary_unary_rpc_method_handler(self._check, decode, encode),
            f"/{SERVICE}/Watch": grpc.unary_stream_rpc_method_handler(self._watch, decode, encode),
        }
        if hasattr(health_pb2, "HealthListRequest"):  # grpcio-health-checking before 1.85 has it not
            handlers[f"/{SERVICE}/List"] = grpc.unary_unary_rpc_method_handler(
                self._list,
                health_pb2.HealthListRequest.FromString,
                health_pb2.HealthListResponse.SerializeToString,
            )
        return handlers

    async def _check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        serving = self.serving(request.service)
        if serving is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no service {request.service!r}.")
        return health_pb2.HealthCheckResponse(status=_SERVING if serving else _NOT_SERVING)

    async def _watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        woken = asyncio.Event()
        self._watchers.add(woken)
        last = None
        try:
            while True:
                woken.clear()
                # Taken before the write, during which it may begin: then the next round still tells NOT_SERVING.
                draining = self._draining
                serving = self.serving(request.service)
                status = _SERVICE_UNKNOWN if serving is None else _SERVING if serving else _NOT_SERVING
                if status != last:
                    last = status
                    yield health_pb2.HealthCheckResponse(status=status)
                if draining:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
                await woken.wait()
        finally:
            self._watchers.discard(woken)

    async def _list(
        self, _: health_pb2.HealthListRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthListResponse:
        names = self.names()
        if len(names) > _LIST_LIMIT:
            text = f"There are {len(names)} services; no more than {_LIST_LIMIT} can be listed. Check them one by one."
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        return health_pb2.HealthListResponse(
            statuses={
                name: health_pb2.HealthCheckResponse(status=_SERVING if self.serving(name) else _NOT_SERVING)
                for name in names
            }
        )
