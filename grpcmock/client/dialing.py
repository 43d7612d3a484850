"""Plain sockets to a target, with TLS or without, for what is sent past gRPC's own libraries."""

from __future__ import annotations

import asyncio
import pkgutil
import ssl
from typing import TYPE_CHECKING

from grpcmock.client.channel import explain
from grpcmock.errors import TargetError

if TYPE_CHECKING:
    from grpcmock.client.target import Target

_PREFIXES = ("dns:///", "dns:", "ipv4:", "ipv6:")


async def dial(target: Target, *, within: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that speaks HTTP/2, *within* so many seconds.

    Raises :class:`TargetError`, which says why there is none; :class:`ConfigError` if a file of ``target.tls`` is no
    good.
    """
    context = None if target.tls is None else _context(target)
    try:
        async with asyncio.timeout(within):
            reader, writer = await _open(target, context)
    except TimeoutError:
        raise TargetError(explain("timeout", target)) from None
    except OSError as error:
        raise TargetError(explain(str(error), target)) from None
    tls = writer.get_extra_info("ssl_object")
    if tls is not None and tls.selected_alpn_protocol() != "h2":
        writer.transport.abort()
        raise TargetError(explain("alpn", target))
    return reader, writer


async def _open(target: Target, context: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    kind, _, path = target.address.partition(":")
    if kind in ("unix", "unix-abstract"):
        name = (target.authority or "localhost") if context else None
        return await asyncio.open_unix_connection(
            "\0" + path if kind == "unix-abstract" else path, ssl=context, server_hostname=name
        )
    host, port = _host_and_port(target.address)
    return await asyncio.open_connection(
        host, port, ssl=context, server_hostname=(target.authority or host) if context else None
    )


def _host_and_port(address: str) -> tuple[str, int]:
    for prefix in _PREFIXES:
        if address.startswith(prefix):
            address = address.removeprefix(prefix)
            break
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise TargetError(f"{address} can't be reached but by gRPC's own library.")
    return host.strip("[]"), int(port)


def _context(target: Target) -> ssl.SSLContext:
    """Give the context for TLS with the roots that gRPC itself trusts."""
    tls = target.tls
    assert tls is not None
    tls.credentials()  # raises what is wrong with the files
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.ca is None and (roots := pkgutil.get_data("grpc", "_cython/_credentials/roots.pem")):
        context.load_verify_locations(cadata=roots.decode("ascii", "ignore"))
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    context.set_alpn_protocols(["h2"])
    return context
