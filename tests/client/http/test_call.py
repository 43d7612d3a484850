"""Calls over HTTP/1.1 as a client makes them: against a mock on a socket, and against answers that are wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from support import registry

from grpcmock import MockServer
from grpcmock.client.call import Status
from grpcmock.client.conversation import converse
from grpcmock.client.details import decode_details
from grpcmock.client.http.call import HttpCall
from grpcmock.client.http.forms import ConnectForm, Form, GrpcWebForm
from grpcmock.client.http.json_form import JsonForm
from grpcmock.client.target import Target
from grpcmock.errors import ConfigError, TargetError
from grpcmock.protocols.interface import WireError
from grpcmock.schema import Method
from grpcmock.schema.codec import decode, to_tree
from grpcmock.status import Code

PROTO = registry("library.proto")
BOOK = "shelves/1/books/2"
STUBS = f"""
- method: library.Library/GetBook
  request: {{name: {BOOK}}}
  headers: {{x-said: first}}
  trailers: {{x-last: at the end}}
  response: {{title: Q, pages: 3}}
- method: library.Library/GetBook
  request: {{name: shelves/1/books/gone}}
  error:
    code: NOT_FOUND
    message: "gone: ☹"
    details: [{{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: GONE}}]
- method: library.Library/GetBook
  request: {{name: shelves/1/books/hang}}
  response: {{}}
  fault: {{hang: true}}
- method: library.Library/GetBook
  request: {{name: shelves/1/books/cut}}
  response: {{title: Q}}
  fault: {{truncate: true}}
- method: library.Library/WatchBooks
  request: {{page_size: 2}}
  responses: [{{title: a}}, {{title: b}}]
  error: {{code: ABORTED, message: lost}}
- {{method: library.Library/ImportBooks, response: {{total: "{{{{ requests | length }}}}"}}}}
- {{method: library.Library/EchoBooks, script: [on: [send: {{name: "{{{{ message.name }}}}"}}]]}}
- {{method: library.Library/UpdateBook, response: {{title: changed}}}}
- {{method: library.Library/GetCover, response: {{content_type: image/png, data: AAE=}}}}
"""

FORMS: dict[str, Callable[[Method], Form]] = {
    "connect": ConnectForm,
    "grpc_web": GrpcWebForm,
    "json": lambda method: JsonForm(method, PROTO),
}


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(PROTO, http="127.0.0.1:0") as server:
        server.load(text=STUBS)
        yield server


async def called(
    mock: MockServer, protocol: str, name: str, *requests: dict[str, Any], **more: Any
) -> tuple[list[Any], Status, HttpCall]:
    method = PROTO.method(f"library.Library/{name}")
    responses: list[Any] = []

    async def given() -> AsyncIterator[bytes]:
        for request in requests:
            yield method.request_class(**request).SerializeToString()

    async def show(data: bytes) -> None:
        responses.append(to_tree(decode(method.response_class, data)))

    target = Target.parse(mock.http_url, metadata=(("x-key", "a"), ("x-raw-bin", b"\0\1")))
    call = HttpCall(target, FORMS[protocol](method), **more)
    return responses, await converse(call, given(), show), call


@pytest.fixture(params=FORMS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_unary_call(mock: MockServer, protocol: str) -> None:
    responses, status, call = await called(mock, protocol, "GetBook", {"name": BOOK})
    assert (responses, status.code) == ([{"title": "Q", "pages": "3"}], Code.OK)
    assert ("x-said", "first") in await call.headers()
    assert ("x-last", "at the end") in status.trailers
    assert (call.sent, call.received) == (1, 1)
    seen = mock.calls.last
    assert seen.protocol == protocol
    assert (seen.metadata["x-key"], seen.metadata["x-raw-bin"]) == ("a", b"\0\1")


async def test_an_error_with_details(mock: MockServer, protocol: str) -> None:
    responses, status, _ = await called(mock, protocol, "GetBook", {"name": "shelves/1/books/gone"})
    assert (responses, status.code, status.message) == ([], Code.NOT_FOUND, "gone: ☹")
    rich = decode_details(status.trailers, PROTO)
    assert rich is not None
    assert [detail.tree()["reason"] for detail in rich.details] == ["GONE"]


async def test_a_stream_that_breaks(mock: MockServer, protocol: str) -> None:
    responses, status, _ = await called(mock, protocol, "WatchBooks", {"page_size": 2})
    assert (responses, status.code) == ([{"title": "a"}, {"title": "b"}], Code.ABORTED)


async def test_streams_of_requests(mock: MockServer, protocol: str) -> None:
    responses, status, _ = await called(mock, protocol, "ImportBooks", {"name": "a"}, {"name": "b"})
    assert (responses, status.code) == ([{"total": "2"}], Code.OK)
    responses, status, _ = await called(mock, protocol, "EchoBooks", {"name": "a"}, {"name": "b"})
    assert (responses, status.code) == ([{"name": "a"}, {"name": "b"}], Code.OK)


async def test_a_deadline(mock: MockServer, protocol: str) -> None:
    _, status, _ = await called(mock, protocol, "GetBook", {"name": "shelves/1/books/hang"}, deadline=0.1)
    assert status.code is Code.DEADLINE_EXCEEDED


async def test_an_answer_that_is_cut(mock: MockServer, protocol: str) -> None:
    _, status, _ = await called(mock, protocol, "GetBook", {"name": "shelves/1/books/cut"})
    assert status.code is not Code.OK


async def test_a_body_and_a_query_by_json(mock: MockServer) -> None:
    book = {"name": BOOK, "title": "T", "authors": ["A", "B"]}
    request = {"book": book, "mask": {"paths": ["title", "printed_at"]}}
    responses, _, _ = await called(mock, "json", "UpdateBook", request)
    assert responses == [{"title": "changed"}]
    assert to_tree(mock.calls.last.request) == {"book": book, "mask": "title,printedAt"}


async def test_a_body_of_any_type_by_json(mock: MockServer) -> None:
    responses, _, _ = await called(mock, "json", "GetCover", {"name": "x y/z"})
    assert responses == [{"content_type": "image/png", "data": "AAE="}]
    assert mock.calls.last.request.name == "x y/z"


async def test_what_json_has_no_path_for(mock: MockServer) -> None:
    with pytest.raises(ConfigError, match=r"no values that fit a path .* DELETE /v1/\{name"):
        await called(mock, "json", "DeleteBook", {"name": "x"})
    with pytest.raises(ConfigError, match=r"no google\.api\.http annotation"):
        await called(mock, "json", "CountBooks", {})


async def test_nobody_there() -> None:
    target = Target.parse("127.0.0.1:1")
    call = HttpCall(target, ConnectForm(PROTO.method("library.Library/GetBook")))
    await call.half_close()
    with pytest.raises(TargetError, match=r"127\.0\.0\.1:1 can't be reached"):
        await call.receive()


# Answers that are wrong ---------------------------------------------------------------------------


def answered(form: Form, status: int, headers: dict[str, str], body: bytes) -> tuple[list[bytes], Status]:
    form.begin(status, tuple(headers.items()))
    messages = [message for at in range(len(body)) for message in form.feed(body[at : at + 1])]
    return [*messages, *form.end()], form.status


def unary(protocol: str) -> Form:
    return FORMS[protocol](PROTO.method("library.Library/GetBook"))


def stream(protocol: str) -> Form:
    return FORMS[protocol](PROTO.method("library.Library/WatchBooks"))


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, Code.UNIMPLEMENTED), (503, Code.UNAVAILABLE), (401, Code.UNAUTHENTICATED), (418, Code.UNKNOWN)],
)
@pytest.mark.parametrize(("make", "protocol"), [(unary, "connect"), (stream, "connect"), (unary, "grpc_web")])
def test_a_bare_status_of_http(make: Callable[[str], Form], protocol: str, status: int, code: Code) -> None:
    messages, found = answered(make(protocol), status, {"content-type": "text/html"}, b"<p>no")
    assert (messages, found.code) == ([], code)
    assert f"HTTP status {status}: <p>no" in found.message


def test_a_connect_error_with_an_unknown_code_and_a_detail_that_is_none() -> None:
    tree = {"code": "strange", "message": "m", "details": [{"type": "a.B", "value": "*"}]}
    _, status = answered(unary("connect"), 500, {"content-type": "application/json"}, json.dumps(tree).encode())
    assert (status.code, status.message) == (Code.UNKNOWN, "m")


def test_trailers_in_the_head_of_grpc_web() -> None:
    headers = {"content-type": "application/grpc-web", "grpc-status": "5", "grpc-message": "not%20here"}
    _, status = answered(unary("grpc_web"), 200, headers, b"")
    assert (status.code, status.message) == (Code.NOT_FOUND, "not here")


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (stream("connect"), b"\x02\0\0\0\1{"),
        (stream("connect"), b"\x01\0\0\0\1x"),
        (unary("grpc_web"), b"\x01\0\0\0\1x"),
        (unary("json"), b"nonsense"),
        (unary("json"), b'{"titel": 1}'),
        (stream("json"), b'{"result": {"title": "a"}}\n{"resu'),
        (stream("json"), b"nonsense\n"),
    ],
)
def test_what_isnt_of_the_protocol_is_told(form: Form, body: bytes) -> None:
    kind = "application/grpc-web" if isinstance(form, GrpcWebForm) else "application/json"
    with pytest.raises(WireError):
        answered(form, 200, {"content-type": kind}, body)


@pytest.mark.parametrize("form", [stream("connect"), unary("grpc_web")], ids=["connect", "grpc_web"])
def test_an_answer_without_its_end(form: Form) -> None:
    _, status = answered(form, 200, {"content-type": "application/grpc-web"}, b"\0\0\0\0\0")
    assert (status.code, status.message) == (Code.UNKNOWN, "The answer ended without a status.")


def test_what_goes_out() -> None:
    request = unary("connect").request([b"\x0a\x01x"], (("k-bin", b"\0"),), 0.25)
    assert (request.method, request.target, request.body) == ("POST", "/library.Library/GetBook", b"\x0a\x01x")
    assert dict(request.headers)["connect-timeout-ms"] == "250"
    assert dict(request.headers)["k-bin"] == base64.b64encode(b"\0").decode().rstrip("=")
    request = unary("json").request([PROTO.message("library.GetBookRequest")(name=BOOK).SerializeToString()], (), 2)
    assert (request.method, request.target, request.body) == ("GET", f"/v1/{BOOK}", b"")
    assert dict(request.headers)["grpc-timeout"] == "2000m"
