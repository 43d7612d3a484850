"""Which HTTP requests get to the admin service."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.protocols.http import RequestHead
from grpcmock.schema.admin import registry
from grpcmock.servers.addresses import Address
from grpcmock.servers.admin.access import Access
from grpcmock.servers.admin.guard import Guard, RefusalNotes
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

LOCAL, AFAR = "ipv4:127.0.0.1:5000", "ipv4:192.0.2.7:5000"
BEARER = {"authorization": "Bearer s3cret"}


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def verdict(
    headers: dict[str, str],
    options: AdminOptions | None = None,
    *,
    method: str = "GET",
    target: str = "/v1/stubs",
    peer: str = LOCAL,
    **how: Any,
) -> Code:
    options = options or AdminOptions()
    guard = Guard(Access(options.token), options)
    guard.know(Address("tcp", "mock.internal", 9))
    try:
        guard.check(RequestHead(method, target, tuple(headers.items()), peer=peer), **how)
    except RefusedError as error:
        return error.code
    return Code.OK


@pytest.mark.parametrize(
    ("host", "without", "with_token"),
    [
        ("localhost", True, True),
        ("localhost:8080", True, True),
        ("LOCALHOST.:8080", True, True),
        ("app.localhost:1", True, True),
        ("127.0.0.1:50", True, True),
        ("127.3.2.1", True, True),
        ("[::1]:50", True, True),
        ("mock.internal:9", True, True),
        ("Named.example", True, True),
        ("10.0.0.5:9", False, True),
        ("[2001:db8::1]:9", False, True),
        ("0.0.0.0:9", False, True),
        ("evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("localhost.evil.example", False, False),
        ("evillocalhost", False, False),
        ("named.example.evil.example", False, False),
        ("localhost@evil.example", False, False),
        ("[::1", False, False),
        ("", False, False),
    ],
)
def test_only_names_of_this_server_are_answered_to(host: str, without: bool, with_token: bool) -> None:
    options = AdminOptions(hosts=("named.example",))
    assert (verdict({"host": host}, options) is Code.OK) is without
    guarded = AdminOptions("s3cret", hosts=("named.example",))
    found = verdict({"host": host, **BEARER}, guarded, peer=AFAR)
    assert found is (Code.OK if with_token else Code.PERMISSION_DENIED)


def test_no_browser_gets_to_a_unix_socket() -> None:
    assert verdict({"host": "whatever"}, peer="unix:") is Code.OK


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, True),
        ({"origin": "http://localhost:80"}, True),
        ({"origin": "http://localhost:81"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://ci.example"}, True),
        ({"origin": "https://ci.example", "sec-fetch-site": "cross-site"}, True),
        ({"origin": "https://ci.example.evil.example"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_are_refused_save_those_that_are_named(
    headers: dict[str, str], passes: bool, method: str
) -> None:
    options = AdminOptions(origins=("https://ci.example",))
    found = verdict({"host": "localhost:80", **headers}, options, method=method)
    assert found is (Code.OK if passes else Code.PERMISSION_DENIED)


def test_a_link_may_open_a_page_but_no_page_may_embed_it() -> None:
    headers = {"host": "localhost", "sec-fetch-site": "cross-site"}
    assert verdict({**headers, "sec-fetch-mode": "navigate"}, opens_page=True) is Code.OK
    assert verdict({**headers, "sec-fetch-mode": "no-cors"}, opens_page=True) is Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        (BEARER, True),
        (basic(":s3cret"), True),
        (basic("anybody:s3cret"), True),
        (basic("s3cret"), False),
        (basic("s3cret:"), False),
        (basic("anybody:s3crets"), False),
        ({"authorization": "Basic s3cret"}, False),
        ({"authorization": "Basic %%%"}, False),
        ({"authorization": "Digest s3cret"}, False),
        ({}, False),
    ],
)
def test_a_token_is_needed_from_everywhere(headers: dict[str, str], passes: bool) -> None:
    for peer in (LOCAL, AFAR):
        found = verdict({"host": "localhost", **headers}, AdminOptions("s3cret"), peer=peer, opens_page=True)
        assert found is (Code.OK if passes else Code.UNAUTHENTICATED)


def test_without_one_only_this_machine_is_answered() -> None:
    assert verdict({"host": "localhost"}, peer=AFAR) is Code.UNAUTHENTICATED


@pytest.mark.parametrize("query", ["token=s3cret", "Token=", "access_token=x", "text=s3cret", "text=s3%63ret"])
def test_a_token_in_a_url_is_refused_even_beside_a_right_one(query: str) -> None:
    found = verdict({"host": "localhost", **BEARER}, AdminOptions("s3cret"), target=f"/v1/calls?{query}")
    assert found is Code.INVALID_ARGUMENT


def test_a_preflight_of_a_named_origin_needs_no_token() -> None:
    options = AdminOptions("s3cret", origins=("https://ci.example",))
    headers = {"host": "localhost", "origin": "https://ci.example"}
    assert verdict(headers, options, method="OPTIONS") is Code.OK
    assert verdict({"host": "localhost"}, options, method="OPTIONS") is Code.UNAUTHENTICATED


def test_refusals_are_noted_but_never_flood_the_notes() -> None:
    now = [100.0]
    engine = Engine(registry(), options=EngineOptions(monotonic=lambda: now[0]))
    notes = RefusalNotes(engine)
    for number in range(500):
        notes.take(f"refusal {number}")
    assert [note.text for note in engine.journal.notes] == [f"refusal {number}" for number in range(5)]
    now[0] += 60
    notes.take("another")
    assert [note.text for note in engine.journal.notes][5:] == [
        "The admin service refused 495 more requests.",
        "another",
    ]
