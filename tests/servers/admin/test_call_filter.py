"""Calls looked through in blocks: what is found is what asking each of them would find, in the same order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive
from grpcmock.errors import Problems
from grpcmock.schema.admin import registry as admin_registry
from grpcmock.servers.admin import calls
from grpcmock.servers.admin.call_filter import CallFilter
from grpcmock.stubs import loader

PATH = "/user.UserService/GetUser"
STUBS = """
- {name: alice, method: UserService/GetUser, request: {id: 1}, response: {id: 1, name: Alice}}
- {name: nobody, method: UserService/GetUser, request: {id: 404}, error: {code: NOT_FOUND, message: No such user.}}
- {name: anybody, method: UserService/GetUser, request: {id: {$gte: 1000}}, response: {name: "User {{ request.id }}"}}
- {name: nested, method: UserService/ListUsers, response: {name: "Ünser Fritz"}}
"""
REGISTRY = registry("user.proto")
METHODS = {path: REGISTRY.methods[path] for path in (PATH, "/user.UserService/ListUsers")}

users = st.sampled_from([0, 1, 2, 404, 1_000, 5_000, 15_000])
made = st.lists(
    st.tuples(
        st.sampled_from([PATH, PATH, PATH, "/user.UserService/ListUsers", "/no.Service/Nothing"]),
        users,
        st.sampled_from([(), (("team", "Blue"),), (("x-grpcmock-session", "mine"),)]),
        st.booleans(),
    ),
    max_size=200,
)
texts = st.sampled_from(
    ["alice", "user 5", "5000", "500", "such", "blue", "listusers", "ünser f", '"name": "user 15', "nobody", "name"]
)


def make(engine: Engine, path: str, user: int, metadata: Any, *, at_once: bool) -> None:
    method = METHODS.get(path)
    request = method.request_class(**({"id": user} if path == PATH else {})).SerializeToString() if method else b""
    if at_once and engine.answer_at_once(path, metadata, None, "peer", request) is not None:
        return
    exchange = engine.open(Open(path, metadata))
    events: list[Any] = [Message(request), HALF_CLOSE]
    step = exchange.resume()
    while not isinstance(step, Finish):
        step = exchange.resume(events.pop(0) if isinstance(step, Receive) and events else None)


def world(asked: list[Any], kept: int = 10_000) -> Engine:
    engine = Engine(REGISTRY, loader.load_text(STUBS, "stubs.yaml", Problems()), journal=Journal(kept))
    for path, user, metadata, at_once in asked:
        make(engine, path, user, metadata, at_once=at_once)
    return engine


def found(engine: Engine, **wanted: Any) -> tuple[list[int], list[int]]:
    """Return the ids of the calls that are found in blocks, and of those that hold when each is asked."""
    request = admin_registry().method("AdminService/ListCalls").request_class(**wanted)
    kept = list(reversed(engine.journal.unread()))

    async def in_blocks() -> list[int]:
        return [call.id async for call in calls.meant(kept, CallFilter(request, engine))]

    one_by_one = CallFilter(request, engine)
    return asyncio.run(in_blocks()), [call.id for call in kept if one_by_one.holds(call)]


@given(made, texts, st.booleans(), st.sampled_from([None, 0, 5]), st.sampled_from(["", "mine"]), st.integers(1, 200))
def test_what_is_found_in_blocks_is_what_is_found_one_by_one(
    asked: list[Any], text: str, misses: bool, code: int | None, session: str, kept: int
) -> None:
    blocks, each = found(world(asked, kept), text=text, misses=misses, code=code, session=session)
    assert blocks == each


def test_most_blocks_are_not_read_for_a_rare_text(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = world([(PATH, 1_000 + number, (), True) for number in range(2_000)])
    read: list[int] = []
    holds = CallFilter.holds
    monkeypatch.setattr(CallFilter, "holds", lambda self, call: read.append(call.id) or holds(self, call))
    request = admin_registry().method("AdminService/ListCalls").request_class(text="user 1500")

    async def look() -> list[int]:
        return [call.id async for call in calls.meant(engine.journal.unread(), CallFilter(request, engine))]

    assert asyncio.run(look()) == [501]
    assert len(read) < 100
