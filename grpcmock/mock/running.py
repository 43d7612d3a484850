"""The server behind a mock while it runs: a thread with an event loop, and the way of others to its engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import ConfigError, GrpcmockError
from grpcmock.mock.channels import Channels

if TYPE_CHECKING:
    import grpc.aio

    from grpcmock.engine.engine import Engine
    from grpcmock.servers.aio import AioServer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listening:
    """How the server of a mock listens."""

    address: str
    tls: tuple[Path | None, Path | None, Path | None]
    """Certificate, key, authorities of clients."""
    max_message_size: int
    interceptors: Sequence[grpc.aio.ServerInterceptor]


class Running:
    """An engine, and the server that answers from it, started and stopped from any thread."""

    def __init__(self, engine: Engine, listening: Listening) -> None:
        self.engine = engine
        self.channels = Channels()
        self._listening = listening
        self._lock = threading.RLock()
        self._thread: LoopThread | None = None
        self._server: AioServer | None = None
        self._target = ""

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    @property
    def target(self) -> str:
        if not self._target:
            raise ConfigError("The mock server was not started: say start(), or use it in a with statement.")
        return self._target

    def start(self) -> None:
        """Begin to listen and to answer."""
        with self._lock:
            if self._thread is not None:
                raise ConfigError(f"The mock server is running already, on {self._target}.")
            thread = LoopThread("grpcmock-mock")
            try:
                self._server = thread.run(self._serve())
            except BaseException:
                thread.close()
                raise
            self._thread = thread

    async def _serve(self) -> AioServer:
        from grpcmock.schema.modules import registry_of
        from grpcmock.servers.addresses import Address
        from grpcmock.servers.aio import AioServer, ServerOptions
        from grpcmock.servers.credentials import TlsFiles, server_credentials
        from grpcmock.servers.health import Health
        from grpcmock.servers.reflection import Reflection

        engine, listening = self.engine, self._listening
        credentials = None
        if (files := TlsFiles.given(*listening.tls)) is not None:
            import grpc

            credentials = server_credentials(files)
            self.channels = Channels(grpc.ssl_channel_credentials(files.cert.read_bytes()))
        health = Health(lambda: engine.registry.services)
        reflection = Reflection(lambda: engine.registry, [registry_of(Health.DESCRIPTOR)])
        options = ServerOptions(max_message_size=listening.max_message_size, interceptors=listening.interceptors)
        server = AioServer(engine, options, services={**health.handlers(), **reflection.handlers()})
        self._target = str(server.listen(Address.parse(listening.address), credentials))
        await server.start()
        return server

    def stop(self, grace: float | None) -> None:
        """Close the channels, stop listening, end what is under way."""
        with self._lock:
            thread, server = self._thread, self._server
            if thread is None or server is None:
                return
            self.channels.close()
            thread.run(server.stop(grace))
            thread.close()
            self._thread = self._server = None

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
        """Wait until *enough* holds, looking again whenever a call ends; False after *timeout* seconds."""
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
        ended = asyncio.Event()
        unsubscribe = self.engine.journal.subscribe(lambda _: ended.set())
        try:
            async with asyncio.timeout(timeout):
                while not enough():
                    ended.clear()
                    await ended.wait()
        except TimeoutError:
            return False
        finally:
            unsubscribe()
        return True
