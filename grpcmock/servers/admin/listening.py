"""Listeners for the admin service alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.listeners import Listeners
from grpcmock.servers.reflection import Reflection

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.servers.addresses import Address
    from grpcmock.servers.admin.service import Admin
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.transports import Transport


class AdminListeners:
    """What listens for the admin service, where that isn't on the mock's port. On native it speaks gRPC, too."""

    def __init__(self, admin: Admin, transport: Transport, *, warn: Callable[[str], None]) -> None:
        self._guard = admin.guard
        self._listeners = Listeners(
            transport,
            admin.face.engine,
            ServerOptions(max_message_size=admin.face.options.max_message_size),
            lambda: admin.face,
            services={**admin.handlers(), **Reflection(lambda: admin.registry).handlers()},
            warn=warn,
            has_http=True,
        )

    @property
    def addresses(self) -> list[Address]:
        """Where it is offered, with the ports that were taken."""
        return self._listeners.http_addresses

    def listen(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Offer it on *address*, and give that with the port that was taken; its name is then one of the server's.

        Raises :class:`ConfigError` if the address can't be had, or the files of *tls* can't be used.
        """
        self._guard.know(address)
        return self._listeners.listen_http(address, tls)

    async def start(self) -> None:
        """Begin to answer."""
        await self._listeners.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no new calls, give those under way *grace* seconds to end, then cancel what is left."""
        await self._listeners.stop(grace)
