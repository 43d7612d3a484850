"""Whatever is sent gets an answer in the form of HTTP, and an entry in the journal; none of it is an accident."""

from __future__ import annotations

from typing import Any

from engine.playbook import engine
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols.playbook import Answer, Face, envelope
from support import registry

from grpcmock.protocols.http import Abort

STUBS = """
- {method: library.Library/GetBook, response: {title: Q}}
- {method: library.Library/ListBooks, response: {total: 1}}
- {method: library.Library/CreateBook, response: {title: Q}}
- {method: library.Library/WatchBooks, responses: [{title: Q}]}
- {method: library.Library/ImportBooks, response: {total: "{{ requests | length }}"}}
- {method: library.Library/EchoBooks, script: [on: [send: {name: "{{ message.name }}"}]]}
"""

METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])
NAMES = ["GetBook", "ListBooks", "CountBooks", "WatchBooks", "ImportBooks", "EchoBooks", "Nothing"]
PIECES = [
    "v1",
    "books",
    "shelves",
    "1",
    "*",
    "%",
    "%2F",
    "%ff",
    ":lend",
    ":watch",
    ":import",
    ":",
    "..",
    "",
    "\x7f",
    "é",
]
PATHS = st.one_of(
    st.sampled_from(NAMES).map("/library.Library/{}".format),
    st.sampled_from(["/v1/shelves/1/books/2", "/v1/books", "/v1/books:echo", "/v1/files/a/b", "/", "", "*"]),
    st.lists(st.sampled_from(PIECES), max_size=5).map(lambda pieces: "/" + "/".join(pieces)),
)
QUERIES = st.one_of(
    st.just(""),
    st.sampled_from(
        [
            "?connect=v1&encoding=json&message={}",
            "?connect=v1&encoding=proto&base64=1&message=CAM",
            "?encoding=json&compression=gzip&message=x",
            "?page_size=1&filter.pages.from=2",
            "?page_size=&all=maybe&extra={",
            "?&&=&%ff=%ff",
        ]
    ),
    st.text("abc=&%._?+[]{}01", max_size=12).map("?{}".format),
)
TYPES = [
    "application/json",
    "application/proto",
    "application/connect+json",
    "application/connect+proto",
    "application/grpc",
    "application/grpc+json",
    "application/grpc-web",
    "application/grpc-web+json",
    "application/grpc-web-text",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin-1",
    "application/grpc+xml",
    ";",
    "",
]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content_type": st.sampled_from(TYPES),
        "content_encoding": st.sampled_from(["gzip", "deflate", "br", "identity", "gzip, gzip"]),
        "grpc_encoding": st.sampled_from(["gzip", "br"]),
        "connect_content_encoding": st.sampled_from(["gzip", "br"]),
        "connect_protocol_version": st.sampled_from(["1", "2", ""]),
        "connect_timeout_ms": st.sampled_from(["1000", "-1", "1e3", "99999999999"]),
        "grpc_timeout": st.sampled_from(["1S", "1", "S", "999999999S"]),
        "accept": st.sampled_from(["text/event-stream", "*/*", ";;,"]),
        "accept_encoding": st.sampled_from(["gzip", "gzip;q=0", "deflate;q=x, br"]),
        "x_bin": st.sampled_from(["AAE", "*", "AA,BB"]),
        "origin": st.sampled_from(["http://localhost:1", "https://example.com", "null", "http://["]),
        "access_control_request_method": st.just("POST"),
    },
)
BODIES = st.one_of(
    st.sampled_from(
        [b"", b"{}", b"[]", b"null", b'{"name": "x"}', b'{"name": "a"}\n{"name": "b"}', b'{"name": {}}', b"{"]
    ),
    st.binary(max_size=20),
    st.lists(st.sampled_from([b"", b"{}", b"\x0a\x01x", b"\xff"]), max_size=3).map(
        lambda m: b"".join(map(envelope, m))
    ),
    st.binary(max_size=8).map(lambda data: envelope(data, 1)),
)


def asked(face: Face, method: str, target: str, body: Any, more: dict[str, Any]) -> Answer:
    return face.ask(method, target, body, **more)


@given(METHODS, PATHS, QUERIES, HEADERS, BODIES, st.sampled_from(["1.0", "1.1", "2"]), st.booleans())
@settings(max_examples=150)
def test_every_request_gets_an_answer(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, version: str, compress: bool
) -> None:
    face = Face(
        engine(registry("library.proto"), STUBS), max_message_size=1000, compression="gzip" if compress else "none"
    )
    more = {**headers, "version": version, "takes_trailers": version == "2"}
    answer = asked(face, method, path + query, body, more)
    assert answer.parts[0] != Abort()
    assert 200 <= answer.status <= 599
    calls = list(face.engine.journal)
    if method == "OPTIONS" and "origin" in headers and "access_control_request_method" in headers:
        assert not calls, "a preflight is no call"
    else:
        (call,) = calls
        assert call.code is not None
    assert not face.engine.journal.under_way
    again = asked(face, "POST", "/library.Library/GetBook", b"{}", {"content_type": "application/json"})
    assert again.json == {"title": "Q"}
