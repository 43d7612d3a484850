"""The mock server that tests hold: started in the background, told what to answer, asked what came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

from grpcmock.errors import ConfigError, Problem, Problems, StubError, UnknownMethodError
from grpcmock.mock import autospec
from grpcmock.mock.call_site import caller
from grpcmock.mock.clients import Clients
from grpcmock.mock.declared_stubs import DeclaredStubs
from grpcmock.mock.given import AnyPath, path_of, paths_of, registry_from, several
from grpcmock.mock.local import local
from grpcmock.mock.method import MethodMock, R
from grpcmock.mock.running import Running
from grpcmock.mock.state import State
from grpcmock.mock.steering import Steering
from grpcmock.mock.waiting import Waits
from grpcmock.schema import Registry
from grpcmock.schema import sources as schema_sources
from grpcmock.stubs import loader

if TYPE_CHECKING:
    import grpc
    import grpc.aio

    from grpcmock.mock.calls import CallLog
    from grpcmock.mock.contracts import ContractCollector
    from grpcmock.mock.functions import Q
    from grpcmock.mock.handle import StubHandle
    from grpcmock.mock.recording import Recorder
    from grpcmock.mock.remote.running import RemoteRunning
    from grpcmock.mock.verification import Unused
    from grpcmock.schema import Method
    from grpcmock.servers.transports import Wanted
    from grpcmock.status import Metadata
    from grpcmock.stubs.model import Stub


def _loaded(stubs: AnyPath | Iterable[AnyPath]) -> list[Stub]:
    problems = Problems()
    loaded = loader.load(paths_of(stubs), problems)
    problems.raise_errors()
    return loaded


class MockServer(Clients, Waits, Steering):
    """A mock gRPC server in a background thread, for synchronous and asynchronous code alike.

    Use it as a context manager, ``with`` or ``async with``. All its methods may be called from any thread.
    """

    def __init__(
        self,
        *sources: Any,
        protos: Any = (),
        stubs: AnyPath | Iterable[AnyPath] = (),
        imports: AnyPath | Iterable[AnyPath] = (),
        exclude: str | Iterable[str] = (),
        listen: str = "127.0.0.1:0",
        http: str | None = None,
        cors: str | Iterable[str] = (),
        admin: bool | str = False,
        admin_token: str | None = None,
        seed: int = 0,
        auto: bool = False,
        validate: bool = False,
        unmatched_code: str | int = "UNIMPLEMENTED",
        tls_cert: AnyPath | None = None,
        tls_key: AnyPath | None = None,
        tls_client_ca: AnyPath | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        max_message_size: int = 4 << 20,
        journal_calls: int = 10_000,
        journal_bytes: int = 64 << 20,
        transport: Wanted = "auto",
        target: str | None = None,
        session: str | None = None,
        otel: bool = False,
    ) -> None:
        """Load everything; nothing listens before :meth:`start`.

        *protos*, by position or by keyword, are ``.proto`` files, directories, descriptor sets, generated modules,
        servicer classes, or a :class:`Registry`; none are needed for methods that are named by a generated servicer.
        *stubs* are files and directories; *imports*, directories for imports of protos; *exclude*, patterns of what to
        leave out of the directories of protos, such as ``vendor``. *listen* is ``HOST:PORT`` (port 0 takes a free one)
        or ``unix:PATH``, and *http* where gRPC-Web, Connect and JSON are spoken, too, to pages of the origins *cors*
        (by default those of this machine); on native, *listen* is enough. With *admin*, the server can be steered and
        watched by the admin service: where it listens, or at an address of its own; *admin_token* is demanded there.
        Randomness derives from *seed*. With *auto*, calls that no stub holds for get generated answers, else
        *unmatched_code*; with *validate*, requests that break the rules of their protos are refused.
        *max_message_size* is in bytes, -1 for no limit; the journal holds *journal_calls* and *journal_bytes*. The
        ``tls_*`` files are PEM. The *transport* ``native`` is the fastest, speaks all protocols on one port, and makes
        every fault of the stub format; ``aio`` alone takes *interceptors*; ``auto`` is native where that is installed
        and can do what is asked for, else aio. With *otel*, calls are told to the OpenTelemetry that this process has
        set up, as spans in the traces of their callers.

        With a *target*, ``HOST:PORT``, it is a mock server that runs there already (``grpcmock serve --admin``), and
        this one is a *session* of it, by default with a name that no other has: its stubs, states, counts and calls are
        seen by clients alone that send :attr:`metadata`. *admin_token* is what its admin service asks for, *tls_cert*
        what to trust; without *protos*, its reflection is asked for them.

        Raises :class:`SchemaError`, :class:`StubError`, :class:`ConfigError` with everything that is wrong.
        """
        __tracebackhide__ = True  # in a test it is the caller's line that is wrong
        settings = locals()
        excluded = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        given = [*sources, *several(protos)]
        registry = registry_from(given, schema_sources.Imports(paths_of(imports), excluded))
        self._running: Running | RemoteRunning
        if target is not None:
            from grpcmock.mock.remote.making import refuse_settings, remote

            refuse_settings(MockServer.__init__, settings)
            self._running = remote(
                target,
                session=session,
                admin_token=admin_token,
                ca=path_of(tls_cert),
                registry=registry if given else None,
                stubs=_loaded(stubs),
            )
        else:
            self._running = local(
                registry,
                stubs=stubs,
                listen=listen,
                http=http,
                cors=cors,
                seed=seed,
                auto=auto,
                validate=validate,
                unmatched_code=unmatched_code,
                admin=admin,
                admin_token=admin_token,
                tls=(tls_cert, tls_key, tls_client_ca),
                interceptors=interceptors,
                max_message_size=max_message_size,
                journal=(journal_calls, journal_bytes),
                transport=transport,
                otel=otel,
            )
        self._stubs = DeclaredStubs(self._running)
        self._call_store = self._stubs.calls
        self._state = State(self._running.call, lambda: self._running.engine.store.states)

    # Running --------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to listen and to answer. Raises :class:`ConfigError` if the address can't be had."""
        self._running.start()
        return self

    def stop(self, grace: float | None = None) -> None:
        """Stop listening; calls under way have *grace* seconds to end. Harmless when stopped already.

        Its calls and stubs can still be looked at.
        """
        self._running.stop(grace)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        # Starting takes some milliseconds; so little that it may well hold up any event loop, also that of trio.
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        return self._running.is_running

    @property
    def target(self) -> str:
        """Where the server listens, as gRPC clients take it: ``127.0.0.1:41234``."""
        return self._running.target

    @property
    def session(self) -> str:
        """The name of the session of a shared server that this is; empty if it is none."""
        return self._running.session

    @property
    def metadata(self) -> Metadata:
        """What clients send with each call to be answered by this session; its own channels do so by themselves."""
        return self._running.metadata

    @property
    def http_url(self) -> str:
        """Where gRPC-Web, Connect and JSON are spoken: ``http://127.0.0.1:41235``. On native, without a port of their
        own, that is the one for gRPC."""
        return self._running.http_url

    @property
    def admin_url(self) -> str:
        """Where the admin service is spoken to by HTTP: ``http://127.0.0.1:41236``."""
        return self._running.admin_url

    # What it answers ------------------------------------------------------------------------------

    @overload
    def on(self, method: str, /) -> MethodMock[Any, Any]: ...
    @overload
    def on(self, method: Callable[[Any, Q, Any], R | Awaitable[R]], /) -> MethodMock[Q, R]: ...
    @overload
    def on(self, method: Callable[[Any, Q, Any], Iterator[R] | AsyncIterator[R]], /) -> MethodMock[Q, R]: ...
    @overload
    def on(self, method: Callable[[Any, Any, Any], R | Awaitable[R]], /) -> MethodMock[Any, R]: ...
    @overload
    def on(self, method: Callable[[Any, Any, Any], Iterator[R] | AsyncIterator[R]], /) -> MethodMock[Any, R]: ...
    @overload
    def on(self, method: Callable[..., Any], /) -> MethodMock[Any, Any]: ...
    def on(self, method: Any, /) -> MethodMock[Any, Any]:
        """Give the mock of a method: by its path, ``package.Service/Method``, or by a generated servicer's method.

        The latter, ``UserServiceServicer.GetUser``, needs no protos. Raises :class:`SchemaError` if there is no such
        method, with the nearest name.
        """
        __tracebackhide__ = True
        return MethodMock(self._stubs, self._method(method))

    def _method(self, method: Any) -> Method:
        __tracebackhide__ = True
        if isinstance(method, str):
            try:
                return self.registry.method(method)
            except UnknownMethodError as error:
                if (found := autospec.imported(method)) is None:
                    raise UnknownMethodError(autospec.unknown(method, self.registry) or str(error)) from None
            self._stubs.include(found)
            return self.registry.method(method)
        path, registry = autospec.find(method)
        if path not in self.registry.methods:
            self._stubs.include(registry)
        return self.registry.methods[path]

    def add(
        self,
        stub: Stub | None = None,
        /,
        *,
        where: Callable[[Any], object] | None = None,
        handler: Callable[..., Any] | None = None,
        **keys: Any,
    ) -> StubHandle[Any]:
        """Declare a stub: given whole, or by the keys of the stub format.

        ``add(method="user.UserService/GetUser", request={"id": 1}, response={"name": "Alice"})``. *where* is a function
        of the first request message, *handler* one that answers. Raises :class:`StubError` with all that is wrong.
        """
        __tracebackhide__ = True
        location = caller()
        if stub is None:
            if "method" in keys and not isinstance(keys["method"], str):
                keys["method"] = self._method(keys["method"]).full_name
            elif "method" in keys:
                self._learn([keys["method"]])
            return self._stubs.declare(keys, location, where=where, handler=handler)
        if keys or where is not None or handler is not None:
            raise StubError([Problem("give either a stub or its keys, not both.", location, rule="stub-shape")])
        self._learn([stub.method])
        return self._stubs.add(stub)

    def load(self, *paths: AnyPath, text: str | None = None, source: str = "") -> list[StubHandle[Any]]:
        """Add the stubs of files and directories, or of a *text* in the stub format, all or none.

        *source* is the place that errors and names of stubs show for the text; else it is the caller's line.
        They need not be used. Raises :class:`StubError` with everything that is wrong.
        """
        __tracebackhide__ = True
        problems = Problems()
        stubs = loader.load(paths, problems) if paths else []
        if text is not None:
            stubs += loader.load_text(text, source or str(caller()), problems)
        problems.raise_errors()
        self._learn(stub.method for stub in stubs)
        return self._stubs.load(stubs)

    def _learn(self, methods: Iterable[str]) -> None:
        """Serve those methods, too, that no proto declares, but generated code that has been imported."""
        __tracebackhide__ = True
        for name in dict.fromkeys(methods):
            with suppress(UnknownMethodError):  # a name that is wrong is told of with its stub, when that is compiled
                self._method(name)

    @property
    def state(self) -> State:
        """The states of the scenarios: read, set, and deleted, which takes one back to ``started``."""
        return self._state

    @property
    def registry(self) -> Registry:
        """The methods and messages that the mock knows."""
        return self._running.engine.registry

    # What came ------------------------------------------------------------------------------------

    @property
    def calls(self) -> CallLog[Any, Any]:
        """All calls, also those under way, since the start, the last reset, or the beginning of the snapshot."""
        return self._call_store.log()

    def verify(self, *, unmatched: bool = True, unused: Unused = "declared") -> None:
        """Raise :class:`VerificationError` unless the mock was used as declared.

        It looks at what happened since the start, the last reset, or the beginning of the snapshot: calls that no stub
        answered (unless *unmatched* is False), handlers that raised, and stubs that were never used: those that the
        test *declared*, or *all* that were added, or *none*.
        """
        __tracebackhide__ = True
        self._stubs.findings().raise_what_counts(unmatched=unmatched, unused=unused)

    def contract(self) -> ContractCollector:
        """Collect the stubs that answer calls, from now until ``stop()``.

        ``write(path, consumer)`` of what this gives writes them as the contract of a consumer with the real server.
        """
        from grpcmock.mock.contracts import ContractCollector

        return ContractCollector(self._running)

    def recorder(
        self,
        target: str,
        *,
        redact: Iterable[str] = (),
        ignore_varying: Iterable[str] = (),
        match_metadata: Iterable[str] = (),
        timing: bool = False,
    ) -> Recorder:
        """Pass calls that no stub accepts on to the server at *target*, from now until ``stop()``.

        ``write(folder)`` of what this gives writes them as stubs. *target* is ``HOST:PORT``, ``unix:PATH`` or a URL.
        *redact* and *ignore_varying* are rules, as ``grpcmock record`` has them; *match_metadata*, keys of request
        metadata that tell calls apart; with *timing*, the pauses of the server are kept.

        Raises :class:`ConfigError` for a target or a rule that is none, :class:`TargetError` if nothing answers there.
        """
        running = self._running
        if not isinstance(running, Running):
            raise ConfigError(
                "recorder() needs a mock server in this process: MockServer(…) without target. One that runs elsewhere "
                "passes calls on if it is started so: grpcmock serve --forward TARGET --record FOLDER."
            )
        from grpcmock.drafting.redaction.rules import Rules
        from grpcmock.mock.recording import Recorder
        from grpcmock.record.recorder import Options as RecordOptions

        options = RecordOptions(Rules.parse(redact, ignore_varying), tuple(match_metadata), timing)
        return Recorder(running, target, options)

    # Isolation ------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Isolate what happens inside: it begins without calls; at its end stubs, counts, states, calls are as before.

        Channels that were opened inside are closed. What :meth:`verify` would find is kept for that of the snapshot
        around it. May be nested.
        """
        depth = self._stubs.enter()
        try:
            yield self
        finally:
            self._stubs.leave(depth)

    def reset(self) -> None:
        """Go back to how the mock was made: the stubs of its files, no calls, all scenarios in ``started``.

        Its channels are closed; snapshots must have ended.
        """
        self._stubs.reset()

    def __repr__(self) -> str:
        where = self.target if self.is_running else "not running"
        return f"<MockServer {where}>"
