"""gRPC as a protocol of the face: what goes on the wire of HTTP/2, and what comes from it, cut anywhere."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from engine.playbook import engine
from protocols.playbook import Answer, Face, each_cut, envelope
from support import registry

from grpcmock.protocols.http import Abort, End
from grpcmock.status import Code

GET = "/user.UserService/GetUser"
LIST = "/user.UserService/ListUsers"
LOOKUP = "/user.UserService/LookupUsers"
ALICE = b"\x08\x01\x12\x05Alice"


def ask(face: Face, path: str, body: bytes | list[bytes], kind: str = "application/grpc", **more: Any) -> Answer:
    return face.ask("POST", path, body, content_type=kind, te="trailers", version="2", takes_trailers=True, **more)


def test_a_unary_call(users: Face) -> None:
    answer = ask(users, GET, envelope(b"\x08\x01"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/grpc"
    assert answer.envelopes == [(0, ALICE)]
    assert answer.trailers == {"grpc-status": "0"}


@pytest.mark.parametrize("kind", ["application/grpc+proto", "application/grpc+json"])
def test_the_content_type_is_given_back(users: Face, kind: str) -> None:
    message = b'{"id":1}' if kind.endswith("json") else b"\x08\x01"
    answer = ask(users, GET, envelope(message), kind)
    assert answer.headers["content-type"] == kind
    assert answer.envelopes == [(0, b'{"id":1,"name":"Alice"}' if kind.endswith("json") else ALICE)]


def test_an_error_stands_in_the_head_alone(users: Face) -> None:
    answer = ask(users, LIST, envelope(b"\x08\x04"))
    assert answer.parts == (answer.head, End()) or list(answer.parts) == [answer.head, End()]
    assert answer.headers["grpc-status"] == "7"
    assert answer.headers["grpc-message"] == "no"


def test_an_error_behind_messages_stands_in_the_trailers(users: Face) -> None:
    answer = ask(users, LIST, envelope(b"\x08\x02"))
    assert len(answer.envelopes) == 1
    assert answer.trailers == {"grpc-status": "15", "grpc-message": "lost", "x-last": "at the end"}


def test_headers_and_trailers_of_the_stub(users: Face) -> None:
    answer = ask(users, GET, envelope(b"\x08\x02"))
    assert (answer.headers["x-said"], answer.headers["x-raw-bin"]) == ("first", "AAE")
    assert answer.trailers["x-last"] == "at the end"


def test_a_stream_both_ways_cut_anywhere(users: Face) -> None:
    body = envelope(b"\x08\x07") + envelope(b"\x08\x08")
    whole = ask(users, LOOKUP, body)
    assert whole.envelopes == [(0, b"\x08\x07"), (0, b"\x08\x08")]
    for chunks in each_cut(body):
        assert ask(users, LOOKUP, chunks).parts == whole.parts


def test_compression_both_ways() -> None:
    face = Face(
        engine(registry("user.proto"), "[{method: user.UserService/GetUser, response: {name: A}}]"), compression="gzip"
    )
    body = envelope(gzip.compress(b"\x08\x01"), 1)
    answer = ask(face, GET, body, grpc_encoding="gzip", grpc_accept_encoding="identity,gzip")
    assert answer.headers["grpc-encoding"] == "gzip"
    ((flags, data),) = answer.envelopes
    assert (flags, gzip.decompress(data)) == (1, b"\x12\x01A")
    plain = ask(face, GET, body, grpc_encoding="gzip")
    assert plain.envelopes == [(0, b"\x12\x01A")], "a client that doesn't say that it takes it gets it plain"


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"grpc_encoding": "br"}, envelope(b""), Code.UNIMPLEMENTED),
        ({"grpc_timeout": "soon"}, envelope(b""), Code.INTERNAL),
        ({"x_a_bin": "*"}, envelope(b""), Code.INTERNAL),
        ({}, envelope(b"\x08\x01")[:-1], Code.INTERNAL),
        ({}, envelope(b"\x08\x01", 2), Code.INTERNAL),
        ({}, envelope(b"\x08\x01", 1), Code.INTERNAL),
        ({}, b"", Code.UNIMPLEMENTED),
        ({}, envelope(b"") * 2, Code.UNIMPLEMENTED),
        ({}, b"\0\xff\xff\xff\xff", Code.RESOURCE_EXHAUSTED),
    ],
)
def test_what_breaks_the_rules_ends_with_a_status_in_answer_and_journal(
    users: Face, headers: dict[str, str], body: bytes, code: Code
) -> None:
    answer = ask(users, GET, body, **headers)
    assert answer.headers["grpc-status"] == str(int(code))
    (call,) = users.engine.journal
    assert (call.code, call.protocol) == (code, "grpc")
    assert call.message


def test_without_http2_there_is_no_grpc(users: Face) -> None:
    answer = users.post(GET, envelope(b""), "application/grpc")
    assert answer.status == 505
    assert b"gRPC needs HTTP/2" in answer.body


def test_a_path_that_no_proto_declares(users: Face) -> None:
    answer = ask(users, "/user.UserService/GetUsr", envelope(b""))
    assert answer.headers["grpc-status"] == "12"
    assert "GetUser" in answer.headers["grpc-message"]


FAULTS = """
- method: user.UserService/GetUser
  request: {{id: 1}}
  response: {{name: Alice}}
  fault: {fault}
"""


@pytest.mark.parametrize(
    ("fault", "end"),
    [("{truncate: true}", End()), ("{reset: true}", Abort()), ("{drop_trailers: true}", End())],
)
def test_faults_down_to_the_wire(fault: str, end: object) -> None:
    face = Face(
        engine(registry("user.proto"), FAULTS.format(fault=fault), faults=frozenset(fault.strip("{}").split(":")[:1]))
    )
    answer = ask(face, GET, envelope(b"\x08\x01"))
    assert answer.parts[-1] == end
    assert "grpc-status" not in answer.trailers
