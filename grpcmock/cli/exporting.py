"""OpenTelemetry while a server serves: asked for by an option, or by the environment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from grpcmock.cli.running import say
from grpcmock.concurrency.blocking import in_thread
from grpcmock.errors import MissingExtraError
from grpcmock.telemetry.environment import is_disabled, names_collector

if TYPE_CHECKING:
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.host import Host


@asynccontextmanager
async def exporting(wanted: bool | None, host: Host) -> AsyncIterator[None]:
    """Send spans and metrics of the calls to *host*, if that is wanted; None leaves it to the environment.

    Raises :class:`MissingExtraError` if it is wanted and can't be done, :class:`ConfigError` for wrong variables.
    """
    if wanted is False or is_disabled(os.environ) or not (wanted or names_collector(os.environ)):
        yield
        return
    try:
        from grpcmock.telemetry.otel import Exporting
    except MissingExtraError as error:
        if wanted:
            raise
        # The variables may be meant for others: a machine has them for all its programs.
        say("warning", f"The environment names a collector for OpenTelemetry, but nothing is sent there. {error}")
        yield
        return
    exports = Exporting(os.environ, _attributes(host.addresses))
    exports.follow(host.engine.journal)
    try:
        yield
    finally:
        if not await in_thread(exports.stop):
            say("warning", "The collector of OpenTelemetry didn't take what was left in time: it is lost.")


def _attributes(addresses: list[Address]) -> dict[str, str | int]:
    """Say which server it is, if there is one address; a call doesn't tell to which of several it came."""
    if len(addresses) != 1:
        return {}
    address = addresses[0]
    if address.scheme != "tcp":
        return {"server.address": address.host}
    return {"server.address": address.host, "server.port": address.port}
