"""The server on the native transport: threads of Rust hold the sockets, one event loop holds the engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpcmock_native

from grpcmock.engine.steps import Open
from grpcmock.engine.tally import DURATION_BOUNDS
from grpcmock.errors import ConfigError
from grpcmock.protocols.heads import REQUEST
from grpcmock.protocols.http import RequestHead, Response
from grpcmock.servers.addresses import check_free
from grpcmock.servers.credentials import TlsFiles, server_credentials
from grpcmock.servers.http_call import HttpCall, answer_call
from grpcmock.servers.native.call import NativeCall
from grpcmock.servers.native.exchange import NativeExchange
from grpcmock.servers.native.known import KnownAnswers
from grpcmock.servers.native.memory import SpareMemory
from grpcmock.servers.native.options import NativeOptions
from grpcmock.status import Code

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.engine import Engine
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.http_call import Face

_LOG = logging.getLogger(__name__)

_ROUNDS = 8
"""How often what waits is taken before others in the event loop have their turn."""

_PATIENCE = 1.0
"""Seconds that clients have to read what is left, once their calls are cancelled."""


_REFUSED = {
    "TLS": "TLS came; this port takes plaintext. Serve with --tls-cert and --tls-key, or have the client do without.",
    "plaintext": "plaintext came; this port takes TLS. Have the client speak TLS, or serve without --tls-cert.",
    "HTTP": "what came is no HTTP that can be read.",
}
"""What is wrong with clients that are refused before they make a request."""


class NativeServer:
    """Speaks gRPC, gRPC-Web, Connect and JSON, over HTTP/1.1 and HTTP/2, on every port. It answers from an engine, and
    is made, started and stopped within one event loop.

    *services* holds handlers for ``grpc.aio`` of what the server offers besides (reflection, health, admin), by path. A
    stub for one of their methods goes before them. *face* makes what opens all requests but those in gRPC, once there
    is one. *warn* is told of clients that are refused before they make a call.
    """

    def __init__(
        self,
        engine: Engine,
        options: NativeOptions | None = None,
        *,
        services: Mapping[str, grpc.RpcMethodHandler[Any, Any]] | None = None,
        face: Callable[[], Face] | None = None,
        warn: Callable[[str], None] = _LOG.warning,
    ) -> None:
        self.engine = engine
        self.addresses: list[Address] = []
        """Where the server listens, with the ports that were taken."""

        options = options or NativeOptions()
        self._native = grpcmock_native.Server(
            threads=options.threads or os.cpu_count() or 1,
            max_message_size=options.max_message_size if options.max_message_size >= 0 else None,
            compression="identity" if options.compression == "none" else options.compression,
            keepalive=options.keepalive,
            max_age=options.max_connection_age,
            known_bytes=options.known_bytes,
            ring_calls=engine.journal.max_calls,
            ring_bytes=engine.journal.max_bytes,
            idle=options.idle,
            half_closed=options.half_closed,
            reserved=REQUEST,
            duration_bounds=DURATION_BOUNDS if engine.journal.tally is not None else (),
        )
        self._known = KnownAnswers(engine, self._native, self._stop_playing)
        self._services = services or {}
        self._face = cache(face or partial(_plain_face, engine, options))
        self._warn = warn
        self._told: set[str] = set()
        self._calls: dict[int, NativeCall | NativeExchange] = {}
        self._socket: socket.socket | None = None
        """Becomes readable when something waits to be taken."""
        self._waking: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._memory = SpareMemory()
        self._is_stopping = False
        self._stopped = asyncio.Event()

    def listen(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Listen on *address* too, and return it with the port that was taken.

        Raises :class:`ConfigError` if the address can't be had, or the files of *tls* can't be used.
        """
        check_free(address)
        files = None
        if tls is not None:
            server_credentials(tls)  # for its checks
            authorities = tls.client_ca.read_bytes() if tls.client_ca is not None else None
            files = tls.cert.read_bytes(), tls.key.read_bytes(), authorities
        scheme, host = address.scheme, address.host
        if scheme == "unix-abstract":
            scheme, host = "unix", f"\0{host}"
        try:
            port = self._native.listen(scheme, host, address.port, files)
        except OSError as error:
            raise ConfigError(f"{address.option}: can't listen on {address}: {error.strerror or error}.") from None
        except ValueError as error:
            raise ConfigError(f"--tls-cert: the transport native can't use these files: {error}.") from None
        bound = address.with_port(port)
        self.addresses.append(bound)
        return bound

    async def start(self) -> None:
        """Begin to answer."""
        self.engine.front = self._known
        loop = asyncio.get_running_loop()
        waker = self._socket = socket.socket(fileno=self._native.wake_socket())
        try:
            loop.add_reader(waker, self._wake, waker)
        except NotImplementedError:  # the loop of Windows
            self._waking = loop.create_task(self._wake_always(waker))
        self._native.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then cancel what is left.

        Called once more, it may give them less.
        """
        if self._is_stopping:
            await self._cancel_after(grace)
            await self._stopped.wait()
            return
        self._is_stopping = True
        self._native.drain()
        await self._cancel_after(grace)
        await self._be_idle(_PATIENCE)
        self._native.kill()
        await self._be_idle(_PATIENCE)
        if self._waking is not None:
            self._waking.cancel()
        if self._socket is not None:
            if self._waking is None:
                asyncio.get_running_loop().remove_reader(self._socket)
            self.engine.front = None
            self._socket.close()
        self._native.close()
        self._memory.close()
        self._remove_sockets()
        self._stopped.set()

    async def _cancel_after(self, grace: float | None) -> None:
        await self._be_idle(grace or 0)
        for call in list(self._calls.values()):
            call.abort()

    def _remove_sockets(self) -> None:
        for address in self.addresses:
            if address.scheme == "unix":
                Path(address.host).unlink(missing_ok=True)

    async def _be_idle(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._native.connections():
                    self._idle.clear()
                    await self._idle.wait()

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._stopped.wait()

    # What the threads tell ------------------------------------------------------------------------

    async def _wake_always(self, waker: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await loop.sock_recv(waker, 4096)
            self._take_all()

    def _stop_playing(self) -> None:
        for call in list(self._calls.values()):
            if isinstance(call, NativeCall):
                call.stop_playing()

    def _wake(self, waker: socket.socket) -> None:
        try:  # noqa: SIM105 - for each call
            waker.recv(16)
        except BlockingIOError:
            pass
        self._take_all()

    def _take_all(self) -> None:
        """Take what waits until nothing does: only then the transport sends a byte again for what comes."""
        is_done = False
        try:
            for _ in range(_ROUNDS):
                if not (events := self._native.take()):
                    is_done = True
                    return
                self._take(events)
        finally:
            if not is_done:  # also if something fails
                asyncio.get_running_loop().call_soon(self._take_all)

    def _take(self, events: list[tuple[Any, ...]]) -> None:
        calls, services, answer = self._calls, self._services, self._known.answer
        for event in events:
            kind = event[0]
            if kind == 10:
                _, whole, path, metadata, deadline, peer, request = event
                try:
                    is_answered = path not in services and answer(whole, path, metadata, deadline, peer, request)
                except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
                    _LOG.error("%s failed", path, exc_info=error)
                    whole.say((), (), Code.UNKNOWN, f"Unexpected {type(error).__name__}: {error}", ())
                    continue
                if not is_answered:
                    self._open(whole.begin(), path, metadata, deadline, peer, [request], half_closed=True)
            elif (call := calls.get(event[1])) is not None:
                if kind == 1:
                    call.message(event[2])
                else:
                    _tell(call, kind, *event[2:])
            else:
                self._begin(*event)

    def _begin(self, kind: int, number: int, *rest: Any) -> None:
        """Take what isn't about a call or request that is under way."""
        if kind == 0:
            self._gathered(*rest)
        elif kind == 6:
            self._refused(*rest)
        elif kind == 7:
            self._idle.set()
        elif kind == 8:
            self._exchange(number, *rest)
        elif kind == 11:
            self._memory.give_back()

    def _refused(self, protocol: str, peer: str) -> None:
        # Once for each: a client that is wrong is so each time.
        if protocol not in self._told:
            self._told.add(protocol)
            self._warn(f"A client was refused ({peer}): {_REFUSED[protocol]}")

    def _gathered(
        self,
        wire: grpcmock_native.Call,
        path: str,
        metadata: Any,
        deadline: float | None,
        peer: str,
        messages: list[bytes],
        half_closed: bool,
    ) -> None:
        """Take a call whose request comes, or has come, in pieces."""
        if path not in self._services:
            self._known.gather(path)
        if (
            path in self._services
            or not half_closed
            or len(messages) != 1
            or not self._known.answer(wire, path, metadata, deadline, peer, messages[0])
        ):
            self._open(wire, path, metadata, deadline, peer, messages, half_closed=half_closed)

    def _open(
        self,
        wire: grpcmock_native.Call,
        path: str,
        metadata: Any,
        deadline: float | None,
        peer: str,
        messages: list[bytes],
        *,
        half_closed: bool,
    ) -> None:
        """Answer a call the general way."""
        service = self._services.get(path)
        if service is not None and self.engine.store.tables.get(path):
            service = None
        number = wire.number
        opened = Open(path, metadata, deadline, peer)

        def ended() -> None:
            self._calls.pop(number, None)

        call = NativeCall(wire, opened, messages, half_closed=half_closed, ended=ended)
        self._calls[number] = call
        if service is not None:
            call.serve(service)
        else:
            call.play(self.engine)

    def _exchange(
        self,
        number: int,
        wire: grpcmock_native.Exchange,
        line: tuple[str, str, Any],
        headers: tuple[tuple[str, str], ...],
        varying: list[tuple[str, str]],
        peer: str,
        body: bytes,
        is_whole: bool,
    ) -> None:
        """Begin to answer a request that is no call in gRPC."""

        def ended() -> None:
            self._calls.pop(number, None)

        method, target, version = line
        head = RequestHead(
            method, target, (*headers, *varying), version, peer, takes_trailers=version == "2", can_go_away=True
        )
        exchange = NativeExchange(wire, body, is_whole=is_whole, ended=ended)
        face = self._face()
        try:
            opened = face.open(head)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told and the server lives on
            _LOG.error("%s failed", target, exc_info=error)
            text = f"Unexpected {type(error).__name__}: {error}\n".encode()
            wire.respond(500, (("content-type", "text/plain; charset=utf-8"),), text)
            return
        if isinstance(opened, Response):
            if opened.told:
                self._warn(opened.told)
            exchange.send(list(opened.parts))
            return
        call = HttpCall(opened, exchange)
        if is_whole and self._known.respond(exchange, head, call, body):
            return
        self._calls[number] = exchange
        exchange.begin(answer_call(self.engine, call, services=self._services, warn=self._warn))


def _tell(call: Any, kind: int, *rest: Any) -> None:
    """Tell a call or a request what its client did, or what the transport did for it."""
    if kind == 2:
        call.half_close()
    elif kind == 3:
        call.break_off(*rest)
    elif kind == 4:
        call.cancel()
    elif kind == 5:
        call.drained()
    elif kind == 9:
        call.played()


def _plain_face(engine: Engine, options: NativeOptions) -> Face:
    from grpcmock.protocols.face import HttpFace
    from grpcmock.protocols.interface import FaceOptions

    return HttpFace(engine, FaceOptions(options.max_message_size, options.compression))
