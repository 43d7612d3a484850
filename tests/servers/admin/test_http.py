"""The admin service by HTTP on real sockets: REST, the YAML itself as the body, streams, refusals."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from admin_mock import BOB, PATIENCE, Mock

from grpcmock.protocols.http import Response
from grpcmock.schema.admin import registry
from grpcmock.servers.admin import calls
from grpcmock.servers.admin.face import BODY_LIMIT
from grpcmock.servers.admin.options import AdminOptions
from grpcmock.servers.transports import has_native

needs_native = pytest.mark.skipif(not has_native(), reason="the native transport isn't built")


def test_stubs_come_and_go_by_rest(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    assert mock.ask("POST", "/v1/stubs", {"stubs": BOB}).json == {"names": ["bob"]}
    listed = mock.ask("GET", "/v1/stubs?layer=LAYER_RUNTIME&with_yaml=true").json["stubs"]
    assert [stub["name"] for stub in listed] == ["bob"]
    assert "Bob" in listed[0]["yaml"]
    mock.call(2)
    assert mock.ask("GET", "/v1/calls?stub=bob").json["calls"][0]["stub"] == "bob"
    assert mock.ask("DELETE", "/v1/stubs").json == {"names": ["bob"]}
    assert mock.ask("GET", "/v1/stubs?layer=LAYER_RUNTIME").json == {}


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml", "application/x-yaml", "text/plain; charset=utf-8"])
@pytest.mark.parametrize("text", [BOB, '{"name": "bob", "method": "UserService/GetUser"}'], ids=["yaml", "json"])
def test_the_text_of_stubs_itself_may_be_the_body(mocked: Callable[..., Mock], kind: str, text: str) -> None:
    mock = mocked()
    answer = mock.ask("POST", "/v1/stubs?source=mine.yaml", text, content_type=kind)
    assert answer.json == {"names": ["bob"]}
    assert mock.ask("POST", "/v1/stubs", text, content_type=kind).status == 409
    assert mock.ask("POST", "/v1/stubs?replace=true", text, content_type=kind).status == 200
    assert mock.ask("POST", "/v1/stubs?replaced=true", text, content_type=kind).status == 400


def test_names_may_hold_what_paths_are_made_of(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    name = "stubs/a b.yaml:1"
    path = "/v1/stubs/stubs%2Fa%20b.yaml%3A1"
    assert mock.ask("PUT", path, "{method: UserService/GetUser}", content_type="text/yaml").json == {"names": [name]}
    assert mock.ask("GET", path).json["name"] == name
    assert mock.ask("POST", f"{path}:disable").json["disabled"] is True
    assert mock.ask("DELETE", path).json == {"names": [name]}


def test_what_is_wrong_in_stubs_is_told_with_its_places(mocked: Callable[..., Mock]) -> None:
    text = "- method: UserService/GetUser\n  request: {idd: 1}\n"
    answer = mocked().ask("POST", "/v1/stubs?source=mine.yaml", text, content_type="application/yaml")
    assert (answer.status, answer.json["code"]) == (400, 3)
    (details,) = answer.json["details"]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    (violation,) = details["fieldViolations"]
    assert violation["field"].startswith("request")
    assert violation["description"].startswith("mine.yaml:2:")


def test_calls_are_watched_as_events_and_gone_on_with_after_the_last_one(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    watch = mock.begin("GET", "/v1/calls:watch")
    assert watch.headers["content-type"] == "text/event-stream"
    mock.call(1)
    assert watch.readline() == b"id: 1\n"
    told = json.loads(watch.readline().removeprefix(b"data: "))
    assert (told["call"]["id"], told["call"]["stub"]) == ("1", "alice")
    mock.call(9)
    mock.call(1)
    again = mock.begin("GET", "/v1/calls:watch", Last_Event_ID="1")
    assert again.readline() == b"id: 2\n"


def test_calls_are_watched_as_lines_where_that_is_asked_for(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    watch = mock.begin("GET", "/v1/calls:watch?misses=true", Accept="application/x-ndjson")
    assert watch.headers["content-type"] == "application/x-ndjson"
    mock.call(1)
    mock.call(9)
    assert json.loads(watch.readline())["result"]["call"]["id"] == "2"


@pytest.mark.parametrize("transport", ["aio", pytest.param("native", marks=needs_native)])
def test_a_search_whose_asker_has_gone_is_dropped(
    mocked: Callable[..., Mock], monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    began, dropped = threading.Event(), threading.Event()

    async def endless(*_: Any) -> AsyncIterator[None]:
        began.set()
        try:
            await asyncio.Event().wait()
            yield
        except asyncio.CancelledError:
            dropped.set()
            raise

    monkeypatch.setattr(calls, "meant", endless)
    address = mocked(transport=transport).address
    with socket.create_connection((address.host, address.port), PATIENCE) as asker:
        asker.sendall(b"GET /v1/calls?text=5000 HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n")
        assert began.wait(PATIENCE)
    assert dropped.wait(PATIENCE)


def test_a_watch_ends_with_the_server(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    watch = mock.begin("GET", "/v1/calls:watch")
    mock.drain()
    assert watch.readline() == b"event: error\n"
    assert b"shutting down" in watch.read()


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/v1/stbus", 404, "Did you mean GET /v1/stubs?"),
        ("GET", "/v1/status/", 404, "There is no path /v1/status/ here."),
        ("PATCH", "/v1/stubs", 405, "takes DELETE, GET, POST, not PATCH"),
        ("GET", "/v1/stubs?layers=x", 400, "Did you mean 'layer'?"),
        ("GET", "/v1/stubs?layer=LAYER_FIEL", 400, "Did you mean 'LAYER_FILE'?"),
        ("GET", "/v1/calls?method=UserService/GetUsr", 404, "Did you mean 'user.UserService/GetUser'?"),
    ],
)
def test_errors_are_statuses_in_json(
    mocked: Callable[..., Mock], method: str, path: str, status: int, said: str
) -> None:
    answer = mocked().ask(method, path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert said in answer.json["message"]
    assert ("allow" in answer.headers) is (status == 405)


def test_a_body_that_is_too_large_is_refused_and_noted(mocked: Callable[..., Mock]) -> None:
    body, mock = "# " + "x" * BODY_LIMIT, mocked()
    answer = mock.ask("POST", "/v1/stubs", body, content_type="application/yaml")
    assert (answer.status, answer.json["code"]) == (413, 8)
    (note,) = mock.ask("GET", "/v1/notes").json["notes"]
    assert "refused POST /v1/stubs" in note["text"] and "larger than max" in note["text"]


def test_a_form_is_told_what_is_taken(mocked: Callable[..., Mock]) -> None:
    answer = mocked().ask("POST", "/v1/stubs", BOB, content_type="application/x-www-form-urlencoded")
    assert answer.status == 415
    assert "application/yaml" in answer.json["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_what_is_refused_is_noted(mocked: Callable[..., Mock], headers: dict[str, str], status: int) -> None:
    mock = mocked()
    assert mock.ask("DELETE", "/v1/stubs", **headers).status == status
    (note,) = mock.ask("GET", "/v1/notes").json["notes"]
    assert note["level"] == "warning"
    assert note["text"].startswith("The admin service refused DELETE /v1/stubs from ipv4:127.0.0.1:")


def test_the_token_covers_every_path_and_browsers_are_asked_for_it(mocked: Callable[..., Mock]) -> None:
    mock = mocked(AdminOptions("s3cret", apart=True))
    mock.host.pages.add("/", lambda _: Response.whole(200, "text/html", b"the page"))  # type: ignore[union-attr]
    for path in ("/", "/v1/status", "/nowhere"):
        answer = mock.ask("GET", path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert mock.ask("GET", path, authorization="Bearer s3cret").status == (404 if path == "/nowhere" else 200)


@pytest.mark.parametrize(
    ("short", "told"),
    [
        ({"reset": True}, {"reset": "CANCEL"}),
        ({"reset": "refused_stream"}, {"reset": "REFUSED_STREAM"}),
        ({"reset": False, "latency": {"min": "1ms", "max": "2ms"}}, {"latency": "1ms..2ms"}),
        ({"status": "UNAVAILABLE"}, {"status": {"code": "UNAVAILABLE", "message": "failed by a fault profile"}}),
        ({"status": 14, "methods": "Get*"}, {"methods": ["Get*"]}),
        ({"wrong_status": 99, "quota": 5}, {"wrongStatus": "99", "quota": {"count": "5"}}),
    ],
)
def test_a_fault_is_set_in_the_words_of_python(
    mocked: Callable[..., Mock], short: dict[str, Any], told: dict[str, Any]
) -> None:
    answer = mocked(AdminOptions(), has_http=True).ask("PUT", "/v1/faults/it", short)
    assert answer.status == 200, answer.body
    assert told.items() <= answer.json.items()


@pytest.mark.parametrize(
    "wrong", [[], {"reset": 1}, {"latency": {"min": "1ms"}}, {"wrong_status": True}, {"quota": []}, {"status": []}]
)
def test_a_fault_that_is_none_in_any_words_is_refused(mocked: Callable[..., Mock], wrong: Any) -> None:
    answer = mocked().ask("PUT", "/v1/faults/it", json.dumps(wrong), content_type="application/json")
    assert answer.json["code"] == 3


def test_other_protocols_are_refused_in_their_own_words(mocked: Callable[..., Mock]) -> None:
    mock = mocked(AdminOptions("s3cret", apart=True))
    path = "/grpcmock.admin.v1.AdminService/GetStatus"
    connect = mock.ask("POST", path, {})
    assert (connect.status, connect.json["code"]) == (401, "unauthenticated")
    web = mock.ask("POST", path, b"\0\0\0\0\0", content_type="application/grpc-web+proto")
    assert b"grpc-status: 16\r\n" in web.body
    assert mock.ask("POST", path, {}, authorization="Bearer s3cret").json["version"]


def test_pages_are_added_while_the_server_runs(mocked: Callable[..., Mock]) -> None:
    mock = mocked()
    assert mock.ask("GET", "/there").status == 404
    mock.host.pages.add("/there", lambda head: Response.whole(200, "text/plain", head.query.encode()))  # type: ignore[union-attr]
    assert mock.ask("GET", "/there?a=b").body == b"a=b"
    assert mock.ask("HEAD", "/there?a=b").headers["content-length"] == "3"
    assert mock.ask("POST", "/there").status == 405


def test_pages_of_a_named_origin_may_call(mocked: Callable[..., Mock]) -> None:
    mock = mocked(AdminOptions(origins=("https://ci.example",), apart=True))
    asked = {"Origin": "https://ci.example", "Access_Control_Request_Method": "POST"}
    assert mock.ask("OPTIONS", "/v1/stubs", **asked).status == 204
    answer = mock.ask("GET", "/v1/stubs", Origin="https://ci.example", Sec_Fetch_Site="cross-site")
    assert answer.headers["access-control-allow-origin"] == "https://ci.example"
    assert "access-control-allow-origin" not in mock.ask("GET", "/v1/stubs").headers


class TestOnTheMocksOwnPort:
    def test_it_stands_behind_the_methods_that_are_mocked(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(AdminOptions(), has_http=True)
        answered = mock.ask("POST", "/user.UserService/GetUser", {"id": 1}, Origin="http://localhost:3000")
        assert answered.json["name"] == "Alice"
        assert mock.ask("GET", "/v1/calls").json["calls"][0]["protocol"] == "connect"
        assert mock.ask("GET", "/v1/stubs", Origin="http://localhost:3000").status == 403
        steered = mock.ask("POST", "/grpcmock.admin.v1.AdminService/Reset", {}, Origin="http://localhost:3000")
        assert steered.status == 403
        assert mock.ask("GET", "/no/such/path").status == 404

    def test_who_means_it_is_told_its_methods(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(AdminOptions(), has_http=True)
        meant = "Did you mean 'grpcmock.admin.v1.AdminService/ListStubs'?"
        answer = mock.ask("POST", "/grpcmock.admin.v1.AdminService/ListStub", {})
        assert meant in answer.json["message"]
        with grpc.insecure_channel(str(mock.host.addresses[0]), (("grpc.enable_http_proxy", 0),)) as channel:
            method: Any = channel.unary_unary("/grpcmock.admin.v1.AdminService/ListStub")
            assert meant in method.future(b"", timeout=PATIENCE).exception().details()
        other = mock.ask("POST", "/no.such.Service/ListStub", {})
        assert "user.UserService" in other.json["message"]
        assert "grpcmock" not in other.json["message"]

    def test_its_address_is_told(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(AdminOptions())
        assert mock.host.admin_addresses == mock.host.addresses

    def test_a_listener_of_its_own_keeps_it_off_the_mocks_port(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(AdminOptions(apart=True))
        with grpc.insecure_channel(str(mock.host.addresses[0]), (("grpc.enable_http_proxy", 0),)) as channel:
            method: Any = channel.unary_unary("/grpcmock.admin.v1.AdminService/GetStatus")
            call = method.future(b"", timeout=PATIENCE)
            assert call.exception().code() is grpc.StatusCode.UNIMPLEMENTED


@needs_native
class TestOnNative:
    def test_the_mocks_own_port_speaks_it_all(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(AdminOptions(), transport="native")
        assert mock.ask("GET", "/v1/status").json["version"]
        assert mock.ask("GET", "/openapi.json").json["openapi"] == "3.1.0"
        assert mock.ask("POST", "/v1/stubs", BOB, content_type="application/yaml").json == {"names": ["bob"]}
        mock.call(2)
        assert mock.ask("GET", "/v1/calls").json["calls"][0]["stub"] == "bob"
        assert mock.ask("GET", "/v1/stubs", Host="evil.example").status == 403
        assert mock.ask("POST", "/user.UserService/GetUser", {"id": 1}, Host="any.example").json["name"] == "Alice"
        watch = mock.begin("GET", "/v1/calls:watch")
        assert watch.headers["content-type"] == "text/event-stream"
        mock.call(1)
        assert watch.readline() == b"id: 3\n"

    @pytest.mark.parametrize("apart", [True, False])
    def test_grpc_is_spoken_there_too(self, mocked: Callable[..., Mock], apart: bool) -> None:
        mock = mocked(AdminOptions("s3cret", apart=apart), transport="native")
        assert mock.ask("GET", "/v1/status").status == 401
        method = registry().method("AdminService/GetStatus")
        with grpc.insecure_channel(str(mock.address), (("grpc.enable_http_proxy", 0),)) as channel:
            call: Any = channel.unary_unary(method.path)
            answer = call(b"", metadata=(("authorization", "Bearer s3cret"),), timeout=PATIENCE)
            assert method.response_class.FromString(answer).version  # type: ignore[attr-defined]
            assert call.future(b"", timeout=PATIENCE).exception().code() is grpc.StatusCode.UNAUTHENTICATED

    def test_disabling_a_stub_reaches_what_was_known(self, mocked: Callable[..., Mock]) -> None:
        mock = mocked(transport="native")
        for _ in range(3):
            mock.call(1)
        assert mock.ask("POST", "/v1/stubs/alice:disable").json["count"] == "3"
        mock.call(1)
        assert mock.ask("POST", "/v1/stubs/alice:enable").json["count"] == "3"
        mock.call(1)
        told = [call.get("stub", "") for call in mock.ask("GET", "/v1/calls").json["calls"]]
        assert told == ["alice", "alice", "alice", "", "alice"]
