"""The transports of a server: which one is taken, and what it is made of."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import grpc

    from grpcmock.engine.engine import Engine
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.aio import AioServer, ServerOptions
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.http_call import Face
    from grpcmock.servers.native.server import NativeServer

Transport = Literal["native", "aio"]
"""What speaks gRPC: threads of Rust, which speak all other protocols, too; ``grpc.aio``."""

Wanted = Literal["auto", "native", "aio"]
"""What users say: ``auto`` takes native where it is installed and can do what is asked for, else aio."""

_COMPRESSIONS: Mapping[str, Literal["none", "gzip", "deflate"]] = {
    "NoCompression": "none",
    "Gzip": "gzip",
    "Deflate": "deflate",
}

NATIVE_EXTRA = "pip install 'grpcmock[native]'"
"""What installs the native transport."""


def has_native() -> bool:
    """Whether the native transport is installed."""
    try:
        return importlib.util.find_spec("grpcmock_native") is not None
    except ValueError:  # somebody has put it away
        return False


def choose(wanted: str, *, interceptors: bool = False, native_only: Sequence[str] = ()) -> Transport:
    """Return the transport for what users want, given what it has to do; *native_only* names options of native.

    Raises :class:`ConfigError` if there is no such transport, it isn't installed, or it can't do that.
    """
    if wanted == "auto":
        wanted = "native" if has_native() and not interceptors else "aio"
    if wanted == "h2":
        raise ConfigError(f"transport: 'h2' is no more; 'native' makes all of its faults: {NATIVE_EXTRA}.")
    if wanted not in get_args(Transport):
        hint = did_you_mean(wanted, get_args(Wanted), known="The transports")
        raise ConfigError(f"transport: there is no {wanted!r}. {hint}")
    if wanted == "native" and not has_native():
        raise ConfigError(f"The transport 'native' isn't installed: {NATIVE_EXTRA}. 'aio' needs nothing more.")
    if interceptors and wanted != "aio":
        raise ConfigError(f"The transport {wanted!r} knows no interceptors; 'aio' does.")
    if native_only and wanted != "native":
        raise ConfigError(f"{native_only[0]}: the transport {wanted!r} can't do that; 'native' can.")
    return wanted  # type: ignore[return-value]


def make_server(
    transport: Transport,
    engine: Engine,
    options: ServerOptions,
    *,
    services: Mapping[str, grpc.RpcMethodHandler[Any, Any]],
    warn: Callable[[str], None],
    face: Callable[[], Face] | None = None,
) -> AioServer | NativeServer:
    """Return a server that doesn't listen yet.

    On native, *face* makes what opens requests in other protocols than gRPC, and *warn* is told of clients that are
    refused before they make a call.
    """
    if transport == "aio":
        from grpcmock.servers.aio import AioServer

        return AioServer(engine, options, services=services)
    from grpcmock.servers.native.options import NativeOptions
    from grpcmock.servers.native.server import NativeServer

    native = NativeOptions(
        options.max_message_size,
        _COMPRESSIONS[options.compression.name],
        options.threads,
        options.keepalive,
        options.max_connection_age,
    )
    return NativeServer(engine, native, services=services, face=face, warn=warn)


def listen(server: AioServer | NativeServer, address: Address, tls: TlsFiles | None = None) -> Address:
    """Have *server* listen on *address* too, and return that with the port that was taken.

    Raises :class:`ConfigError` if the address can't be had, or the files of *tls* can't be used.
    """
    from grpcmock.servers.aio import AioServer
    from grpcmock.servers.credentials import server_credentials

    if isinstance(server, AioServer):
        return server.listen(address, server_credentials(tls) if tls is not None else None)
    return server.listen(address, tls)
