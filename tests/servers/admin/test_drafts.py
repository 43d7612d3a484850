"""Stubs made of calls, and calls in a line, as the admin service tells them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support import registry as registry_for

from grpcmock.engine.engine import Engine
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive
from grpcmock.errors import Problems
from grpcmock.schema import admin
from grpcmock.servers.admin import drafts
from grpcmock.servers.admin.behaviors import Steered
from grpcmock.servers.admin.call_messages import CallWriter
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.servers.health import Health
from grpcmock.status import Code
from grpcmock.stubs import loader

STUBS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  metadata: {x-tenant: acme}
  headers: {x-served-by: mock}
  response: {id: 1, name: Alice}
- name: gone
  method: user.UserService/GetUser
  request: {id: {$gt: 1000}}
  error:
    code: NOT_FOUND
    message: There is no such user.
    details: [{"@type": type.googleapis.com/google.rpc.ErrorInfo, reason: GONE}]
- {name: page, method: user.UserService/ListUsers, responses: [{id: 1}, {id: 2}]}
"""


@pytest.fixture
def steered() -> Steered:
    problems = Problems()
    engine = Engine(registry_for("user.proto"), loader.load_text(STUBS, "stubs.yaml", problems), problems=problems)
    health = Health(lambda: engine.registry.services)
    return Steered(engine, health, admin.registry(), cast("Any", SimpleNamespace()))


def call(steered: Steered, name: str, metadata: Any = (), **request: Any) -> None:
    """Have the engine answer a call."""
    method = steered.engine.registry.method(name)
    exchange = steered.engine.open(Open(method.path, metadata))
    events = iter((Message(method.request_class(**request).SerializeToString()), HALF_CLOSE))
    step = exchange.resume()
    while not isinstance(step, Finish):
        step = exchange.resume(next(events) if isinstance(step, Receive) else None)


def draft(steered: Steered, **request: Any) -> Any:
    method = steered.service.method(f"{admin.SERVICE}/DraftStub")
    response = method.response_class()
    behavior: Any = drafts.behaviors(steered)["DraftStub"]
    asyncio.run(behavior(method.request_class(**request), response))
    return response


def test_a_draft_looks_at_the_metadata_that_stubs_look_at_and_has_a_name_of_its_own(steered: Steered) -> None:
    call(steered, "GetUser", (("x-tenant", "acme"), ("x-other", "b")), id=1)
    drafted = draft(steered, id=1)
    assert "  metadata: {x-tenant: acme}\n" in drafted.stubs
    assert "  headers: {x-served-by: mock}\n" in drafted.stubs
    assert list(drafted.warnings) == [
        "The client sent the metadata x-other, which the pattern leaves free. Add it if the answer rests on it."
    ]
    assert draft(steered, id=1, name="alice-2").stubs.startswith("- name: alice-2\n")
    steered.engine.add(loader.load_text(drafted.stubs, "added", Problems()))
    assert draft(steered, id=1).stubs.startswith("- name: get-user-1-2\n")


def test_what_is_not_there_or_cannot_be_said_is_refused(steered: Steered) -> None:
    with pytest.raises(RefusedError, match="The journal has no call #7") as caught:
        draft(steered, id=7)
    assert caught.value.code is Code.NOT_FOUND
    exchange = steered.engine.open(Open("/user.UserService/GetUsr"))
    exchange.resume()
    with pytest.raises(RefusedError, match=r"Call 1 of user\.UserService/GetUsr makes no stub: no proto") as caught:
        draft(steered, id=1)
    assert caught.value.code is Code.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("name", "request_", "summary"),
    [
        ("GetUser", {"id": 5}, '{"id": 5}'),
        ("GetUser", {"id": 2000}, '{"id": 2000} → There is no such user.'),
        ("ListUsers", {"page": 1}, '{"page": 1} → 2 messages'),
        ("ListUsers", {}, "{} → 2 messages"),
    ],
)
def test_in_brief_a_call_is_a_line(steered: Steered, name: str, request_: dict[str, int], summary: str) -> None:
    call(steered, name, **request_)
    (record,) = steered.engine.journal
    brief: Any = CallWriter(steered, SimpleNamespace(with_bytes=False, text_limit=0, brief=True)).write(record)
    assert brief.summary == summary
    assert not (brief.messages or brief.metadata or brief.trailers or brief.near)


def test_whole_it_has_what_was_sent_around_the_messages(steered: Steered) -> None:
    call(steered, "GetUser", (("x-tenant", "acme"),), id=1)
    call(steered, "GetUser", id=2000)
    view = SimpleNamespace(with_bytes=False, text_limit=0, brief=False)
    answered, refused = (cast("Any", CallWriter(steered, view).write(record)) for record in steered.engine.journal)
    assert [(pair.key, pair.text) for pair in answered.headers] == [("x-served-by", "mock")]
    assert [dict(detail) for detail in refused.details] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE"}
    ]
    assert not (answered.summary or answered.details)
