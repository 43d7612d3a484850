"""One contract for all: whatever the stubs, a call gets the same answer, counts and journal in every protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from engine.playbook import engine
from hypothesis import given, settings
from hypothesis import strategies as st
from protocols.playbook import Answer, Face, envelope, envelopes, grpc_web_trailers, unbase64
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive, Send
from grpcmock.protocols.connect.errors import code_name
from grpcmock.schema.codec import decode
from grpcmock.status import Code

PROTO = registry("library.proto")
BOOK = PROTO.message("library.Book")
KEY = ("x-key", "a")


class Seen(NamedTuple):
    """What a client sees of a call, in whatever protocol."""

    messages: tuple[bytes, ...]
    code: Code
    message: str
    trailer: str


class Call(NamedTuple):
    method: str
    names: tuple[str, ...]
    """Of the books sent, or the one name asked for."""
    key: bool


def seen(messages: Sequence[bytes], code: int, message: str, trailer: str = "") -> Seen:
    return Seen(tuple(messages), Code(code), message, trailer)


def requests(call: Call) -> list[Any]:
    make = PROTO.method(f"library.Library/{call.method}").request_class
    pages = "page_size" in make.DESCRIPTOR.fields_by_name
    return [make(page_size=len(name)) if pages else make(name=name) for name in call.names]  # type: ignore[call-arg]


def as_json(message: Any) -> bytes:
    name = "page_size" if "page_size" in message.DESCRIPTOR.fields_by_name else "name"
    return json.dumps({name: getattr(message, name)}).encode()


def metadata(call: Call) -> dict[str, str]:
    return {"x_key": "a"} if call.key else {}


def response(call: Call, data: bytes) -> bytes:
    """A response of JSON, as protobuf."""
    from grpcmock.errors import Problems
    from grpcmock.schema.codec import build
    from grpcmock.tree import Node

    method = PROTO.method(f"library.Library/{call.method}")
    built = build(Node.of(json.loads(data)), method.response_class, PROTO, Problems())
    return built.SerializeToString(deterministic=True)


def canonical(call: Call, data: bytes) -> bytes:
    method = PROTO.method(f"library.Library/{call.method}")
    return decode(method.response_class, data).SerializeToString(deterministic=True)


# One client for each protocol ---------------------------------------------------------------------


def by_engine(face: Face, call: Call) -> Seen:
    """As a server on grpc.aio has it: straight from the engine."""
    opened = Open(f"/library.Library/{call.method}", (KEY,) if call.key else ())
    exchange = face.engine.open(opened)
    events: list[Any] = [*(Message(request.SerializeToString()) for request in requests(call)), HALF_CLOSE]
    messages: list[bytes] = []
    event = None
    while True:
        step = exchange.resume(event)
        event = None
        if isinstance(step, Receive):
            event = events.pop(0)
        elif isinstance(step, Send):
            messages.append(canonical(call, step.data))
        elif isinstance(step, Finish):
            trailers = dict(step.trailers)
            return seen(messages, step.code, step.message, str(trailers.get("x-last", "")))


def by_grpc(face: Face, call: Call) -> Seen:
    body = b"".join(envelope(request.SerializeToString()) for request in requests(call))
    path = f"/library.Library/{call.method}"
    answer = face.post(path, body, "application/grpc", version="2", takes_trailers=True, **metadata(call))
    return enveloped(call, answer.envelopes, {**answer.headers, **answer.trailers})


def by_grpc_web(face: Face, call: Call) -> Seen:
    body = b"".join(envelope(request.SerializeToString()) for request in requests(call))
    answer = face.post(f"/library.Library/{call.method}", body, "application/grpc-web+proto", **metadata(call))
    return enveloped(call, answer.envelopes[:-1], grpc_web_trailers(answer))


def by_grpc_web_text(face: Face, call: Call) -> Seen:
    body = b"".join(base64.b64encode(envelope(request.SerializeToString())) for request in requests(call))
    answer = face.post(f"/library.Library/{call.method}", body, "application/grpc-web-text", **metadata(call))
    return enveloped(call, envelopes(unbase64(answer.body))[:-1], grpc_web_trailers(answer, text=True))


def enveloped(call: Call, found: Sequence[tuple[int, bytes]], trailers: dict[str, str]) -> Seen:
    from urllib.parse import unquote

    messages = [canonical(call, data) for _, data in found]
    code, message = int(trailers["grpc-status"]), unquote(trailers.get("grpc-message", ""))
    return seen(messages, code, message, trailers.get("x-last", ""))


def by_connect(face: Face, call: Call) -> Seen:
    path, kind = f"/library.Library/{call.method}", PROTO.method(f"library.Library/{call.method}").kind
    if kind.client_streams or kind.server_streams:
        body = b"".join(envelope(as_json(request)) for request in requests(call))
        answer = face.post(path, body, "application/connect+json", **metadata(call))
        *messages, (_, end) = answer.envelopes
        tree = json.loads(end)
        trailer = tree.get("metadata", {}).get("x-last", [""])[0]
        return connect([response(call, data) for _, data in messages], tree.get("error"), trailer)
    answer = face.post(path, as_json(requests(call)[0]), **metadata(call))
    trailer = answer.headers.get("trailer-x-last", "")
    if answer.status == 200:
        return connect([response(call, answer.body)], None, trailer)
    return connect([], answer.json, trailer)


def connect(messages: Sequence[bytes], error: Any, trailer: str) -> Seen:
    if error is None:
        return seen(messages, 0, "", trailer)
    code = next(code for code in Code if code_name(code) == error["code"])
    return seen(messages, code, error.get("message", ""), trailer)


def by_json(face: Face, call: Call) -> Seen:
    answer = json_answer(face, call)
    trailer = {**answer.headers, **answer.trailers}.get("grpc-trailer-x-last", "")
    if answer.headers["content-type"] == "application/x-ndjson":
        messages = [response(call, json.dumps(line["result"]).encode()) for line in answer.lines if "result" in line]
        error: dict[str, Any] = next((line["error"] for line in answer.lines if "error" in line), {"code": 0})
        return seen(messages, error["code"], error.get("message", ""), trailer)
    if answer.status == 200:
        return seen([response(call, answer.body)], 0, "", trailer)
    return seen([], answer.json["code"], answer.json["message"], trailer)


def json_answer(face: Face, call: Call) -> Answer:
    more: dict[str, Any] = {"takes_trailers": True, **metadata(call)}
    lines = b"\n".join(map(as_json, requests(call)))
    match call.method:
        case "GetBook":
            return face.ask("GET", f"/v1/books/{call.names[0]}", **more)
        case "WatchBooks":
            return face.ask("GET", f"/v1/books:watch?page_size={len(call.names[0])}", **more)
        case "ImportBooks":
            return face.post("/v1/books:import", lines, **more)
        case _:
            return face.post("/v1/books:echo", lines, **more)


CLIENTS: list[Callable[[Face, Call], Seen]] = [by_grpc, by_grpc_web, by_grpc_web_text, by_connect, by_json]

NAMES = st.sampled_from(["a", "bb", "ccc"])
UNARY_LIKE = ("GetBook", "WatchBooks")

CALLS = st.one_of(
    st.builds(Call, st.sampled_from(UNARY_LIKE), st.tuples(NAMES), st.booleans()),
    st.builds(
        Call, st.sampled_from(["ImportBooks", "EchoBooks"]), st.lists(NAMES, max_size=3).map(tuple), st.booleans()
    ),
)


@st.composite
def stubs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Stubs with conditions, times, states, sequences, templates, errors, headers and trailers."""
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 6))):
        method = draw(st.sampled_from(["GetBook", "WatchBooks", "ImportBooks", "EchoBooks"]))
        stub: dict[str, Any] = {"name": f"s{number}", "method": f"library.Library/{method}"}
        if method == "GetBook" and draw(st.booleans()):
            stub["request"] = {"name": draw(NAMES)}
        if draw(st.booleans()):
            stub["metadata"] = {"x-key": "a"}
        if draw(st.booleans()):
            stub["times"] = draw(st.integers(1, 2))
        if draw(st.booleans()):
            stub["state"] = {"s": draw(st.sampled_from(["started", "next"]))}
            stub["set"] = {"s": draw(st.sampled_from(["started", "next"]))}
        if draw(st.booleans()):
            stub["trailers"] = {"x-last": "z"}
        if draw(st.booleans()):
            stub["headers"] = {"x-first": "y"}
        message = {"total": number} if method == "ImportBooks" else draw(BOOKS)
        if method in ("GetBook", "ImportBooks"):
            kind = draw(st.sampled_from(["response", "error", "answers"]))
            if kind == "answers":
                stub["answers"] = [{"response": message}, {"response": {}}]
                stub["then"] = draw(st.sampled_from(["last", "cycle", "miss"]))
            else:
                stub[kind] = message if kind == "response" else ERROR
        else:
            stub["responses"] = [message] * draw(st.integers(0, 2))
            if draw(st.booleans()):
                stub["error"] = ERROR
        found.append(stub)
    return found


ERROR = {"code": "ABORTED", "message": "über\nall 100%"}
BOOKS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["", "T", "{{ metadata['x-key'] | default('-') }}", "☃\U0001f600"]),
        "pages": st.sampled_from([0, 2**53 + 1, -1]),
        "authors": st.lists(st.sampled_from(["A", ""]), max_size=2),
        "genre": st.sampled_from(["GENRE_POEM", 77]),
        "printed_at": st.just("2020-01-01T00:00:00.5Z"),
        "hardcover": st.just(False),
    },
)


def counts(of: Engine) -> dict[str, int]:
    return {entry.name: entry.count for entry in of.store}


def journal(of: Engine) -> list[Any]:
    """The journal, but for what is to differ: who came, and how."""
    return [
        (
            call.path,
            call.code,
            call.message,
            [frame.data for frame in call.frames if frame.direction == "request"],
            [frame.data for frame in call.frames if frame.direction == "response"],
            call.stub.name if call.stub else None,
            call.miss is not None,
            call.metadata,
        )
        for call in of.journal
    ]


@given(stubs(), st.lists(CALLS, min_size=1, max_size=6))
@settings(max_examples=40)
def test_every_protocol_gives_the_same_answers_counts_and_journal(
    written: list[dict[str, Any]], calls: list[Call]
) -> None:
    text = json.dumps(written, ensure_ascii=False)
    reference = Face(engine(PROTO, text))
    expected = [by_engine(reference, call) for call in calls]
    for client in CLIENTS:
        face = Face(engine(PROTO, text))
        assert [client(face, call) for call in calls] == expected, client.__name__
        assert counts(face.engine) == counts(reference.engine), client.__name__
        assert journal(face.engine) == journal(reference.engine), client.__name__
        assert dict(face.engine.store.states) == dict(reference.engine.store.states)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_miss_is_as_readable_in_every_protocol(client: Callable[[Face, Call], Seen]) -> None:
    text = "[{method: library.Library/GetBook, request: {name: bb}, response: {}}]"
    call = Call("GetBook", ("a",), key=False)
    found = client(Face(engine(PROTO, text)), call)
    assert found == by_engine(Face(engine(PROTO, text)), call)
    assert "The nearest stub" in found.message
