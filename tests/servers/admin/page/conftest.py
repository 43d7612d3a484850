# mypy: disable-error-code="arg-type"
"""A server with its page, and a browser that looks at it. What the page complains of fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import ROOT, registry

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.host import Files, Host, HostOptions

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 30_000
"""Milliseconds that something may take to appear, on a machine that has other things to do."""

STUBS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice}
- name: alice-again
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Another}
- name: gone
  method: user.UserService/GetUser
  request: {id: {$gt: 1000}}
  error: {code: NOT_FOUND, message: There is no such user.}
- name: lookup
  method: user.UserService/LookupUsers
  script: [on: [{send: {id: "{{ message.id }}"}}]]
"""


class Server:
    """A mock server in the background, with the page at an address of its own."""

    def __init__(self, loop: LoopThread, folder: Path) -> None:
        (folder / "users.yaml").write_text(STUBS)

        async def start() -> Host:
            options = HostOptions(transport="aio", admin=AdminOptions(apart=True), journal_calls=200_000)
            host = Host(Files(protos=(ROOT / "protos",), stubs=(folder,)), options)
            host.listen(Address.parse("127.0.0.1:0"))
            host.listen_admin(Address.parse("127.0.0.1:0"))
            await host.start()
            return host

        self._loop = loop
        self.host = loop.run(start())
        self.url = f"http://{self.host.admin_addresses[0]}/"
        self.channel = grpc.insecure_channel(str(self.host.addresses[0]), (("grpc.enable_http_proxy", 0),))
        self.protos = registry("user.proto")

    def get(self, user: int, session: str = "") -> str:
        """Ask for a user, as a client would; gives the name, or the status."""
        method = self.protos.method("UserService/GetUser")
        request = method.request_class(id=user).SerializeToString()
        metadata = (("x-tenant", "acme"), *((("x-grpcmock-session", session),) if session else ()))
        call = self.channel.unary_unary(method.path).future(request, metadata=metadata, timeout=30)
        if call.code() is not grpc.StatusCode.OK:
            return call.code().name
        return str(method.response_class.FromString(call.result()).name)  # type: ignore[attr-defined]

    def lookup(self, requests: Iterator[int]) -> Any:
        """Begin a conversation that sends what *requests* gives."""
        method = self.protos.method("UserService/LookupUsers")
        encoded = (method.request_class(id=user).SerializeToString() for user in requests)
        return self.channel.stream_stream(method.path)(encoded, timeout=60)

    def make(self, calls: int) -> None:
        """Have the engine answer many calls at once, as if a server had taken them; one of fifty is a miss."""
        engine = self.host.engine
        method = engine.registry.method("UserService/GetUser")
        requests = [method.request_class(id=user).SerializeToString() for user in (1, 17)]

        def answer() -> None:
            for number in range(calls):
                data = requests[number % 50 == 0]
                assert engine.answer_at_once(method.path, (), None, "ipv4:127.0.0.1:5", data) is not None

        self._loop.call(answer)

    def stop(self) -> None:
        self.channel.close()
        self._loop.run(self.host.stop(0))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    loop = LoopThread()
    server = Server(loop, tmp_path)
    yield server
    server.stop()
    loop.close()


# Of a module: as long as it runs, the thread has a running loop, which tests elsewhere can't do with.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="with playwright from PyPI")
    if CHROMIUM is None:
        pytest.skip("with Chromium")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Open a section of the page in a window of its own."""
    contexts = []
    complaints: list[str] = []

    def tell(message: Any) -> None:
        # That a section says of what it can't do yet is no complaint.
        if message.type in ("error", "warning") and "501" not in message.text:
            complaints.append(message.text)

    def open_(section: str = "calls", width: int = 1280, height: int = 800, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", tell)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(server.url) or complaints.append(asked.url))
        page.goto(f"{server.url}#/{section}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints
