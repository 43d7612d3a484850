"""The HTTP/1.1 server: uvicorn's protocol on sockets of our own, so that it lives in the loop of the mock server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import MissingExtraError
from grpcmock.servers.addresses import listening_sockets
from grpcmock.servers.asgi.app import CONNECTION, HttpApplication
from grpcmock.servers.http_call import HALF_CLOSED

try:
    import h11
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState
except ImportError:
    raise MissingExtraError("The HTTP port", "http") from None

if TYPE_CHECKING:
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.http_call import Face, Services

_IDLE = 60
"""Seconds that a connection is kept without a request."""

_MAX_HEAD = 64 << 10
"""Bytes of the largest head of a request."""

_PATIENCE = 1.0
"""Seconds that connections have to close, once their calls are cancelled."""

_FOREIGN = {
    b"PRI * HTTP/2": "HTTP/2 came, as gRPC clients speak it; this port takes HTTP/1.1. gRPC has a port of its own.",
    b"\x16\x03": "TLS came; this port takes plaintext. Serve with --tls-cert and --tls-key.",
}
"""What connections begin with that are of another protocol."""

_LOG = logging.getLogger("grpcmock.uvicorn")
"""What uvicorn has to say, of which the warnings are said in our own words."""

_LOG.setLevel(logging.ERROR)


class HttpServer:
    """Speaks gRPC-Web, Connect and JSON over HTTP/1.1. Made, started and stopped within one event loop.

    *warn* is told of clients that are refused before they make a call.
    """

    def __init__(self, face: Face, *, services: Services, warn: Callable[[str], None]) -> None:
        self.addresses: list[Address] = []
        """Where the server listens, with the ports that were taken."""

        self._warn = warn
        self._application = HttpApplication(face, services=services, warn=warn)
        self._config = Config(
            self._application,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_IDLE,
            h11_max_incomplete_event_size=_MAX_HEAD,
        )
        self._config.load()
        self._state = ServerState()
        self._sockets: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[asyncio.Server] = []

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

    def _connection(self) -> _Connection:
        return _Connection(self._config, self._state, {}, warn=self._warn)

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then break off what is left."""
        for server in self._servers:
            server.close()
        for made, _ in self._sockets:
            made.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await self._settle(grace or 0)
        self._application.cancel()
        await self._settle(_PATIENCE)
        for connection in list(self._state.connections):
            connection.transport.abort()
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        for address in self.addresses:
            if address.scheme == "unix":
                Path(address.host).unlink(missing_ok=True)

    async def _settle(self, patience: float) -> None:
        """Wait until all calls have ended, for so many seconds at most."""
        if self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks), timeout=patience)


class _Connection(H11Protocol):
    """A connection that can be broken off, and that says whom it refuses, and why."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], *, warn: Callable[[str], None]
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.logger = _LOG
        self.access_log = False
        self._warn = warn
        self._application = self.app
        self.app = self._extended
        self._has_begun = False
        self._has_half_closed = False
        self._sent = 0

    async def _extended(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(event: Any) -> None:
            self._sent += 1
            await send(event)

        scope["extensions"] = {CONNECTION: self}
        await self._application(scope, receive, sending)

    def whole_body(self) -> bytes | None:
        cycle = self.cycle
        return None if cycle.more_body else bytes(cycle.body)

    def abort(self) -> None:
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            for begins, reason in _FOREIGN.items():
                if data.startswith(begins):
                    self.send_400_response(reason)
                    return
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Let a client have its answer that has closed its half once it had asked: true keeps the connection.

        With TLS, asyncio can't do that. A client that wanted to ask more over the connection, as browsers do, can't any
        longer: it has gone.
        """
        cycle: Any = self.cycle  # None before the first request
        is_tls = self.transport.get_extra_info("sslcontext") is not None
        if is_tls or self._wants_more() or cycle is None or cycle.response_complete or cycle.more_body:
            return False
        if not self._has_half_closed:
            self._has_half_closed = True
            self.loop.call_later(HALF_CLOSED, self._look_for_client, self._sent)
        return True

    def _wants_more(self) -> bool:
        """Whether the client has said with its last request that others follow over this connection."""
        said = b",".join(value for name, value in self.headers or () if name == b"connection")
        return b"keep-alive" in (token.strip().lower() for token in said.split(b","))

    def _look_for_client(self, sent: int) -> None:
        """Take a client for gone that has closed its half, and was sent nothing since the last look."""
        if self._sent == sent and not self.transport.get_write_buffer_size():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.loop.call_later(HALF_CLOSED, self._look_for_client, self._sent)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._has_half_closed and self.cycle.response_complete:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP/1.1, with a reason for both sides."""
        where = f"{self.client[0]}:{self.client[1]}" if self.client else "a unix socket"
        self._warn(f"A request from {where} was refused: {msg}")
        with contextlib.suppress(h11.LocalProtocolError):  # an answer under way can't be taken back
            super().send_400_response(msg)
        self.transport.close()
