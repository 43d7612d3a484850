"""A mock server in this process, for an assistant that has none to steer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from grpcmock.client.target import Target
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Host, HostOptions

if TYPE_CHECKING:
    from grpcmock.servers.host import Files, Log

_FREE_PORT = "127.0.0.1:0"


@asynccontextmanager
async def own_mock(files: Files, log: Log) -> AsyncIterator[Target]:
    """Serve *files* on a free port of this machine, with an admin service, and give where that is.

    Changes of the files are picked up. Raises :class:`SchemaError` or :class:`StubError` with all that is wrong.
    """
    host = Host(files, HostOptions(watch=True, admin=AdminOptions()), log=log)
    address = host.listen(Address.parse(_FREE_PORT))
    await host.start()
    try:
        yield Target.parse(str(address))
    finally:
        await host.stop(0)
