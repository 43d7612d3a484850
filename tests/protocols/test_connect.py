"""Connect: unary calls by POST and GET, streams in envelopes, errors as JSON."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

import pytest
from engine.playbook import engine
from protocols.playbook import Face, each_cut, envelope
from support import registry

from grpcmock.protocols.connect.errors import code_name
from grpcmock.protocols.http import Abort, End
from grpcmock.protocols.status_json import HTTP_STATUS
from grpcmock.status import Code

GET = "/user.UserService/GetUser"
LIST = "/user.UserService/ListUsers"
CREATE = "/user.UserService/CreateUsers"
LOOKUP = "/user.UserService/LookupUsers"
COUNT = "/library.Library/CountBooks"
STREAM = "application/connect+json"


PAGE = '{"pageSize": 3}'
COUNTING = "[{method: library.Library/CountBooks, response: {total: '{{ request.page_size }}'}}]"


@pytest.fixture
def library() -> Face:
    return Face(engine(registry("library.proto"), COUNTING))


def end_of(answer: Any) -> Any:
    flags, data = answer.envelopes[-1]
    assert flags == 2
    return json.loads(data)


@pytest.mark.parametrize(
    ("kind", "request_", "response"),
    [
        ("application/json", b'{"id": 1}', b'{"id":1,"name":"Alice"}'),
        ("application/json; charset=utf-8", b'{"id": "1"}', b'{"id":1,"name":"Alice"}'),
        ("application/proto", b"\x08\x01", b"\x08\x01\x12\x05Alice"),
    ],
)
def test_a_unary_call(users: Face, kind: str, request_: bytes, response: bytes) -> None:
    answer = users.post(GET, request_, kind)
    assert (answer.status, answer.body) == (200, response)
    assert answer.headers["content-type"] == kind.partition(";")[0]
    assert next(iter(users.engine.journal)).protocol == "connect"


def test_a_unary_request_may_be_cut_anywhere(users: Face) -> None:
    body = b'{"id": 1}'
    whole = users.post(GET, body)
    for chunks in each_cut(body):
        assert users.post(GET, chunks).parts == whole.parts


def test_headers_and_trailers_of_a_unary_call(users: Face) -> None:
    answer = users.post(GET, b'{"id": 2}')
    assert answer.headers["x-said"] == "first"
    assert answer.headers["x-raw-bin"] == "AAE"
    assert answer.headers["trailer-x-last"] == "at the end"


def test_an_error_with_details(users: Face) -> None:
    answer = users.post(GET, b'{"id": 3}', "application/json")
    assert answer.status == 404
    (detail,) = answer.json.pop("details", None) or [{}]
    assert answer.json["code"] == "not_found"
    assert answer.json["message"] == "no user 3: ☹"
    assert detail["type"] == "google.rpc.ErrorInfo"
    assert base64.b64decode(detail["value"] + "==") == b"\x0a\x04GONE"
    assert detail["debug"] == {"reason": "GONE"}
    assert (answer.headers["x-said"], answer.headers["trailer-x-last"]) == ("first", "at the end")


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK], ids=lambda code: code.name)
def test_every_code_has_its_name_and_http_status(code: Code) -> None:
    stubs = f"[{{method: user.UserService/GetUser, error: {{code: {code.name}}}}}]"
    answer = Face(engine(registry("user.proto"), stubs)).post(GET, b"{}")
    assert answer.status == HTTP_STATUS[code]
    assert answer.json == {"code": code_name(code)}


def test_metadata_and_deadline(users: Face) -> None:
    answer = users.post(GET, b'{"id": 4}', x_key="seen", x_raw_bin="AAE", connect_timeout_ms="1500", user_agent="me")
    assert answer.json == {"name": "seen"}
    (call,) = users.engine.journal
    assert call.deadline == 1.5
    assert call.metadata == (("x-key", "seen"), ("x-raw-bin", b"\0\1"), ("user-agent", "me"))


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compression_both_ways(encoding: Any, compress: Any) -> None:
    stubs = "[{method: user.UserService/GetUser, response: {name: A}}]"
    face = Face(engine(registry("user.proto"), stubs), compression=encoding)
    answer = face.post(GET, compress(b"{}"), content_encoding=encoding, accept_encoding=f"br, {encoding};q=0.5")
    assert answer.headers["content-encoding"] == encoding
    assert zlib.decompress(answer.body, 47) == b'{"name":"A"}'
    assert "content-encoding" not in face.post(GET, b"{}", accept_encoding=f"{encoding};q=0").headers


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"idd": 1}', "'idd'. Did you mean 'id'"),
        (b'{"id": "x"}', "id: expected an int32"),
        (b'{"id": 1', "line 1, column 9"),
        (b'{"id": 1, "id": 2}', "'id' stands twice"),
        (b'{"id": NaN}', "NaN"),
        (b"[1]", "not a list"),
        (b"\xff", "no UTF-8"),
        (b"[" * 100_000, "the body"),
        (b"", "empty"),
    ],
)
def test_json_that_is_wrong_is_told_with_its_path(users: Face, body: bytes, said: str) -> None:
    answer = users.post(GET, body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert said in answer.json["message"]
    assert next(iter(users.engine.journal)).code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content_encoding": "br"}, "unimplemented"),
        ({"connect_protocol_version": "2"}, "invalid_argument"),
        ({"connect_timeout_ms": "12345678901"}, "invalid_argument"),
        ({"x_a_bin": "*"}, "internal"),
    ],
)
def test_a_head_that_is_wrong(users: Face, headers: dict[str, str], code: str) -> None:
    assert users.post(GET, b"{}", **headers).json["code"] == code


@pytest.mark.parametrize("body", [b" " * 100, gzip.compress(b" " * 100_000, mtime=0)])
def test_what_is_too_large_is_refused(body: bytes) -> None:
    face = Face(engine(registry("user.proto")), max_message_size=30)
    encoding = {"content_encoding": "gzip"} if body[:1] == b"\x1f" else {}
    assert face.post(GET, body, **encoding).json["code"] == "resource_exhausted"


def test_a_miss_is_readable(users: Face) -> None:
    answer = users.post(GET, b'{"id": 99}')
    assert (answer.status, answer.headers["trailer-grpcmock-miss"]) == (501, "1")
    assert "The nearest stub" in answer.json["message"]


def test_an_unknown_method(users: Face) -> None:
    answer = users.post("/user.UserService/GetUsr", b"{}")
    assert (answer.status, answer.json["code"]) == (404, "unimplemented")
    assert "GetUser" in answer.json["message"]


@pytest.mark.parametrize(
    ("path", "kind", "taken"),
    [
        (GET, "application/connect+json", "application/json"),
        (GET, "text/plain", "application/json"),
        (LIST, "application/json", "application/connect+json"),
    ],
)
def test_a_content_type_that_isnt_taken(users: Face, path: str, kind: str, taken: str) -> None:
    answer = users.post(path, b"{}", kind)
    assert answer.status == 415
    assert taken in answer.headers["accept-post"]
    assert kind in answer.body.decode()


def test_get_is_for_methods_without_side_effects(users: Face, library: Face) -> None:
    refused = users.ask("GET", f"{GET}?connect=v1&encoding=json&message=%7B%7D")
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert library.ask("PUT", COUNT).headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (f"connect=v1&encoding=json&message={quote(PAGE)}", b'{"total":"3"}'),
        (
            f"connect=v1&encoding=json&base64=1&message={base64.urlsafe_b64encode(PAGE.encode()).decode()}",
            b'{"total":"3"}',
        ),
        ("encoding=proto&base64=1&message=CAM", b"\x18\x03"),
        ("encoding=proto&message=%08%03", b"\x18\x03"),
        (
            "encoding=proto&base64=1&compression=gzip&message="
            + quote(base64.b64encode(gzip.compress(b"\x08\x03", mtime=0)).decode(), safe=""),
            b"\x18\x03",
        ),
    ],
)
def test_the_request_may_stand_in_the_query(library: Face, query: str, body: bytes) -> None:
    answer = library.ask("GET", f"{COUNT}?{query}")
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("connect=v2&encoding=json&message={}", 400),
        ("encoding=xml&message=1", 415),
        ("encoding=json&base64=1&message=*", 400),
        ("encoding=json&compression=br&message={}", 501),
    ],
)
def test_a_query_that_is_wrong(library: Face, query: str, status: int) -> None:
    assert library.ask("GET", f"{COUNT}?{query}").status == status


# Streams ------------------------------------------------------------------------------------------


def test_a_server_stream(users: Face) -> None:
    answer = users.post(LIST, envelope(b'{"page": 1}'), STREAM)
    assert (answer.status, answer.headers["content-type"]) == (200, STREAM)
    assert [data for _, data in answer.envelopes[:-1]] == [b'{"id":1}', b'{"id":2}']
    assert end_of(answer) == {}


def test_a_stream_that_breaks_tells_so_at_its_end(users: Face) -> None:
    answer = users.post(LIST, envelope(b'{"page": 2}'), STREAM)
    assert answer.status == 200
    assert end_of(answer) == {"error": {"code": "data_loss", "message": "lost"}, "metadata": {"x-last": ["at the end"]}}


def test_a_client_stream(users: Face) -> None:
    answer = users.post(CREATE, envelope(b"{}") * 3, STREAM)
    assert answer.envelopes[0] == (0, b'{"created":3}')


def test_streams_may_be_cut_anywhere(users: Face) -> None:
    body = envelope(b'{"id": 7}') + envelope(b'{"id": 8}')
    whole = users.post(LOOKUP, body, STREAM)
    assert len(whole.envelopes) == 3
    for chunks in each_cut(body):
        assert users.post(LOOKUP, chunks, STREAM).parts == whole.parts


def test_what_comes_before_a_wrong_message_is_answered(users: Face) -> None:
    answer = users.post(LOOKUP, envelope(b'{"id": 7}') + envelope(b'{"idd": 8}'), STREAM)
    assert answer.envelopes[0] == (0, b'{"id":7}')
    assert end_of(answer)["error"]["code"] == "invalid_argument"


def test_compressed_envelopes() -> None:
    stubs = "[{method: user.UserService/ListUsers, responses: [{id: 1}]}]"
    face = Face(engine(registry("user.proto"), stubs), compression="gzip")
    body = envelope(gzip.compress(b"{}"), 1)
    answer = face.post(LIST, body, STREAM, connect_content_encoding="gzip", connect_accept_encoding="gzip")
    assert answer.headers["connect-content-encoding"] == "gzip"
    assert [(flags, gzip.decompress(data)) for flags, data in answer.envelopes[:-1]] == [(1, b'{"id":1}')]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (envelope(b"{}")[:-1], {}, "invalid_argument"),
        (envelope(b"{}", 2), {}, "internal"),
        (envelope(b"{}", 1), {}, "internal"),
        (envelope(b"{}"), {"connect_content_encoding": "br"}, "unimplemented"),
        (b"", {}, "unimplemented"),
    ],
)
def test_a_stream_that_breaks_the_rules(users: Face, body: bytes, headers: dict[str, str], code: str) -> None:
    assert end_of(users.post(LIST, body, STREAM, **headers))["error"]["code"] == code


# Faults -------------------------------------------------------------------------------------------


def struck(method: str, fault: str, key: str = "response: {name: Alice}") -> Face:
    name = fault.strip("{}").partition(":")[0]
    stubs = f"[{{method: user.UserService/{method}, {key}, fault: {fault}}}]"
    return Face(engine(registry("user.proto"), stubs, faults=frozenset([name])))


def test_a_unary_answer_cut_short() -> None:
    answer = struck("GetUser", "{truncate: true}").post(GET, b"{}")
    assert int(answer.headers["content-length"]) == len(b'{"name":"Alice"}') > len(answer.body) > 0
    assert answer.is_broken_off


def test_a_unary_answer_that_never_comes() -> None:
    assert list(struck("GetUser", "{reset: true}").post(GET, b"{}").parts) == [Abort()]


@pytest.mark.parametrize("fault", ["{drop_trailers: true}", "{extra_messages: 2}"])
def test_a_fault_that_a_unary_call_has_no_room_for_is_told(fault: str) -> None:
    face = struck("GetUser", fault)
    answer = face.post(GET, b"{}")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert "can't be put on the wire in Connect" in answer.json["message"]
    (call,) = face.engine.journal
    assert call.error is not None


def test_without_a_way_to_break_off_faults_that_need_it_are_told() -> None:
    answer = struck("GetUser", "{reset: true}").post(GET, b"{}", can_reset=False)
    assert answer.json["code"] == "internal"


def test_garbage_is_sent_as_it_is() -> None:
    answer = struck("GetUser", "{garbage: 20}").post(GET, b"{}")
    assert (answer.status, len(answer.body)) == (200, 20)


def test_a_stream_without_its_end() -> None:
    answer = struck("ListUsers", "{drop_trailers: true}", "responses: [{id: 1}]").post(LIST, envelope(b"{}"), STREAM)
    assert [flags for flags, _ in answer.envelopes] == [0]
    assert answer.parts[-1] == End()


def test_an_envelope_cut_short() -> None:
    answer = struck("ListUsers", "{truncate: true}", "responses: [{id: 1}]").post(LIST, envelope(b"{}"), STREAM)
    assert int.from_bytes(answer.body[1:5], "big") > len(answer.body) - 5
