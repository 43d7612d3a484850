"""A second gRPC server, on plain HTTP/2: small and slower than ``grpc.aio``, but able to break a call in any way.

It carries out the same steps of the same engine, and also those that ``grpc.aio`` can't put on the wire: a message cut
short, a stream that is reset, an end without a status.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from grpcmock.concurrency.pausing import pause
from grpcmock.engine.steps import (
    HALF_CLOSE,
    Finish,
    Forward,
    GoAway,
    Headers,
    Invoke,
    Message,
    Open,
    Receive,
    Reset,
    Resume,
    Send,
    Truncate,
    Wait,
)
from grpcmock.protocols.interface import WireError
from grpcmock.servers import services
from grpcmock.servers.addresses import listening_sockets
from grpcmock.servers.h2.connection import Connection
from grpcmock.servers.h2.foreign import Telling
from grpcmock.servers.invocation import Invocation, Reading
from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.engine import Engine
    from grpcmock.engine.exchange import Exchange
    from grpcmock.engine.steps import Event
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.h2.stream import Stream

_LOG = logging.getLogger(__name__)
_PATIENCE = 1.0
"""Seconds that clients have to read what is left, once their calls are cancelled."""


class H2Server:
    """A gRPC server over plain HTTP/2 that answers from an engine. Made, started and stopped within one event loop.

    Over TCP it takes HTTP/2 with prior knowledge, as gRPC clients speak it; with a TLS context, ``h2`` by ALPN.
    *services* holds handlers for ``grpc.aio`` of what the server offers besides (reflection, health, admin), by path. A
    stub for one of their methods goes before them. *max_message_size* is in bytes, -1 for no limit. *warn* is told
    once of each other protocol that clients speak.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        max_message_size: int = 4 << 20,
        services: Mapping[str, grpc.RpcMethodHandler[Any, Any]] | None = None,
        warn: Callable[[str], None] = _LOG.warning,
    ) -> None:
        self.engine = engine
        self.addresses: list[Address] = []
        """Where the server listens, with the ports that were taken."""

        self._limit = max_message_size
        self._services = services or {}
        self._foreign = Telling(warn)
        self._sockets: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()
        self._idle = asyncio.Event()
        self._stopped = asyncio.Event()

    def listen(self, address: Address, tls: ssl.SSLContext | None = None) -> Address:
        """Listen on *address* too, and give it with the port that was taken.

        Raises :class:`ConfigError` if the address can't be had.
        """
        bound, sockets = listening_sockets(address)
        self._sockets += [(made, tls) for made in sockets]
        self.addresses.append(bound)
        return bound

    async def start(self) -> None:
        """Begin to answer."""
        loop = asyncio.get_running_loop()
        for made, tls in self._sockets:
            is_unix = made.family == getattr(socket, "AF_UNIX", None)
            create = loop.create_unix_server if is_unix else loop.create_server
            self._servers.append(await create(self._connection, sock=made, ssl=tls))

    def _connection(self) -> Connection:
        return Connection(self._answer, self._limit, self._made, self._lost, self._foreign)

    def _made(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._idle.clear()

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._idle.set()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then cancel what is left."""
        for server in self._servers:
            server.close()
        for made, _ in self._sockets:
            made.close()
        for act, patience in (
            (Connection.drain, grace or 0),
            (Connection.abort, _PATIENCE),
            (Connection.kill, _PATIENCE),
        ):
            for connection in list(self._connections):
                act(connection)
            if self._connections:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._idle.wait(), patience)
        self._remove_sockets()
        self._stopped.set()

    def _remove_sockets(self) -> None:
        for address in self.addresses:
            if address.scheme == "unix":
                Path(address.host).unlink(missing_ok=True)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._stopped.wait()

    # A call ---------------------------------------------------------------------------------------

    async def _answer(self, stream: Stream) -> None:
        try:
            service = self._services.get(stream.path)
            if service is not None and not self.engine.store.tables.get(stream.path):
                async with asyncio.timeout(stream.deadline):
                    await services.serve(service, stream)
            else:
                await self._play(stream)
        except TimeoutError:
            await stream.finish(Code.DEADLINE_EXCEEDED, "The deadline has passed.")
        except WireError as error:
            await stream.finish(error.code, error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
            _LOG.error("%s failed", stream.path, exc_info=error)
            await stream.finish(Code.UNKNOWN, f"Unexpected {type(error).__name__}: {error}")

    async def _play(self, stream: Stream) -> None:
        async def read() -> Event:
            request = await stream.read()
            return HALF_CLOSE if request is None else Message(request)

        exchange = self.engine.open(Open(stream.path, stream.metadata, stream.deadline, stream.peer))
        handlers = _Handlers(Reading(read))
        try:
            # The exchange counts from its opening: when this runs out, it too finds that the deadline has passed.
            async with asyncio.timeout(stream.deadline):
                await _carry_out(exchange, stream, handlers)
        finally:
            # On the normal way out the exchange has ended already, and this does nothing.
            exchange.cancel()
            handlers.end()


class _Handlers:
    """What a call reads, and the function of the user that answers it, if one does."""

    __slots__ = ("_invocation", "reading")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._invocation: Invocation | None = None

    async def go_on(self, step: Invoke | Resume) -> Event:
        """Begin the function, or answer it, and return what it asks next."""
        if isinstance(step, Invoke):
            self._invocation = Invocation(step)
            return await self._invocation.next()
        assert self._invocation is not None
        return await self._invocation.next(step.message)

    def end(self) -> None:
        self.reading.end()
        if self._invocation is not None:
            self._invocation.end()


async def _carry_out(exchange: Exchange, stream: Stream, handlers: _Handlers) -> None:  # noqa: C901 - a case a step
    """Do what the exchange says, until its last step."""
    step = exchange.resume()
    while True:
        event: Event | None = None
        match step:
            case Send():
                await stream.write(step.data)
                for data in exchange.buffered_messages():
                    await stream.write(data)
            case Receive():
                event = await handlers.reading.next(step.until)
            case Invoke() | Resume():
                event = await handlers.go_on(step)
            case Wait():
                await pause(step.seconds)
            case Headers():
                stream.send_headers(step.metadata)
            case Finish(drop=True):
                await stream.drop()
                return
            case Finish():
                await stream.finish(step.code, step.message, step.trailers, step.wire_status)
                return
            case Truncate():
                await stream.truncate(step.data)
                return
            case Reset(connection=True):
                stream.close_connection()
                return
            case Reset():
                stream.reset(step.error)
                return
            case GoAway():
                stream.go_away()
            case Forward():  # not among H2_STEPS: forwarders are refused at set-up
                raise NotImplementedError(step)
            case _:
                assert_never(step)
        step = exchange.resume(event)
