"""Descriptor sets behind a URL, from a server of the test's that says what it is told to."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support import registry

from grpcmock.errors import SchemaError, TargetError
from grpcmock.schema import sources
from grpcmock.schema.download import Download
from grpcmock.schema.remote import LastGood

USERS = registry("user.proto").files.SerializeToString()


class Web:
    """Answers GET with what stands under a path: status, headers, body; counts the requests."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[dict[str, str]] = []
        self.sent = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append({key.lower(): value for key, value in self.headers.items()})
                status, headers, body = web.pages.get(self.path, (404, {}, b""))
                if status == 200 and headers.get("ETag") and headers["ETag"] == self.headers.get("If-None-Match"):
                    status, body = 304, b""
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)
                if "X-Hang" in headers:
                    web.sent.wait(20)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Web()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.sent.set()
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize("body", [USERS, gzip.compress(USERS)], ids=["plain", "gzip"])
def test_its_files_are_loaded(web: Web, body: bytes) -> None:
    web.pages["/v1/api.binpb"] = 200, {}, body
    assert sources.load([f"{web.url}/v1/api.binpb"]).method("GetUser")
    assert web.seen[0]["user-agent"].startswith("grpcmock/")


def test_it_stands_beside_files(web: Web, tmp_path: Any) -> None:
    web.pages["/api.binpb"] = 200, {}, USERS
    (tmp_path / "teams.proto").write_text(
        'syntax = "proto3"; import "user.proto";'
        "service Teams { rpc Lead(user.UserResponse) returns (user.UserResponse); }"
    )
    assert sources.load([tmp_path, Download(f"{web.url}/api.binpb")]).method("Teams/Lead")
    assert sources.watched([tmp_path, Download(f"{web.url}/api.binpb")]) == [tmp_path]


def test_what_did_not_change_is_not_sent_again(web: Web) -> None:
    web.pages["/api.binpb"] = 200, {"ETag": '"1"'}, USERS
    download = Download(f"{web.url}/api.binpb")
    first = download.read()
    assert download.read() is first
    assert [seen.get("if-none-match") for seen in web.seen] == [None, '"1"']
    web.pages["/api.binpb"] = 200, {"ETag": '"2"'}, registry("library.proto").files.SerializeToString()
    assert download.read() != first


def test_a_redirect_is_followed(web: Web) -> None:
    web.pages["/old.binpb"] = 302, {"Location": "/new.binpb"}, b""
    web.pages["/new.binpb"] = 200, {}, USERS
    assert Download(f"{web.url}/old.binpb").read()


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ((404, {}, b""), "the server answers 404 Not Found."),
        ((401, {}, b""), "401 Unauthorized. It wants credentials: fetch the file with those"),
        ((200, {"Content-Type": "text/html"}, b"<html>"), "not a descriptor set.* The server calls it text/html."),
        ((200, {}, b""), "the descriptor set is empty"),
        ((200, {}, gzip.compress(bytes(3_000_000))), "not a descriptor set"),
        ((200, {}, bytes(3_000_000)), "larger than 2 MiB"),
        ((302, {"Location": "file:///etc/hostname"}, b""), "302"),
        ((302, {"Location": "ftp://127.0.0.1/x"}, b""), "."),
    ],
)
def test_what_is_wrong_is_told(web: Web, page: Any, said: str) -> None:
    web.pages["/api.binpb"] = page
    with pytest.raises(SchemaError, match=said) as refused:
        Download(f"{web.url}/api.binpb", most_bytes=2 << 20).read()
    assert f"{web.url}/api.binpb" in str(refused.value)


def test_it_takes_no_longer_than_it_may(web: Web) -> None:
    web.pages["/api.binpb"] = 200, {"X-Hang": "1", "Content-Length": "100"}, b"1"
    with pytest.raises(SchemaError, match=r"it wasn't there within 0\.2 s"):
        Download(f"{web.url}/api.binpb", timeout=0.2).read()


def test_no_server(web: Web) -> None:
    web.server.server_close()
    with pytest.raises(SchemaError, match="the server can't be reached"):
        Download(f"{web.url}/api.binpb").read()
    with pytest.raises(SchemaError, match="can't be reached"):
        sources.load([f"{web.url}/api.binpb"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://example.com/", "http:///x.binpb"])
def test_a_url_of_no_file_is_refused(url: str) -> None:
    with pytest.raises(SchemaError, match="names no file"):
        Download(url)


def test_a_password_is_not_taken_nor_told() -> None:
    with pytest.raises(SchemaError, match="a URL with a password") as refused:
        Download("https://me:hush@example.com/api.binpb")
    assert "hush" not in str(refused.value)


def test_the_last_good_version_stands_in() -> None:
    class Source:
        error: Exception | None = None

        def read(self) -> Any:
            if self.error is not None:
                raise self.error
            return list(registry("user.proto").files.file)

    source, told = Source(), list[str]()
    kept = LastGood(source, told.append)
    source.error = TargetError("gone")
    with pytest.raises(TargetError):
        kept.read()
    source.error = None
    files = kept.read()
    source.error = TargetError("gone")
    assert kept.read() is files
    assert told == ["The last good protos go on, since they can't be read anew: gone"]
