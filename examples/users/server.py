"""The server around the user service: its port, its health, its reflection, and a quiet end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_reflection.v1alpha import reflection

from examples.users import protocol
from examples.users.service import UserService
from examples.users.store import Store, User

GRACE = 5.0
"""Seconds that calls under way get when the server is told to end."""

_T = TypeVar("_T")

_OPTIONS = (("grpc.so_reuseport", 0),)  # else a second server would silently take half of the first one's calls


class Server:
    """A user service on a port. *service* may be another class, for a server that should be wrong on purpose."""

    def __init__(
        self,
        db: str | Path = ":memory:",
        *,
        page_size: int = 10,
        users: tuple[User, ...] = (),
        service: type[UserService] = UserService,
    ) -> None:
        self._db = db
        self._page_size = page_size
        self._users = users
        self._service = service
        self._executor = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._health = health.aio.HealthServicer()
        self.address = ""
        """Where it listens, once it does."""

    async def start(self, listen: str = "127.0.0.1:0") -> None:
        """Open the database, and listen. Raises :class:`sqlite3.Error`; :class:`OSError` if the port can't be had."""
        try:
            self._store = store = await self._in_thread(lambda: Store(self._db))
            await self._in_thread(lambda: store.put(self._users))
            await self._listen(store, listen)
        except BaseException:
            await self._close()
            raise

    async def _listen(self, store: Store, listen: str) -> None:
        self._server = server = grpc.aio.server(options=_OPTIONS)
        service = self._service(store, self._executor, page_size=self._page_size)
        handlers = grpc.method_handlers_generic_handler(protocol.SERVICE, protocol.handlers(service))
        server.add_generic_rpc_handlers((handlers,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (protocol.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server, protocol.POOL)
        try:
            port = server.add_insecure_port(listen)
        except RuntimeError:
            raise OSError(f"can't listen on {listen}: is the address right, and the port free?") from None
        for name in ("", protocol.SERVICE):
            await self._health.set(name, HealthCheckResponse.SERVING)
        await server.start()
        self.address = listen if listen.startswith("unix") else f"{listen.rpartition(':')[0]}:{port}"

    async def stop(self, grace: float = GRACE) -> None:
        """Say by health that it ends, take no more calls, let those under way end, and close the database."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        await self._close()

    async def _close(self) -> None:
        if self._store is not None:
            await self._in_thread(self._store.close)
        self._executor.shutdown()

    def _in_thread(self, function: Callable[[], _T]) -> Awaitable[_T]:
        """Call a function in the one thread that owns the database."""
        return asyncio.get_running_loop().run_in_executor(self._executor, function)
