"""The admin service of a mock in a test: at an address of its own, and beside threads that use the mock."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import registry

from grpcmock import MockServer
from grpcmock.errors import ConfigError

PATIENCE = 20.0


def ask(mock: MockServer, method: str, path: str, body: str | None = None, **headers: str) -> Any:
    address = urlsplit(mock.admin_url).netloc
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {"content-type": "application/yaml", **headers})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_it_is_off_unless_it_is_asked_for() -> None:
    with MockServer(registry("user.proto"), transport="aio") as mock, pytest.raises(ConfigError, match="admin="):
        _ = mock.admin_url


def test_it_steers_the_mock_and_tells_of_it() -> None:
    with MockServer(registry("user.proto"), transport="aio", admin="127.0.0.1:0") as mock:
        mock.on("user.UserService/GetUser").returns(name="Alice")
        assert ask(mock, "GET", "/v1/stubs")["stubs"][0]["layer"] == "LAYER_TEST"
        assert ask(mock, "POST", "/v1/stubs", "- {name: bob, method: UserService/ListUsers}") == {"names": ["bob"]}
    with mock:
        assert ask(mock, "GET", "/v1/status")["services"] == ["user.UserService"]


def test_its_token_is_demanded() -> None:
    with MockServer(registry("user.proto"), transport="aio", admin="127.0.0.1:0", admin_token="s3cret") as mock:
        assert ask(mock, "GET", "/v1/status")["code"] == 16
        assert "version" in ask(mock, "GET", "/v1/status", authorization="Bearer s3cret")


def test_on_the_port_of_http_it_stands_beside_the_mocks_methods() -> None:
    with MockServer(registry("user.proto"), transport="aio", http="127.0.0.1:0", admin=True) as mock:
        assert mock.admin_url == mock.http_url
        assert ask(mock, "GET", "/v1/status")["version"]


def test_threads_may_change_stubs_meanwhile() -> None:
    with MockServer(registry("user.proto"), transport="aio", admin="127.0.0.1:0") as mock:
        enough = threading.Event()

        def change() -> None:
            while not enough.is_set():
                with mock.snapshot():
                    mock.on("user.UserService/GetUser").returns(name="Alice")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for number in range(20):
                added = ask(mock, "PUT", f"/v1/stubs/s{number}", "{method: UserService/GetUser}")
                assert added == {"names": [f"s{number}"]}
                assert "code" not in ask(mock, "GET", "/v1/stubs")
        finally:
            enough.set()
            thread.join(PATIENCE)
