"""All that a mock listens with: one server that speaks every protocol, or one for gRPC and one for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from grpcmock.servers.transports import listen, make_server

if TYPE_CHECKING:
    from grpcmock.engine.engine import Engine
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.aio import ServerOptions
    from grpcmock.servers.asgi.server import HttpServer
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.http_call import Face, Services
    from grpcmock.servers.transports import Transport


class Listeners:
    """The servers of an engine. Made, started and stopped within one event loop.

    *face* makes what opens requests in other protocols than gRPC, which takes a while, and is asked to once there is
    one. With *has_http*, there are ports for HTTP beside the others. *warn* is told of clients that are refused before
    they make a call.
    """

    def __init__(
        self,
        transport: Transport,
        engine: Engine,
        options: ServerOptions,
        face: Callable[[], Face],
        *,
        services: Services,
        warn: Callable[[str], None],
        has_http: bool = False,
    ) -> None:
        self.addresses: list[Address] = []
        """Where gRPC is spoken, and on native all else, with the ports that were taken."""

        self.http_addresses: list[Address] = []
        """Where HTTP is spoken on ports of its own."""

        face = cache(face)
        self._server = make_server(transport, engine, options, services=services, warn=warn, face=face)
        self._http: HttpServer | None = None
        if has_http and transport != "native":
            from grpcmock.servers.asgi.server import HttpServer

            self._http = HttpServer(face(), services=services, warn=warn)

    def listen(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Listen on *address* too, and give it with the port that was taken.

        Raises :class:`ConfigError` if the address can't be had, or the files of *tls* can't be used.
        """
        bound = listen(self._server, address, tls)
        self.addresses.append(bound)
        return bound

    def listen_http(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Speak gRPC-Web, Connect and JSON on *address*; for the rest, as :meth:`listen`."""
        if self._http is None:
            bound = listen(self._server, address, tls)
        else:
            from grpcmock.servers.credentials import tls_context

            bound = self._http.listen(address, tls_context(tls) if tls else None)
        self.http_addresses.append(bound)
        return bound

    async def start(self) -> None:
        """Begin to answer."""
        await self._server.start()
        if self._http is not None:
            await self._http.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then cancel what is left."""
        stopping = [self._server.stop(grace)]
        if self._http is not None:
            stopping.append(self._http.stop(grace))
        await asyncio.gather(*stopping)
