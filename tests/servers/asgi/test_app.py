"""The application on another ASGI server."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems
from grpcmock.protocols.face import HttpFace
from grpcmock.servers.asgi.app import HttpApplication
from grpcmock.stubs import loader

GET = "/user.UserService/GetUser"
STUBS = "- {method: user.UserService/GetUser, request: {id: 1}, response: {name: Alice}}"


def envelope(message: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(message)) + message


async def test_the_application_lives_on_any_server(users_face: HttpFace) -> None:
    app = HttpApplication(users_face, services={}, warn=print)
    sent: list[Any] = []
    events = iter([{"type": "http.request", "body": b'{"id": 1}', "more_body": False}])

    async def receive() -> Any:
        return next(events, {"type": "http.disconnect"})

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": GET,
        "query_string": b"",
        "http_version": "2",
        "headers": [(b"content-type", b"application/grpc"), (b"te", b"trailers")],
        "client": None,
        "extensions": {"http.response.trailers": {}},
    }
    events = iter([{"type": "http.request", "body": envelope(b"\x08\x01"), "more_body": False}])
    await app(scope, receive, send)
    assert [event["type"] for event in sent][-1] == "http.response.trailers"
    assert (b"grpc-status", b"0") in sent[-1]["headers"]


async def test_it_says_that_it_lives(users_face: HttpFace) -> None:
    app = HttpApplication(users_face, services={}, warn=print)
    sent: list[Any] = []
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(events)

    async def send(event: Any) -> None:
        sent.append(event["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.fixture
def users_face() -> HttpFace:
    protos, problems = registry("user.proto"), Problems()
    stubs = loader.load_text(STUBS, "stubs.yaml", problems)
    return HttpFace(Engine(protos, stubs, problems=problems))
