"""Which pages may call, and what they see."""

from __future__ import annotations

from typing import Any

import pytest
from engine.playbook import engine
from protocols.playbook import Answer, Face, envelope
from support import registry

from grpcmock.errors import ConfigError
from grpcmock.protocols.cors import Cors, parse_origins

GET = "/user.UserService/GetUser"
PAGE = "http://localhost:3000"
STUBS = "[{method: user.UserService/GetUser, headers: {x-said: a}, trailers: {x-last: b}, response: {name: A}}]"


def face(*origins: str) -> Face:
    return Face(engine(registry("user.proto"), STUBS), origins=parse_origins(origins))


def preflight(face: Face, origin: str = PAGE, **more: Any) -> Answer:
    return face.ask("OPTIONS", GET, origin=origin, access_control_request_method="POST", **more)


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ((), "http://localhost:3000", True),
        ((), "https://127.0.0.1", True),
        ((), "http://[::1]:8080", True),
        ((), "http://app.localhost:5173", True),
        ((), "https://example.com", False),
        ((), "http://localhost.example.com", False),
        ((), "null", False),
        ((), "http://[", False),
        (("none",), "http://localhost:3000", False),
        (("*",), "https://example.com", True),
        (("https://example.com",), "https://example.com", True),
        (("https://example.com/",), "https://EXAMPLE.com", True),
        (("https://example.com",), "http://example.com", False),
        (("https://a.com,https://b.com",), "https://b.com", True),
        (("https://example.com",), "http://localhost:3000", False),
    ],
)
def test_who_may_call(origins: tuple[str, ...], origin: str, allowed: bool) -> None:
    assert Cors(parse_origins(origins)).allows(origin) is allowed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("example.com",), "Did you mean 'http://example.com'"),
        (("https://example.com/app",), "Did you mean 'https://example.com'"),
        (("*", "https://example.com"), "stands alone"),
        (("none", "https://example.com"), "stands alone"),
        (("http://x:y",), "is no origin"),
    ],
)
def test_what_is_no_origin(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("*", r"\*")):
        parse_origins(given)


def test_a_preflight_is_answered_without_a_call() -> None:
    mock = face()
    answer = preflight(mock, access_control_request_headers="x-a,connect-protocol-version")
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "x-a,connect-protocol-version"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["vary"] == "origin"
    assert not len(mock.engine.journal)


def test_a_preflight_of_a_page_in_another_network() -> None:
    assert preflight(face(), access_control_request_private_network="true").headers[
        "access-control-allow-private-network"
    ]


def test_a_page_that_may_not_is_told_so_and_so_is_who_runs_the_server() -> None:
    mock = face()
    answer = preflight(mock, "https://example.com")
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers
    assert b"--cors https://example.com" in answer.body
    (warning,) = mock.warnings
    assert "https://example.com" in warning


def test_what_a_page_says_of_its_origin_cant_steer_a_terminal() -> None:
    mock = face()
    preflight(mock, "http://\x9b2J")
    assert mock.warnings[0].isprintable()


def test_options_without_an_origin_is_no_preflight() -> None:
    assert face().ask("OPTIONS", GET).status == 405


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (envelope(b""), "application/grpc-web"),
        (b"", "text/plain"),
        (b"{", "application/json"),
    ],
)
def test_a_page_sees_every_header_of_what_is_answered(body: bytes, kind: str) -> None:
    answer = face().post(GET, body, kind, origin=PAGE)
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    own = {name for name in answer.headers if not name.startswith(("access-control-", "content-", "vary"))}
    assert own - {"grpc-accept-encoding"} <= exposed
    if kind == "application/json" and answer.status == 200:
        assert {"x-said", "trailer-x-last"} <= exposed


def test_any_origin_gets_no_credentials() -> None:
    headers = face("*").post(GET, b"{}", origin="https://example.com").headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


def test_a_page_that_may_not_gets_an_answer_that_its_browser_hides() -> None:
    answer = face().post(GET, b"{}", origin="https://example.com")
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
