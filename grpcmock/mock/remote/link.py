"""The way to a mock server elsewhere: its admin service, asked from any thread, for one session."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from grpcmock.client.admin import AdminClient
from grpcmock.client.channel import connect
from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.errors import ConfigError, TargetError
from grpcmock.schema import Registry, reflection

if TYPE_CHECKING:
    from concurrent.futures import Future

    import grpc.aio

    from grpcmock.client.target import Target

NOT_STARTED = "The remote mock server was not started: say start(), or use it in a with statement."


class Link:
    """A connection to a mock server and its admin service.

    All requests are about one session. Everything raises :class:`TargetError` if the server can't be asked.
    """

    def __init__(self, target: Target, session: str) -> None:
        self.session = session
        self._target = target
        self._thread: LoopThread | None = None
        self._open = AsyncExitStack()
        self._channel: grpc.aio.Channel | None = None
        self._admin: AdminClient | None = None
        self._services: frozenset[str] = frozenset()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._thread is not None

    def open(self) -> None:
        """Connect. Raises :class:`TargetError` if nothing answers there, or there is no admin service."""
        thread = LoopThread("grpcmock-remote")
        try:
            self._services = frozenset(thread.run(self._connect()).services)
        except BaseException:
            thread.run(self._open.aclose())
            thread.close()
            raise
        self._thread = thread

    async def _connect(self) -> Any:
        self._channel = await self._open.enter_async_context(connect(self._target))
        self._admin = AdminClient(self._channel, self._target)
        status = await self._admin.ask("GetStatus")
        if self.session:
            await self._admin.ask("GetState", session=self.session)  # it begins by that
            sessions = (await self._admin.ask("ListSessions")).sessions
            for own in sessions:
                if own.name == self.session:
                    idle = (own.expires.ToNanoseconds() - own.last_used.ToNanoseconds()) / 1e9
                    self._keeping = asyncio.create_task(self._keep(idle / 3))
        return status

    async def _keep(self, pause: float) -> None:
        """Use the session now and then: a test that stands still, as in a debugger, doesn't lose it."""
        assert self._admin is not None
        with suppress(TargetError):
            while True:
                await asyncio.sleep(pause)
                await self._admin.ask("GetState", session=self.session)

    def close(self) -> None:
        """End the session, and disconnect. Harmless when closed already."""
        thread = self._thread
        if thread is None:
            return
        try:
            if self.session:
                self.ask("EndSession", name=self.session)
        except TargetError:
            pass  # the server has ended before, and the session with it
        finally:
            self._thread = None
            thread.run(self._open.aclose())
            thread.close()  # which ends what keeps the session, too

    def registry(self) -> Registry:
        """Give what the server declares, by its reflection. Raises :class:`TargetError` if it has none."""

        assert self._channel is not None
        asked = reflection.fetch(self._channel, self._services, metadata=self._target.metadata)
        try:
            return self._running().run(asked)
        except TargetError as error:
            raise TargetError(f"{str(error).rstrip('.')}. With protos=…, it isn't needed.") from None

    def serve(self, registry: Registry) -> None:
        """Have the server declare what it doesn't yet."""
        if registry.services.keys() <= self._services:
            return
        self.ask("AddProtos", descriptor_set=registry.files.SerializeToString())
        self._services |= registry.services.keys()

    def ask(self, method: str, /, **fields: Any) -> Any:
        """Call a method of the admin service, and give its response."""
        __tracebackhide__ = True
        assert self._admin is not None
        try:
            return self._running().run(self._admin.ask(method, **fields))
        except TargetError as error:
            raise error.with_traceback(None) from None

    def of_session(self, method: str, /, **fields: Any) -> Any:
        """The same, about the session."""
        __tracebackhide__ = True
        return self.ask(method, session=self.session, **fields)

    def watch(self, happened: threading.Event) -> Future[None]:
        """Set *happened* whenever something happens in a call of the session, until what this gives is cancelled."""
        begun = threading.Event()

        async def watch() -> None:
            assert self._admin is not None
            try:
                told = await self._admin.open("WatchCalls", session=self.session, brief=True, under_way=True)
                begun.set()
                try:
                    async for _ in told:
                        happened.set()
                finally:
                    told.cancel()
            finally:
                begun.set()
                happened.set()

        watching = self._running().submit(watch())
        begun.wait()
        return watching

    def _running(self) -> LoopThread:
        if self._thread is None:
            raise ConfigError(NOT_STARTED)
        return self._thread
