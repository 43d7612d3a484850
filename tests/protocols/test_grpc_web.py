"""gRPC-Web: trailers in the body, and bodies as text."""

from __future__ import annotations

import base64
import gzip

import pytest
from engine.playbook import engine
from hypothesis import given
from hypothesis import strategies as st
from protocols.playbook import Face, each_cut, envelope, envelopes, grpc_web_trailers, unbase64
from support import registry

from grpcmock.protocols.grpc_web import Base64Reader
from grpcmock.protocols.http import End
from grpcmock.protocols.interface import WireError
from grpcmock.status import Code

GET = "/user.UserService/GetUser"
LIST = "/user.UserService/ListUsers"
LOOKUP = "/user.UserService/LookupUsers"
WEB = "application/grpc-web+proto"
TEXT = "application/grpc-web-text"


def test_messages_and_trailers_in_the_body(users: Face) -> None:
    answer = users.post(LIST, envelope(b"\x08\x02"), WEB)
    assert answer.status == 200
    assert answer.headers["content-type"] == WEB
    assert answer.envelopes[:-1] == [(0, b"\x08\x01")]
    assert grpc_web_trailers(answer) == {"grpc-status": "15", "grpc-message": "lost", "x-last": "at the end"}
    assert answer.parts[-1] == End()


def test_json_in_the_envelopes(users: Face) -> None:
    answer = users.post(GET, envelope(b'{"id": 1}'), "application/grpc-web+json")
    assert answer.envelopes[0] == (0, b'{"id":1,"name":"Alice"}')


@pytest.mark.parametrize("kind", [TEXT, f"{TEXT}+proto"])
def test_as_text_each_part_is_base64_of_its_own(users: Face, kind: str) -> None:
    answer = users.post(LIST, base64.b64encode(envelope(b"\x08\x01")), kind)
    assert envelopes(unbase64(answer.body))[:-1] == [(0, b"\x08\x01"), (0, b"\x08\x02")]
    assert grpc_web_trailers(answer, text=True) == {"grpc-status": "0"}


@pytest.mark.parametrize("kind", [WEB, TEXT])
def test_the_request_may_be_cut_anywhere(users: Face, kind: str) -> None:
    messages = [envelope(b"\x08\x07"), envelope(b"\x08\x08")]
    body = b"".join(messages) if kind == WEB else b"".join(map(base64.b64encode, messages))
    whole = users.post(LOOKUP, body, kind)
    assert grpc_web_trailers(whole, text=kind == TEXT) == {"grpc-status": "0"}
    for chunks in each_cut(body):
        assert users.post(LOOKUP, chunks, kind).parts == whole.parts


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (TEXT, b"!!!!", Code.INTERNAL),
        (TEXT, base64.b64encode(envelope(b""))[:-1], Code.INTERNAL),
        (WEB, envelope(b"")[:-1], Code.INTERNAL),
        (WEB, envelope(b"x: y", 0x80), Code.INTERNAL),
        ("application/grpc-web+json", envelope(b'{"idd": 1}'), Code.INVALID_ARGUMENT),
    ],
)
def test_what_breaks_the_rules(users: Face, kind: str, body: bytes, code: Code) -> None:
    answer = users.post(GET, body, kind)
    assert grpc_web_trailers(answer, text=kind == TEXT)["grpc-status"] == str(int(code))
    assert next(iter(users.engine.journal)).code is code


def test_a_message_compressed() -> None:
    face = Face(
        engine(registry("user.proto"), "[{method: user.UserService/GetUser, response: {name: A}}]"), compression="gzip"
    )
    answer = face.post(GET, envelope(b""), WEB, grpc_accept_encoding="gzip")
    assert gzip.decompress(answer.envelopes[0][1]) == b"\x12\x01A"
    assert grpc_web_trailers(answer) == {"grpc-status": "0"}


def test_trailers_can_be_left_out() -> None:
    stubs = "[{method: user.UserService/GetUser, response: {name: A}, fault: {drop_trailers: true}}]"
    face = Face(engine(registry("user.proto"), stubs, faults=frozenset(["drop_trailers"])))
    assert face.post(GET, envelope(b""), WEB).envelopes == [(0, b"\x12\x01A")]


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(1, 7))
def test_base64_with_padding_in_the_midst_is_read_however_it_is_cut(parts: list[bytes], size: int) -> None:
    text = b"".join(map(base64.b64encode, parts))
    reader = Base64Reader()
    assert b"".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size)) == b"".join(parts)
    assert not reader.is_within_group


def test_what_is_no_base64_is_told() -> None:
    with pytest.raises(WireError, match="grpc-web-text"):
        Base64Reader().feed(b"a\xff==")
