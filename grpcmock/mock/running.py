"""The server behind a mock while it runs: a thread with an event loop, and the way of others to its engine."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import ConfigError, GrpcmockError
from grpcmock.mock.channels import Channels
from grpcmock.mock.loops import ANOTHER_LOOP

if TYPE_CHECKING:
    import grpc
    import grpc.aio

    from grpcmock.engine.engine import Engine
    from grpcmock.schema import Registry
    from grpcmock.servers.admin.listening import AdminListeners
    from grpcmock.servers.admin.service import Admin
    from grpcmock.servers.http_call import Face, Services
    from grpcmock.servers.listeners import Listeners
    from grpcmock.servers.transports import Transport
    from grpcmock.status import Metadata

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_MOMENT = 0.05
"""Seconds that calls under way have to end when the mock stops, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How the server of a mock listens."""

    address: str
    tls: tuple[Path | None, Path | None, Path | None]
    """Certificate, key, authorities of clients."""
    max_message_size: int
    interceptors: Sequence[grpc.aio.ServerInterceptor]
    transport: Transport = "aio"
    """What speaks gRPC, and on native all else."""
    http: str | None = None
    """Where gRPC-Web, Connect and JSON are spoken on a port of their own; None if there is none."""
    origins: tuple[str, ...] | None = None
    """The origins whose pages may call."""
    admin: bool | str = False
    """Whether there is an admin service; its address, if it has one of its own."""
    admin_token: str | None = None


class Running:
    """An engine, and the server that answers from it, started and stopped from any thread."""

    session = ""
    metadata: Metadata = ()
    """What clients have to send to be answered by it: nothing, since it isn't shared."""

    def __init__(self, engine: Engine, listening: Listening) -> None:
        self.engine = engine
        self.channels = Channels()
        self._listening = listening
        self._lock = threading.RLock()
        self._thread: LoopThread | None = None
        self._listeners: Listeners | None = None
        self._admin: Admin | None = None
        self._admin_listeners: AdminListeners | None = None
        self._target = self._http_url = self._admin_url = ""

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    @property
    def target(self) -> str:
        if not self._target:
            raise ConfigError("The mock server was not started: say start(), or use it in a with statement.")
        return self._target

    @property
    def http_url(self) -> str:
        if self._listening.http is None and self._listening.transport != "native":
            raise ConfigError("The mock server speaks gRPC alone: make it with http='127.0.0.1:0'.")
        if not self._http_url:
            raise ConfigError("The mock server was not started: say start(), or use it in a with statement.")
        return self._http_url

    @property
    def admin_url(self) -> str:
        if not self._listening.admin:
            raise ConfigError("The mock server has no admin service: make it with admin='127.0.0.1:0'.")
        return self._admin_url or self.http_url

    def start(self) -> None:
        """Begin to listen and to answer."""
        with self._lock:
            if self._thread is not None:
                raise ConfigError(f"The mock server is running already, on {self._target}.")
            thread = LoopThread("grpcmock-mock")
            thread.guard(ANOTHER_LOOP)
            try:
                self._listeners = thread.run(self._serve())
            except BaseException:
                thread.close()
                raise
            self._thread = thread

    async def _serve(self) -> Listeners:
        from grpcmock.servers.addresses import Address
        from grpcmock.servers.aio import ServerOptions
        from grpcmock.servers.credentials import TlsFiles
        from grpcmock.servers.listeners import Listeners

        listening = self._listening
        options = ServerOptions(max_message_size=listening.max_message_size, interceptors=listening.interceptors)
        services, own = self._services()
        listeners = Listeners(
            listening.transport,
            self.engine,
            options,
            partial(self._face, own),
            services=services,
            warn=_LOG.warning,
            has_http=listening.http is not None,
        )
        files = TlsFiles.given(*listening.tls)
        bound = listeners.listen(Address.parse(listening.address), files)
        http = bound
        if listening.http is not None:
            http = listeners.listen_http(Address.parse(listening.http, "http"), files)
        if files is not None:
            import grpc

            self.channels = Channels(grpc.ssl_channel_credentials(files.cert.read_bytes()))
        self._target = str(bound)
        scheme = "http" if files is None else "https"
        if self._admin is not None and isinstance(listening.admin, str):
            from grpcmock.servers.admin.listening import AdminListeners

            apart = self._admin_listeners = AdminListeners(self._admin, listening.transport, warn=_LOG.warning)
            self._admin_url = f"{scheme}://{apart.listen(Address.parse(listening.admin, 'admin'), files)}"
            await apart.start()
        await listeners.start()
        self._http_url = f"{scheme}://{http}"
        return listeners

    def _face(self, own: Sequence[Registry]) -> Face:
        """Make what opens requests in other protocols than gRPC."""
        from grpcmock.protocols.face import HttpFace
        from grpcmock.protocols.interface import FaceOptions

        options = FaceOptions(self._listening.max_message_size, origins=self._listening.origins)
        face = HttpFace(self.engine, options, others=own)
        if self._admin is not None and not self._admin.options.apart:
            face.beside = self._admin.face.open_beside
            face.near_beside = self._admin.face.nearest
        return face

    def _services(self) -> tuple[Services, Sequence[Registry]]:
        """Give the handlers of what is offered besides, and the registries that declare it."""
        from grpcmock.schema.modules import registry_of
        from grpcmock.servers.health import Health
        from grpcmock.servers.reflection import Reflection

        health = Health(lambda: self.engine.registry.services)
        own, services = [registry_of(Health.DESCRIPTOR)], dict(health.handlers())
        if self._listening.admin:
            from grpcmock.servers.admin.options import AdminOptions
            from grpcmock.servers.admin.service import Admin

            options = AdminOptions(self._listening.admin_token, apart=isinstance(self._listening.admin, str))
            self._admin = Admin(self.engine, health, options)
            if not options.apart:
                services.update(self._admin.handlers())
                own.append(self._admin.registry)
        reflection = Reflection(lambda: self.engine.registry, own)
        self.engine.environment.beside = [method for one in reflection.own for method in one.methods.values()]
        return {**services, **reflection.handlers()}, reflection.own

    def stop(self, grace: float | None) -> None:
        """Close the channels, stop listening, end what is under way."""
        with self._lock:
            thread, listeners = self._thread, self._listeners
            if thread is None or listeners is None:
                return
            self.channels.close()
            # Even a moment lets the server say farewell in peace; without, clients log that it went in the midst of it.
            thread.run(self._end(listeners, _MOMENT if grace is None else grace))
            thread.close()
            self._thread = self._listeners = self._admin = self._admin_listeners = None

    async def _end(self, listeners: Listeners, grace: float) -> None:
        if self._admin is not None:
            self._admin.drain()
        if self._admin_listeners is not None:
            await self._admin_listeners.stop(grace)
        await listeners.stop(grace)

    def call(self, function: Callable[[], T]) -> T:
        """Touch the engine, in between two steps of the calls under way."""
        __tracebackhide__ = True
        try:
            # Not in the loop of the server: the way there and back would take longer than most of what is done.
            with self.engine.lock:
                return function()
        except GrpcmockError as error:
            raise error.with_traceback(None) from None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop of the server, which must be running."""
        return self._running().run(coroutine)

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough* holds, looking whenever something happens in a call; False after *timeout* seconds."""
        thread = self._running()
        if thread.is_current:
            raise ConfigError("An async handler of the mock can't block: await await_called instead.")
        return thread.run(self._until(enough, timeout))

    async def wait_async(self, enough: Callable[[], bool], timeout: float) -> bool:  # noqa: ASYNC109
        """As :meth:`wait`, without holding up the loop of the caller."""
        return await asyncio.wrap_future(self._running().submit(self._until(enough, timeout)))

    def _running(self) -> LoopThread:
        if self._thread is None:
            raise ConfigError("The mock server isn't running, so that no call will come.")
        return self._thread

    async def _until(self, enough: Callable[[], bool], timeout: float) -> bool:  # noqa: ASYNC109
        happened = asyncio.Event()
        unfollow = self.engine.journal.follow(lambda _: happened.set())
        try:
            async with asyncio.timeout(timeout):
                while not enough():
                    happened.clear()
                    await happened.wait()
        except TimeoutError:
            return False
        finally:
            unfollow()
        return True
