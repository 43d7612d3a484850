"""A whole mock server: its files, the engine, the services beside it, and the reload that ties them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.collector import full_collections_paused, keep, let_go
from grpcmock.engine.engine import Engine, Prepared
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.journal import Journal
from grpcmock.engine.tally import CallTally
from grpcmock.errors import GrpcmockError, Problems
from grpcmock.responses.faults import HTTP_FAULTS, TRANSPORT_FAULTS
from grpcmock.schema import Registry, sources
from grpcmock.schema.modules import registry_of
from grpcmock.schema.remote import LastGood
from grpcmock.servers.aio import ServerOptions
from grpcmock.servers.health import Health
from grpcmock.servers.listeners import Listeners
from grpcmock.servers.reflection import Reflection
from grpcmock.servers.reload import Reloader
from grpcmock.servers.transports import Wanted, choose
from grpcmock.stubs import loader

if TYPE_CHECKING:
    import grpc

    from grpcmock.protocols.interface import FaceOptions
    from grpcmock.protocols.pages import Pages
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import AnyImports
    from grpcmock.servers.addresses import Address
    from grpcmock.servers.admin.listening import AdminListeners
    from grpcmock.servers.admin.options import AdminOptions
    from grpcmock.servers.admin.service import Admin
    from grpcmock.servers.credentials import TlsFiles
    from grpcmock.servers.http_call import Face, Services
    from grpcmock.servers.metrics import MetricsFace
    from grpcmock.stubs.model import Stub
    from grpcmock.telemetry.prometheus import Exposition

Log = Callable[[str, str], None]
"""Takes a level (``info``, ``warning``, ``error``) and a text."""


def _ignore(*_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Files:
    """What a mock server is made of."""

    protos: Sequence[ProtoSource] = (Path("protos"),)
    """``.proto`` files, directories, descriptor sets."""

    stubs: Sequence[Path] = ()
    """Stub files and directories."""

    imports: AnyImports = ()
    """Directories in which imports are looked up, and what is left out."""

    imported: Sequence[Path] = ()
    """Stub files of other tools, and directories of them."""


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How a mock server runs."""

    transport: Wanted = "auto"
    """What speaks gRPC, and on native all else."""

    engine: EngineOptions = field(default_factory=EngineOptions)
    """``faults`` is set to what ``transport`` can do."""

    server: ServerOptions = field(default_factory=ServerOptions)
    face: FaceOptions | None = None
    """How gRPC-Web, Connect and JSON are spoken, if not as ever."""

    has_http: bool = False
    """Whether there are ports for them, beside those of ``transport``."""

    journal_calls: int = 10_000
    journal_bytes: int = 64 << 20
    reflection: bool = True
    watch: bool = False
    """Pick up changes of the files."""

    admin: AdminOptions | None = None
    """How the admin service is offered; None if it isn't."""

    metrics: bool = False
    """Offer metrics on a listener of their own, without a token. The admin service has them in any case."""


class Host:
    """A mock server, made from files. Made, started and stopped within one event loop."""

    def __init__(
        self,
        files: Files,
        options: HostOptions | None = None,
        *,
        log: Log = _ignore,
        progress: Callable[[int], None] = _ignore,
    ) -> None:
        """Load the files. Raises :class:`SchemaError` or :class:`StubError` with everything that is wrong."""
        self.options = options = options or HostOptions()
        self._log = log
        self._stale: list[str] = []
        """Why some protos are those of the last time."""
        kept = [one if isinstance(one, (str, Path)) else LastGood(one, self._stale.append) for one in files.protos]
        self.files = replace(files, protos=kept)
        self._reloader = (
            Reloader(self._watched, self._prepare, self._apply, self._reload_failed) if options.watch else None
        )
        self._watching: asyncio.Task[None] | None = None
        self._expiring: asyncio.TimerHandle | None = None
        problems = Problems()
        registry, stubs = self._read(problems)
        transport = self.transport = choose(options.transport, interceptors=bool(options.server.interceptors))
        self.engine = Engine(
            registry,
            stubs,
            # Those that one port at least can put on the wire; where another can't, the call ends with the reason.
            options=replace(
                options.engine,
                faults=TRANSPORT_FAULTS[transport] | (HTTP_FAULTS if options.has_http else frozenset()),
            ),
            journal=Journal(
                options.journal_calls,
                options.journal_bytes,
                tally=CallTally() if options.metrics or options.admin is not None else None,
            ),
            problems=problems,
            progress=progress,
        )
        self.health = Health(lambda: self.engine.registry.services)
        self._reloads = {"success": 0, "failure": 0}
        self._admin = self._make_admin(options.admin) if options.admin is not None else None
        self._own: list[Registry] = []
        """The registries of what is offered besides."""

        services = self._services()
        warn = partial(log, "warning")
        self._listeners = Listeners(
            transport,
            self.engine,
            options.server,
            self._face,
            services=services,
            warn=warn,
            has_http=options.has_http,
        )
        self._admin_listeners = self._apart(self._admin) if self._admin and self._admin.options.apart else None
        self._metrics_face: MetricsFace | None = None
        self._metrics_listeners = self._make_metrics() if options.metrics else None

    def _face(self) -> Face:
        """Make what opens all requests but those in gRPC: the methods that are mocked, and the admin service beside."""
        from grpcmock.protocols.face import HttpFace

        face = HttpFace(self.engine, self.options.face, others=self._own, warn=partial(self._log, "warning"))
        if self._admin is not None and not self._admin.options.apart:
            face.beside = self._admin.face.open_beside
            face.near_beside = self._admin.face.nearest
        return face

    def _make_admin(self, options: AdminOptions) -> Admin:
        # Compiled only when asked for.
        from grpcmock.servers import metrics
        from grpcmock.servers.admin.service import Admin

        admin = Admin(self.engine, self.health, options)
        admin.face.pages.add(metrics.PATH, metrics.MetricsPage(self._exposition))
        return admin

    def _apart(self, admin: Admin) -> AdminListeners:
        from grpcmock.servers.admin.listening import AdminListeners

        return AdminListeners(admin, self.transport, warn=partial(self._log, "warning"))

    def _make_metrics(self) -> Listeners:
        """Make what listens for metrics alone."""
        from grpcmock.servers.metrics import MetricsFace, MetricsPage

        exposition = self._exposition()  # what it needs is said now, not when somebody asks
        face = self._metrics_face = MetricsFace(MetricsPage(lambda: exposition))
        warn = partial(self._log, "warning")
        return Listeners(
            self.transport, face.engine, ServerOptions(), lambda: face, services={}, warn=warn, has_http=True
        )

    def _exposition(self) -> Exposition:
        from grpcmock.telemetry.prometheus import Exposition

        return Exposition(self.engine, self._reloads)

    def _read(self, problems: Problems, known: Registry | None = None) -> tuple[Registry, list[Stub]]:
        registry = sources.load(self.files.protos, imports=self.files.imports, known=known)
        stubs = loader.load(self.files.stubs, problems)
        if self.files.imported:
            from grpcmock.importers import loading

            taken = [stub.name for stub in stubs]
            stubs += loading.load(self.files.imported, registry, problems, taken=taken)
        return registry, stubs

    def _services(self) -> Services:
        self._own = own = [registry_of(Health.DESCRIPTOR)]
        services: dict[str, grpc.RpcMethodHandler[Any, Any]] = dict(self.health.handlers())
        if self._admin is not None and not self._admin.options.apart:
            services.update(self._admin.handlers())
            own.append(self._admin.registry)
        if self.options.reflection:
            reflection = Reflection(lambda: self.engine.registry, own)
            services.update(reflection.handlers())
            self._own = list(reflection.own)
        self.engine.environment.beside = [method for one in self._own for method in one.methods.values()]
        return services

    @property
    def _all_listeners(self) -> list[Listeners | AdminListeners]:
        listeners = self._listeners, self._admin_listeners, self._metrics_listeners
        return [one for one in listeners if one is not None]

    @property
    def addresses(self) -> list[Address]:
        """Where the server listens, with the ports that were taken."""
        return self._listeners.addresses

    def listen(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Listen on *address* too, and give it with the port that was taken.

        Raises :class:`ConfigError` if the address can't be had, or the files of *tls* can't be used.
        """
        self._know(address)
        return self._listeners.listen(address, tls)

    def _know(self, address: Address) -> None:
        """Let the admin service answer to the name of an address, where it is offered there."""
        if self._admin is not None and not self._admin.options.apart:
            self._admin.guard.know(address)

    @property
    def http_addresses(self) -> list[Address]:
        """Where HTTP is spoken on ports of its own, with the ports that were taken."""
        return self._listeners.http_addresses

    def listen_http(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Speak gRPC-Web, Connect and JSON on *address*; for the rest, as :meth:`listen`."""
        self._know(address)
        return self._listeners.listen_http(address, tls)

    @property
    def pages(self) -> Pages | None:
        """What the admin service serves by plain HTTP beside its methods, to be added to; None without one."""
        return self._admin.face.pages if self._admin is not None else None

    @property
    def admin_addresses(self) -> list[Address]:
        """Where the admin service is offered, with the ports that were taken; nowhere if it wasn't asked for."""
        if self._admin is None:
            return []
        return [*(self._admin_listeners.addresses if self._admin_listeners is not None else self.addresses)]

    def listen_admin(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Offer the admin service on *address*; for the rest, as :meth:`listen`."""
        assert self._admin_listeners is not None  # the options say so
        return self._admin_listeners.listen(address, tls)

    @property
    def metrics_addresses(self) -> list[Address]:
        """Where metrics have a listener of their own, with the ports that were taken."""
        return self._metrics_listeners.http_addresses if self._metrics_listeners is not None else []

    def listen_metrics(self, address: Address, tls: TlsFiles | None = None) -> Address:
        """Offer metrics on *address*; for the rest, as :meth:`listen`."""
        assert self._metrics_face is not None and self._metrics_listeners is not None  # the options say so
        self._metrics_face.is_local = address.is_local
        return self._metrics_listeners.listen_http(address, tls)

    async def start(self) -> None:
        """Begin to answer, and to watch the files."""
        for listeners in self._all_listeners:
            await listeners.start()
        if self._reloader is not None:
            self._watching = asyncio.create_task(self._reloader.run())
        self._expire_sessions()

    def _expire_sessions(self) -> None:
        """End sessions that nobody uses, also where nobody calls any more; look again in a while."""
        self.engine.sessions.expire()
        while_away = max(self.engine.options.session_idle / 2, 0.1)
        self._expiring = asyncio.get_running_loop().call_later(while_away, self._expire_sessions)

    async def stop(self, grace: float | None = None) -> None:
        """Report NOT_SERVING, take no new calls, give those under way *grace* seconds, then cancel what is left."""
        if self._expiring is not None:
            self._expiring.cancel()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        self.health.drain()
        if self._admin is not None:
            self._admin.drain()
        await asyncio.gather(*(listeners.stop(grace) for listeners in self._all_listeners))

    # Reload ---------------------------------------------------------------------------------------

    def _watched(self) -> list[Path]:
        return [
            *sources.watched(self.files.protos, imports=self.files.imports),
            *loader.watched(self.files.stubs),
            *self.files.imported,
        ]

    def _prepare(self) -> Prepared:
        """Load everything, beside the loop: what takes long must be done here, and in small steps."""
        problems = Problems()
        environment = self.engine.environment
        # Protos that didn't change are used again: they take longer to make than stubs, and are never quite freed. Not
        # where some were included since, for which there might be no room later.
        known = environment.given if environment.given is environment.registry else None
        with full_collections_paused():
            registry, stubs = self._read(problems, known)
            try:
                prepared = self.engine.prepare(registry, stubs, problems=problems)
            finally:
                let_go(stubs)
            keep()
        return prepared

    async def _apply(self, prepared: Prepared) -> None:
        replaced = self.engine.install(prepared)
        await asyncio.to_thread(let_go, replaced)
        self.health.reload_succeeded()
        self._reloads["success"] += 1
        stubs = len(self.engine.store)
        text = f"Reloaded: {stubs:,} stub{'' if stubs == 1 else 's'}."
        self.engine.note("info", text)
        self._log("info", text)
        for warning in self.engine.warnings:
            self._log("info", str(warning))
        stale = [self._stale.pop(0) for _ in range(len(self._stale))]
        for complaint in (*prepared.complaints, *stale):
            self.engine.note("warning", complaint)
            self._log("warning", complaint)

    def _reload_failed(self, error: GrpcmockError) -> None:
        self.health.reload_failed(str(error))
        self._reloads["failure"] += 1
        text = f"The change was not taken, the last good set goes on answering:\n{error}"
        self.engine.note("error", text)
        self._log("error", text)
