"""A mock server that runs elsewhere: what a mock in this process has in its place is a thread and an engine."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcmock.client.http import probe
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.errors import ConfigError, GrpcmockError, TargetError
from grpcmock.mock.channels import Channels
from grpcmock.mock.remote.journal import RemoteJournal
from grpcmock.mock.remote.link import NOT_STARTED
from grpcmock.mock.remote.steering import RemoteClock, RemoteFaults
from grpcmock.mock.remote.store import RemoteStore
from grpcmock.responses.faults import WIRE_FAULTS
from grpcmock.schema import Registry
from grpcmock.status import SESSION_KEY

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.mock.remote.link import Link
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub

T = TypeVar("T")


class RemoteEngine(Engine):
    """Compiles stubs here, and has them added there. Its store and its journal are those of a session there."""

    def __init__(self, registry: Registry | None, link: Link) -> None:
        """Without a *registry*, one has to be included before anything else."""
        self._is_described = registry is not None
        registry = registry if registry is not None else Registry(FileDescriptorSet())
        self.calls = RemoteJournal(link, lambda: self.registry, lambda: self.store)
        super().__init__(
            registry, options=EngineOptions(faults=WIRE_FAULTS), journal=self.calls, lock=threading.RLock()
        )
        self.environment.store = RemoteStore(registry.methods.values(), link)
        self.environment.faults = RemoteFaults(self.environment, link)
        self.environment.clock = RemoteClock(self.options.wall_clock, link)
        self._link = link

    @property
    def registry(self) -> Registry:
        if not self._is_described:
            raise ConfigError(NOT_STARTED)
        return self.environment.registry

    def describe(self) -> None:
        """Ask the server for its protos, unless they were given."""
        if not self._is_described:
            self.include(self._link.registry())

    def include(self, registry: Registry) -> None:
        """Serve the methods of *registry*, too, here and there."""
        self._link.serve(registry)
        self._is_described = True
        super().include(registry)


class RemoteRunning:
    """A session of a mock server elsewhere, held from any thread."""

    def __init__(self, target: Target, link: Link, registry: Registry | None, stubs: Sequence[Stub]) -> None:
        """*stubs* are added when it is started; without a *registry*, the server's reflection is asked for it then."""
        self.session = link.session
        self.metadata: Metadata = ((SESSION_KEY, link.session),) if link.session else ()
        """What clients send to be in the session."""
        self.engine = RemoteEngine(registry, link)
        self.channels = Channels(target.tls.credentials() if target.tls is not None else None, self.metadata)
        self._link = link
        self._target = target
        self._stubs = stubs

    @property
    def is_running(self) -> bool:
        return self._link.is_open

    @property
    def target(self) -> str:
        return self._target.address

    @cached_property
    def http_url(self) -> str:
        """Where the server speaks HTTP, as far as that is the port for gRPC."""
        if not self._link.is_open:
            raise ConfigError(NOT_STARTED)
        return probe.http_url(self._target)

    @property
    def admin_url(self) -> str:
        """The same: the admin service is asked at the port for gRPC, so it is on that for HTTP, too."""
        return self.http_url

    def start(self) -> None:
        """Connect, and begin the session. Raises :class:`TargetError` if there is no server, or no admin service."""
        if self._link.is_open:
            raise ConfigError(f"The mock server at {self.target} is in use already.")
        self._link.open()
        try:
            self.engine.describe()
            self.engine.add(self._stubs)
        except BaseException:
            self._link.close()
            raise

    def stop(self, _: float | None) -> None:
        """Close the channels, end the session, disconnect."""
        if not self._link.is_open:
            return
        self.channels.close()
        with suppress(TargetError):
            self.engine.calls.keep()
            self.engine.clock.give_back()
        self._link.close()

    def call(self, function: Callable[[], T]) -> T:
        """Do something that takes several requests, with no other thread in between."""
        __tracebackhide__ = True
        try:
            with self.engine.lock:
                return function()
        except GrpcmockError as error:
            raise error.with_traceback(None) from None

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough* holds, looking whenever something happens in a call; False after *timeout* seconds."""
        until = time.monotonic() + timeout
        happened = threading.Event()
        watching = self._link.watch(happened)
        try:
            while True:
                happened.clear()
                if enough():
                    return True
                if watching.done():
                    watching.result()
                if not happened.wait(max(until - time.monotonic(), 0)):
                    return False
        finally:
            watching.cancel()

    async def wait_async(self, enough: Callable[[], bool], timeout: float) -> bool:  # noqa: ASYNC109
        """As :meth:`wait`, without holding up the loop of the caller."""
        return await asyncio.to_thread(self.wait, enough, timeout)
