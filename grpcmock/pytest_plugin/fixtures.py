"""The fixtures: the session's server, the mock of one test, and more servers where a test needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from grpcmock.pytest_plugin.config import Config, read, worker
from grpcmock.pytest_plugin.contract import collecting
from grpcmock.pytest_plugin.proxies import past_proxies
from grpcmock.pytest_plugin.recording import recording
from grpcmock.pytest_plugin.verification import watch_of

if TYPE_CHECKING:
    from grpcmock.mock.server import MockServer
    from grpcmock.pytest_plugin.marker import Marked


class MockFactory(Protocol):
    """What the fixture ``grpcmock_factory`` gives."""

    def __call__(self, *protos: Any, **keywords: Any) -> MockServer:
        """Start another server; the arguments are those of :class:`grpcmock.MockServer`, *protos* also by keyword.

        It is verified like the first one, and stopped after the test. Without *protos*, it has those of the session.
        """


@pytest.fixture(scope="session", name="grpcmock_config")
def config_fixture(pytestconfig: pytest.Config) -> Config:
    """What the session's mock server is made of. Override this fixture to change it."""
    return read(pytestconfig)


@pytest.fixture(scope="session", name="grpcmock_server")
def server_fixture(grpcmock_config: Config | Mapping[str, Any], pytestconfig: pytest.Config) -> Iterator[MockServer]:
    """The mock server of the session; under pytest-xdist each worker has its own, or a session of one that they share.

    Stubs that a fixture of the session declares on it are there for every test.
    """
    config = settings_of(grpcmock_config, pytestconfig)
    server = _made(config)
    with past_proxies(), _started(server), recording(server, pytestconfig), collecting(server, pytestconfig):
        yield server


@pytest.fixture(name="grpcmock")
def mock_fixture(
    request: pytest.FixtureRequest, grpcmock_server: MockServer, grpcmock_config: Config | Mapping[str, Any]
) -> Iterator[MockServer]:
    """The session's mock server for one test: its stubs, states and calls are forgotten afterwards.

    When the test has run, it is verified: a call that no stub accepted, and a stub that the test declared and nobody
    called, fail it.
    """
    watch = watch_of(request.node, settings_of(grpcmock_config, request.config))
    with grpcmock_server.snapshot(), watch.watching(grpcmock_server):
        _prepare(grpcmock_server, watch.marked, request.node.path.name)
        yield grpcmock_server


@pytest.fixture(name="grpcmock_factory")
def factory_fixture(
    request: pytest.FixtureRequest, grpcmock_config: Config | Mapping[str, Any]
) -> Iterator[MockFactory]:
    """Starts more mock servers, each with its own port, stubs and calls; all are stopped after the test."""
    from grpcmock.errors import GrpcmockError
    from grpcmock.mock.server import MockServer

    config = settings_of(grpcmock_config, request.config)
    watch = watch_of(request.node, config)
    with past_proxies(), ExitStack() as started:

        def factory(*protos: Any, **keywords: Any) -> MockServer:
            __tracebackhide__ = True
            own = {} if protos or "protos" in keywords else {"protos": config.protos}
            keywords = {**_finding(config), **config.options, **own, **keywords}
            try:
                server = started.enter_context(MockServer(*protos, **keywords))
            except GrpcmockError as error:
                raise error.with_traceback(None) from None
            started.enter_context(watch.watching(server))
            return server

        yield factory


def settings_of(given: object, config: pytest.Config) -> Config:
    """Take what the fixture ``grpcmock_config`` gives: settings, or a mapping of some, over those of the ini file.

    Fails the test, without a traceback, for anything else.
    """
    try:
        if isinstance(given, Config):
            return given.checked()
        if isinstance(given, Mapping):
            return read(config).replace(**given)
        said = "it gives grpcmock_config.replace(…), or a mapping such as {'protos': ['protos']}"
        wrong = f"grpcmock: {said}; not {given!r:.80}."
    except pytest.UsageError as error:
        wrong = str(error)
    pytest.fail(f"The fixture grpcmock_config is wrong: {wrong.removeprefix('grpcmock: ')}", pytrace=False)


def _made(config: Config) -> MockServer:
    """Make the server of the session. What is wrong with its files fails the test without a traceback."""
    from grpcmock.errors import GrpcmockError
    from grpcmock.mock.server import MockServer

    if config.target:
        session = "-".join(filter(None, (config.session, worker()))) if config.session else None
        where: dict[str, Any] = {"target": config.target, "session": session, "admin_token": config.admin_token or None}
    else:
        where = {"listen": config.listen, "http": config.http or None}
    try:
        return MockServer(protos=config.protos, stubs=config.stubs, **where, **_finding(config), **config.options)
    except GrpcmockError as error:
        wrong = str(error)
    pytest.fail(f"The mock server of the session can't be made:\n{wrong}\nIts settings: {config}.", pytrace=False)


@contextmanager
def _started(server: MockServer) -> Iterator[None]:
    """Run the server of the session. What keeps it from that fails the test without a traceback."""
    from grpcmock.errors import GrpcmockError

    wrong = ""
    try:
        server.start()
    except GrpcmockError as error:
        wrong = str(error)
    if wrong:
        pytest.fail(f"The mock server of the session can't be started: {wrong}", pytrace=False)
    try:
        yield
    finally:
        server.stop()


def _finding(config: Config) -> dict[str, Any]:
    return {"imports": config.imports, "exclude": config.exclude}


def _prepare(server: MockServer, marked: Marked, file: str) -> None:
    """Do what the markers say. What is wrong with stubs fails the test without a traceback: it has its own places."""
    if not marked.stubs and not marked.state:
        return
    from grpcmock.errors import GrpcmockError
    from grpcmock.stubs.model import Stub

    wrong = ""
    try:
        for stub in marked.stubs:
            if isinstance(stub, Stub):
                server.add(stub)
            elif isinstance(stub, str):
                server.load(text=stub, source=f"{file} (marker)")
            else:
                server.load(stub)
    except GrpcmockError as error:
        wrong = f"The stubs of @pytest.mark.grpcmock can't be loaded:\n{error}"
    if wrong:
        pytest.fail(wrong, pytrace=False)
    if marked.state:
        server.state.update(marked.state)
