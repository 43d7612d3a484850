"""A page in a real browser calls a mock of another origin, with the clients that browsers have.

It takes npm and Chromium, and a minute: set GRPCMOCK_WEB_CLIENTS=1.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grpcmock import MockServer
from grpcmock.servers.transports import has_native

HERE = Path(__file__).parent
PROTOS = HERE.parent.parent / "protos"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STUBS = """
- method: user.UserService/GetUser
  request: {id: 1}
  headers: {x-said: a}
  trailers: {x-last: b}
  response: {id: 1, name: Alice}
- {method: user.UserService/GetUser, request: {id: 4}, response: {}, fault: {hang: true}}
- {method: user.UserService/ListUsers, request: {page: 1}, responses: [{name: A}, {name: B}]}
- method: user.UserService/ListUsers
  request: {page: 9}
  script: [repeat: {times: forever, every: 5ms, steps: [send: {name: tick}]}]
"""
BY_CONNECT = {
    "user": "Alice",
    "names": ["A", "B"],
    "header": "a",
    "trailer": "b",
    "miss": "Unimplemented",
    "said": "No stub matches this call of user.UserService/GetUser.",
    "late": "DeadlineExceeded",
    "ticks": 3,
}

pytestmark = pytest.mark.skipif(
    os.environ.get("GRPCMOCK_WEB_CLIENTS") != "1" or CHROMIUM is None or shutil.which("npm") is None,
    reason="with npm and Chromium, and a minute: set GRPCMOCK_WEB_CLIENTS=1",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page, its clients in one script."""
    folder = tmp_path_factory.mktemp("web")
    for name in ("package.json", "page.js"):
        shutil.copy(HERE / "web" / name, folder)
    (folder / "gen").mkdir()
    (folder / "site").mkdir()
    bin_ = folder / "node_modules" / ".bin"
    plugin = [f"--plugin=protoc-gen-es={bin_ / 'protoc-gen-es'}", "--es_out=gen", "--es_opt=target=js"]
    for command in (
        ["npm", "install", "--no-audit", "--no-fund"],
        [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTOS), *plugin, "user.proto"],
        [str(bin_ / "esbuild"), "page.js", "--bundle", "--format=esm", "--outfile=site/page.js"],
    ):
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        if ran.returncode:
            pytest.skip(f"{command[0]} failed: {ran.stderr[-500:]}")
    (folder / "site" / "index.html").write_text("<!doctype html><script type=module src=page.js></script>")
    return folder


@pytest.fixture
def site(page: Path) -> Iterator[tuple[str, queue.Queue[Any]]]:
    """Serve the page; gives its address, and what it tells."""
    told: queue.Queue[Any] = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    handler = functools.partial(Handler, directory=str(page / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}", told
        server.shutdown()
        thread.join()


SERVERS = [
    pytest.param({"transport": "aio", "http": "127.0.0.1:0"}, id="asgi"),
    pytest.param(
        {"transport": "native"},
        id="native",
        marks=pytest.mark.skipif(not has_native(), reason="the native transport isn't built"),
    ),
]


@pytest.mark.parametrize("server", SERVERS)
def test_every_client_of_browsers_gets_its_answers(
    site: tuple[str, queue.Queue[Any]], tmp_path: Path, server: dict[str, Any]
) -> None:
    """On a port of its own for HTTP beside ``aio``, and on the one port of the native transport."""
    address, told = site
    with MockServer(PROTOS, **server) as mock:
        mock.load(text=STUBS)
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
        url = f"{address}/index.html?mock={mock.http_url}"
        assert CHROMIUM is not None
        browser = subprocess.Popen(
            [CHROMIUM, *options, "--remote-debugging-port=0", url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            found = told.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait()
    transports = ("connect json", "connect proto", "connect-web grpc-web proto", "connect-web grpc-web json")
    assert found == {
        **dict.fromkeys(transports, BY_CONNECT),
        "grpc-web text": {"user": "Alice", "miss": 12, "names": ["A", "B"]},
        "grpc-web binary": {"user": "Alice", "miss": 12, "names": []},
        "fetch": {"user": "Alice", "trailer": "b"},
    }
