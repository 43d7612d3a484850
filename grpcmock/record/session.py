"""A recording under way: a server that passes calls on to a target, by mode also answers from what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio

from grpcmock.client.channel import CONNECT_TIMEOUT
from grpcmock.engine.engine import Engine
from grpcmock.errors import ConfigError
from grpcmock.record.forwarding import forwarding
from grpcmock.record.recorder import Options, Recorder
from grpcmock.record.writing.folder import Folder
from grpcmock.servers import transports
from grpcmock.servers.addresses import Address, bind
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.credentials import server_credentials

if TYPE_CHECKING:
    from grpcmock.client.target import Target
    from grpcmock.protocols.face import HttpFace
    from grpcmock.record.capture.proxy import Proxy
    from grpcmock.record.summary import Summary
    from grpcmock.schema import Registry
    from grpcmock.servers.aio import AioServer
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.native.server import NativeServer
    from grpcmock.servers.transports import Transport, Wanted


class Mode(Enum):
    """What is passed on, and what is answered from the recording; the names are those of VCR."""

    NONE = "none"
    """Answer from the recording alone; other calls are refused. There need be no target."""
    ONCE = "once"
    """Record, if nothing is recorded yet; else as ``none``."""
    NEW = "new"
    """Answer what is recorded; pass on and record the rest."""
    ALL = "all"
    """Pass everything on, and record it anew."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a recording runs."""

    mode: Mode = Mode.ALL
    transport: Wanted = "auto"
    """What listens to clients: native takes calls in every protocol; all are passed on in gRPC."""
    options: Options = field(default_factory=Options)
    server: ServerOptions = field(default_factory=lambda: ServerOptions(max_message_size=-1))
    tls: TlsFiles | None = None
    """How clients are listened to; None for plain text."""
    within: float = CONNECT_TIMEOUT
    """Seconds to wait for a connection to the target."""
    learns: bool = False
    """Whether the target's reflection is asked for types that turn up in an ``Any`` and aren't known."""


class Recording:
    """A recording: where it listens, and what came of it."""

    def __init__(
        self, engine: Engine, server: AioServer | NativeServer | _ForwardingServer, mode: Mode, transport: Transport
    ) -> None:
        self.engine = engine
        """Answers from what was recorded before."""
        self.mode = mode
        """What it does: never ``once``, which is one of the others."""
        self.transport = transport
        """What listens to clients."""
        self._server = server
        self.summary: Summary | None = None
        """What came of it; None before it has ended, and where nothing is recorded."""

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that were taken."""
        return self._server.addresses

    @property
    def target(self) -> str:
        """Where it listens, as gRPC clients take it."""
        return str(self.addresses[0])


@asynccontextmanager
async def recording(
    target: Target | None,
    registry: Registry,
    out: Path,
    settings: Settings | None = None,
    *,
    listen: Sequence[str] = ("127.0.0.1:0",),
    grace: float | None = None,
    hurried: asyncio.Event | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Recording]:
    """Record calls to *target* as stubs in the folder *out*, until left; then the calls under way have *grace* seconds,
    or as long as *hurried* isn't set.

    ``summary`` of what this gives is there afterwards. *warn* is told what goes wrong meanwhile. Raises
    :class:`ConfigError` if an address can't be had or *out* can't be written to, :class:`StubError` if what is in it is
    wrong, :class:`TargetError` if the target isn't there.
    """
    settings = settings or Settings()
    folder = Folder(out)
    mode = _mode(settings.mode, folder)
    known = [] if mode is Mode.ALL else folder.stubs
    engine = Engine(registry, known)
    transport = transports.choose(settings.transport, interceptors=bool(settings.server.interceptors))
    addresses = [Address.parse(text) for text in listen]
    async with AsyncExitStack() as stack:
        proxy = recorder = None
        if mode is not Mode.NONE:
            if target is None:
                raise ConfigError(f"The mode {mode.value} needs a server to record.")
            folder.check()
            recorder = Recorder(lambda: registry, folder, settings.options, warn=warn)
            proxy = await stack.enter_async_context(
                forwarding(engine, target, recorder, within=settings.within, learns=settings.learns)
            )
        server: AioServer | NativeServer | _ForwardingServer
        if transport == "aio" and proxy is not None and not known:
            server = _ForwardingServer(proxy, settings.server)
        else:
            face = partial(_face, engine, settings.server, warn)
            server = transports.make_server(transport, engine, settings.server, services={}, warn=warn, face=face)
        found = Recording(engine, server, mode, transport)
        for address in addresses:
            if isinstance(server, _ForwardingServer):
                server.listen(address, settings.tls)
            else:
                transports.listen(server, address, settings.tls)
        await server.start()
        try:
            yield found
        finally:
            await _stop(server, grace, hurried)
            await stack.aclose()
            if recorder is not None:
                found.summary = recorder.finish()


def _face(engine: Engine, options: ServerOptions, warn: Callable[[str], None]) -> HttpFace:
    from grpcmock.protocols.face import HttpFace
    from grpcmock.protocols.interface import FaceOptions

    face = FaceOptions(options.max_message_size, transports.COMPRESSIONS[options.compression.name])
    return HttpFace(engine, face, warn=warn)


async def _stop(
    server: AioServer | NativeServer | _ForwardingServer, grace: float | None, hurried: asyncio.Event | None
) -> None:
    stopping = asyncio.ensure_future(server.stop(grace))
    if hurried is not None:
        hurrying = asyncio.ensure_future(hurried.wait())
        await asyncio.wait((stopping, hurrying), return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not stopping.done():
            await server.stop(None)
    await stopping


def _mode(mode: Mode, folder: Folder) -> Mode:
    if mode is Mode.ONCE:
        return Mode.NONE if folder.stubs else Mode.ALL
    if mode is Mode.NONE and not folder.stubs:
        raise ConfigError(f"Nothing is recorded in {folder.path}, and the mode none records nothing. Try new, or all.")
    return mode


class _ForwardingServer:
    """A server that does nothing but pass calls on."""

    def __init__(self, proxy: Proxy, options: ServerOptions) -> None:
        self._server = grpc.aio.server(
            handlers=[proxy],
            interceptors=list(options.interceptors),
            options=options.arguments(),
            compression=options.compression,
        )
        self.addresses: list[Address] = []

    def listen(self, address: Address, tls: TlsFiles | None = None) -> None:
        credentials = server_credentials(tls) if tls is not None else None
        self.addresses.append(bind(self._server, address, credentials))

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, grace: float | None = None) -> None:
        await self._server.stop(grace)
