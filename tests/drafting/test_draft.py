"""Drafts: a stub made of a call answers that call as it was answered, and one made of a miss answers it at all."""

from __future__ import annotations

from typing import Any

import pytest
import scripted
import support
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from playbook import engine as engine_of

from grpcmock.drafting.draft import NoDraftError, draft_of
from grpcmock.engine.engine import Engine
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Receive, Send
from grpcmock.errors import Problems
from grpcmock.lint.rules import lint
from grpcmock.schema import MethodKind, Registry
from grpcmock.schema.codec import build, decode, to_tree
from grpcmock.status import DETAILS_KEY, Code
from grpcmock.stubs import loader
from grpcmock.tree import Node

GET, LIST, CREATE, LOOKUP = (
    f"user.UserService/{name}" for name in ("GetUser", "ListUsers", "CreateUsers", "LookupUsers")
)


def journaled(talk: scripted.Talk, **changes: Any) -> Any:
    """The record of a call in which a server said this."""
    journal = Journal()
    call = journal.open(talk.method.path, talk.method, talk.metadata, None, "peer", 1.0)
    for what, data in talk.steps:
        if what != "half_close":
            call.add_frame("request" if what == "ask" else "response", data, 1.0)
    call.half_closed = "half_close" in dict(talk.steps)
    call.headers, call.trailers, call.code, call.message = talk.headers, talk.trailers, talk.code, talk.message
    call.duration = 1.0
    for key, value in changes.items():
        setattr(call, key, value)
    return call


BY_CHANCE = ("no message type 'nobody.Knows'", "is read as base64, which gives")
"""What `check` may say of a draft: of what was sent, and of bytes that happen to look like a word in base64."""


def loaded(registry: Registry, text: str) -> Engine:
    """An engine with the draft, in which `check` finds nothing wrong."""
    problems = Problems()
    stubs = loader.load_text(text, "draft.yaml", problems)
    engine = Engine(registry, stubs, problems=problems)
    found = map(str, (*problems, *lint(list(engine.store), registry)))
    assert not [said for said in found if not any(words in said for words in BY_CHANCE)], text
    return engine


def had(engine: Engine, talk: scripted.Talk) -> tuple[Any, list[Any]]:
    """Have a talk with an engine: the record of the call, and what a client sees."""
    exchange = engine.open(Open(talk.method.path, talk.metadata))
    asked = iter([data for what, data in talk.steps if what == "ask"])
    seen: list[Any] = []
    step = exchange.resume()
    while not isinstance(step, Finish):
        come = None
        match step:
            case Receive():
                data = next(asked, None)
                come = HALF_CLOSE if data is None else Message(data)
            case Headers():
                seen.append(("headers", sorted(step.metadata, key=lambda pair: pair[0])))
            case Send():
                seen.append(shown(talk.method.response_class, step.data))
        step = exchange.resume(come)
    seen.append(ending(step.code, step.message, step.trailers))
    return exchange.call, seen


def shown(message_class: Any, data: bytes) -> bytes:
    return decode(message_class, data).SerializePartialToString(deterministic=True)


def ending(code: Code, message: str, trailers: Any) -> Any:
    keys = sorted(key for key, _ in trailers)
    return code, message, keys, sorted(value for key, value in trailers if key == "x-a")


def expected(talk: scripted.Talk) -> list[Any]:
    replies = [shown(talk.method.response_class, data) for what, data in talk.steps if what == "reply"]
    headers = [("headers", sorted(talk.headers, key=lambda pair: pair[0]))] if talk.headers else []
    return [*headers, *replies, ending(talk.code, talk.message, talk.trailers)]


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_draft_answers_its_call_as_it_was_answered(data: st.DataObject) -> None:
    registry = data.draw(scripted.registries())
    looked_at = data.draw(st.sets(st.sampled_from(["x-a", "x-b", "y-bin", "x-never"])))
    for talk in data.draw(scripted.talks(registry)):
        draft = draft_of(journaled(talk), registry, looked_at=looked_at)
        event(talk.method.kind.value)
        call, seen = had(loaded(registry, draft.text), talk)
        assert call.stub is not None, draft.text
        assert seen == expected(talk), draft.text


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_a_draft_of_a_miss_answers_the_call(data: st.DataObject) -> None:
    registry = data.draw(scripted.registries())
    for talk in data.draw(scripted.talks(registry)):
        missed, _ = had(engine_of(registry), talk)
        if missed.miss is None:
            continue  # what is no call of this method is none with a stub either
        draft = draft_of(missed, registry)
        call, seen = had(loaded(registry, draft.text), talk)
        assert call.stub is not None and call.miss is None, draft.text
        assert seen[-1][0] is Code.OK, draft.text
        assert "Nobody has answered this call" in draft.warnings[0]
        if talk.method.kind in (MethodKind.UNARY, MethodKind.CLIENT_STREAMING):
            assert len(seen) == 2


@pytest.fixture
def users() -> Registry:
    return support.registry("user.proto")


def call_of(registry: Registry, stubs: str, method: str, *requests: Any, **keywords: Any) -> Any:
    """Make a call with an engine that has *stubs*; gives its record."""
    found = registry.method(method)
    encoded = [build(Node.of(tree), found.request_class, registry, Problems()).SerializeToString() for tree in requests]
    steps = (*(("ask", data) for data in encoded), ("half_close", b""))
    call, _ = had(engine_of(registry, stubs), scripted.Talk(found, steps, **keywords))
    return call


ECHO = "- {method: LookupUsers, script: [on: [{send: {id: '{{ message.id }}', name: 'No {{ message.id }}'}}], finish]}"


@pytest.mark.parametrize(
    ("stubs", "method", "requests", "text"),
    [
        pytest.param(
            f"- {{method: {GET}, response: {{id: '{{{{ request.id }}}}', name: Alice, email: 'id-42@x.org'}}}}",
            GET,
            [{"id": 42}],
            "- name: get-user-42\n"
            f"  method: {GET}\n"
            "  request: {id: 42}\n"
            "  response:\n"
            "    id: '{{ request.id }}'\n"
            "    name: Alice\n"
            "    email: 'id-{{ request.id }}@x.org'\n",
            id="values that are repeated are templates",
        ),
        pytest.param(
            f"- {{method: {GET}, error: {{code: NOT_FOUND, message: 'There is no user 42.'}}}}",
            GET,
            [{"id": 42}],
            "- name: get-user-42\n"
            f"  method: {GET}\n"
            "  request: {id: 42}\n"
            "  error:\n    code: NOT_FOUND\n    message: 'There is no user {{ request.id }}.'\n",
            id="in a status message, too",
        ),
        pytest.param(
            f"- {{method: {LIST}, responses: [{{id: 3, name: A}}, {{id: 4, name: B}}]}}",
            LIST,
            [{"page": 3}],
            "- name: list-users-3\n"
            f"  method: {LIST}\n"
            "  request: {page: 3}\n"
            "  responses:\n"
            "  - {id: 3, name: A}\n"
            "  - {id: 4, name: B}\n",
            id="what is equal by chance is a constant",
        ),
        pytest.param(
            f"- {{method: {CREATE}, requests: {{$size: 2}}, response: {{created: 2, ids: [1, 2]}}}}",
            CREATE,
            [{"name": "Alice"}, {"name": "Bob"}],
            "- name: create-users-alice\n"
            f"  method: {CREATE}\n"
            "  requests:\n"
            "  - {name: Alice}\n"
            "  - {name: Bob}\n"
            "  response:\n"
            "    created: 2\n"
            "    ids: [1, 2]\n",
            id="all messages of a client's stream",
        ),
        pytest.param(
            ECHO,
            LOOKUP,
            [{"id": 17}, {"id": 18}],
            "- name: lookup-users-17\n"
            f"  method: {LOOKUP}\n"
            "  request: {id: 17}\n"
            "  script:\n"
            "  - expect: {id: 17}\n"
            "  - send:\n"
            "      id: '{{ message.id }}'\n"
            "      name: 'No {{ message.id }}'\n"
            "  - expect: {id: 18}\n"
            "  - send:\n"
            "      id: '{{ message.id }}'\n"
            "      name: 'No {{ message.id }}'\n",
            id="a conversation step by step",
        ),
        pytest.param(
            f"- {{method: {GET}, response: {{}}}}",
            GET,
            [{}],
            f"- name: get-user\n  method: {GET}\n  request:\n    $eq: {{}}\n  response: {{}}\n",
            id="an empty request is not every request",
        ),
    ],
)
def test_it_is_written_to_be_edited(users: Registry, stubs: str, method: str, requests: list[Any], text: str) -> None:
    draft = draft_of(call_of(users, stubs, method, *requests), users)
    assert draft.text == text
    assert draft.warnings == ()


def test_secrets_are_not_copied(users: Registry) -> None:
    stubs = f"""
- method: {GET}
  metadata: {{authorization: {{$exists: true}}, x-tenant: acme}}
  response: {{id: 1}}
  trailers: {{set-cookie: s3cret, x-kept: a}}
"""
    metadata = (
        *(("authorization", "Bearer s3cret"), ("user-agent", "grpc-go/1.2"), ("x-tenant", "acme")),
        *(("x-region", "eu"), ("traceparent", "00-1-2-01"), ("x-api-key", "s3cret")),
    )
    call = call_of(users, stubs, GET, {"id": 1}, metadata=metadata)
    draft = draft_of(call, users, looked_at=["x-tenant", "authorization", "x-other"])
    assert "s3cret" not in draft.text
    assert "metadata:\n    x-tenant: acme\n    authorization: {$exists: true}\n" in draft.text
    assert "trailers: {x-kept: a}" in draft.text
    assert draft.warnings == (
        "The value of the metadata authorization is secret, so the pattern only asks that there is one.",
        "The client sent the metadata x-region, which the pattern leaves free. Add it if the answer rests on it.",
        "The answer's metadata set-cookie is left out, since it is secret.",
    )


def test_a_name_is_none_that_is_taken(users: Registry) -> None:
    call = call_of(users, f"- {{method: {GET}, response: {{}}}}", GET, {"id": 5})
    assert "name: get-user-5\n" in draft_of(call, users).text
    assert "name: get-user-5-3\n" in draft_of(call, users, taken=["get-user-5", "get-user-5-2"]).text
    assert "name: mine\n" in draft_of(call, users, name="mine").text


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"duration": None, "code": None}, "The call is still under way: the answer is what was sent so far."),
        ({"cancelled": True, "code": Code.CANCELLED}, "The client went away before the end"),
        ({"frames_dropped": 7}, "The journal didn't keep 7 messages of this call"),
    ],
)
def test_what_is_not_whole_is_said(users: Registry, changes: dict[str, Any], warning: str) -> None:
    method = users.method(LIST)
    talk = scripted.Talk(method, (("ask", b"\x08\x07"), ("half_close", b""), ("reply", b"\x08\x01")))
    draft = draft_of(journaled(talk, **changes), users)
    assert warning in draft.warnings[0]
    call, seen = had(loaded(users, draft.text), talk)
    assert to_tree(decode(method.response_class, seen[0])) == {"id": 1}
    assert call.code is Code.OK


@pytest.mark.parametrize(
    ("steps", "changes", "reason"),
    [
        ((("half_close", b""),), {}, "the client sent 0 messages to a method that takes one"),
        ((("ask", b"\xff"), ("half_close", b"")), {"code": Code.INTERNAL}, "a message can't be read"),
        ((("ask", b""),), {"path": "/no.Such/Method", "method": None}, "no proto declares it"),
    ],
)
def test_what_no_stub_can_say_is_refused(
    users: Registry, steps: tuple[tuple[str, bytes], ...], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NoDraftError, match=reason):
        draft_of(journaled(scripted.Talk(users.method(GET), steps), **changes), users)


def test_details_that_were_sent_are_sent_again(users: Registry) -> None:
    stubs = f"""
- method: {GET}
  error:
    code: INVALID_ARGUMENT
    message: no such id
    details: [{{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: NO_ID}}]
"""
    call = call_of(users, stubs, GET, {"id": 1})
    draft = draft_of(call, users)
    assert "reason: NO_ID" in draft.text
    talk = scripted.Talk(users.method(GET), (("ask", b"\x08\x01"),))
    again, _ = had(loaded(users, draft.text), talk)
    assert dict(again.trailers)[DETAILS_KEY] == dict(call.trailers)[DETAILS_KEY]
