# mypy: disable-error-code="attr-defined"
"""The mock from the stubs is compared with the real server, wherever it promises something of it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import registry

from grpcmock.client.actions import HALF_CLOSE, Cancel, Send
from grpcmock.client.target import Target
from grpcmock.errors import StubError
from grpcmock.fuzz.checks.field_presence import paths, tells
from grpcmock.fuzz.execution.reference_mock import Mock
from grpcmock.fuzz.model.cases import Call, Phase, call_of
from grpcmock.fuzz.model.results import MockAnswer
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.replay.replayer import replay
from grpcmock.fuzz.reproducers import reproducer
from grpcmock.fuzz.run.session import Settings

USERS = registry("user.proto")
GET = USERS.method("user.UserService/GetUser")
CREATE = USERS.method("user.UserService/CreateUsers")
USER, WANTED = GET.response_class, GET.request_class
Context = grpc.aio.ServicerContext
Requests = AsyncIterator[bytes]

STUBS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: "{{ 'Alice' }}", email: alice@example.com}
- name: nobody
  method: user.UserService/GetUser
  request: {id: {$gt: 1000}}
  error: {code: NOT_FOUND}
- name: first page
  method: user.UserService/ListUsers
  request: {page: 1}
  responses: [{id: 1, name: Alice}, {id: 2, name: Bob}]
- name: two
  method: user.UserService/CreateUsers
  requests: [{name: Ann}, {name: Bob}]
  response: {created: 2, ids: [1, 2]}
"""


@pytest.fixture
def stubs(tmp_path: Path) -> Any:
    def write(text: str = STUBS) -> tuple[Path]:
        file = tmp_path / "users.yaml"
        file.write_text(textwrap.dedent(text))
        return (file,)

    return write


# A server beside its mock -------------------------------------------------------------------------------


async def right(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in requests:
        wanted = WANTED.FromString(data)
        if wanted.id > 1000:
            await context.abort(grpc.StatusCode.NOT_FOUND, "another text")
        yield USER(id=wanted.id, name="Whoever", email="w@example.com").SerializeToString()


async def listed(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for _ in requests:
        yield USER(id=7, name="Only").SerializeToString()


async def created(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    count = len([data async for data in requests])
    yield CREATE.response_class(created=count, ids=range(count)).SerializeToString()


RIGHT = {"GetUser": right, "ListUsers": listed, "CreateUsers": created}
PHASES = (Phase.BOUNDARY, Phase.EXAMPLES, Phase.RANDOM)


async def test_a_server_that_agrees_with_its_stubs_fails_nothing(fuzzed: Any, stubs: Any) -> None:
    events: list[Any] = []
    finished = await fuzzed(RIGHT, *PHASES, stubs=stubs(), checks=("G152",), events=events)
    assert finished.failures == ()
    compared = [one for event in events if (one := getattr(getattr(event, "result", None), "mock_answer", None))]
    assert {one.stub.split("'")[1] for one in compared} == {"alice", "nobody", "first page", "two"}
    assert len(compared) > 15


async def no_email(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in right(requests, context):
        user = USER.FromString(data)
        user.email = ""
        yield user.SerializeToString()


async def invalid(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for data in requests:
        if WANTED.FromString(data).id > 1000:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "too large")
        yield USER(id=1, name="Alice", email="a@example.com").SerializeToString()


async def none(requests: Requests, context: Context) -> AsyncIterator[bytes]:
    async for _ in requests:
        pass
    for _ in ():
        yield b""


@pytest.mark.parametrize(
    ("handlers", "key", "expected", "actual"),
    [
        ({"GetUser": no_email}, "no email", "response.email, as by the stub 'alice' (", "response.email isn't there"),
        ({"GetUser": invalid}, "status 5 INVALID_ARGUMENT", "NOT_FOUND, as by", "INVALID_ARGUMENT: too large"),
        ({"ListUsers": none}, "responses", "responses, as by the stub 'first page'", "none"),
    ],
    ids=["a field is missing", "another status", "nothing in a stream"],
)
async def test_a_server_that_deviates_is_found(
    fuzzed: Any, stubs: Any, handlers: dict[str, Any], key: str, expected: str, actual: str
) -> None:
    finished = await fuzzed(RIGHT | handlers, *PHASES, stubs=stubs(), checks=("G152",))
    (failure,) = finished.failures
    assert failure.finding.key == key
    assert failure.finding.expected.startswith(expected)
    assert failure.finding.actual == actual
    assert failure.hits == failure.tries == 4
    if key.startswith("status"):
        assert 1000 < WANTED.FromString(failure.case.calls[0].messages[0]).id < 2048  # made small


async def test_what_only_the_server_sends_is_advice(fuzzed: Any, stubs: Any) -> None:
    text = "- {method: user.UserService/GetUser, request: {id: 1}, response: {id: 1}}"
    finished = await fuzzed(RIGHT, Phase.EXAMPLES, stubs=stubs(text), checks=("G152",))
    assert finished.failures == ()
    assert {finding.key for finding in finished.warnings} == {"more email", "more name"}


async def test_a_difference_can_be_made_again_and_exported(
    fuzzed: Any, serving: Any, stubs: Any, tmp_path: Path
) -> None:
    given = {"stubs": stubs(), "checks": ("G152",)}
    finished = await fuzzed(RIGHT | {"GetUser": no_email}, Phase.EXAMPLES, **given)
    (failure,) = finished.failures
    settings = Settings(target=Target.parse("127.0.0.1:1"), registry=USERS, **given)
    (file,) = case_files.keep([failure], case_files.Origin.of(settings), tmp_path / "failures")
    kept = case_files.load(file)
    assert kept["expectations"] == json.loads(json.dumps({"stubs": [str(tmp_path / "users.yaml")]}))
    for handler, same in ((no_email, True), (right, False)):
        async with serving({"/user.UserService/GetUser": handler}) as target:
            again = await replay(kept, Settings(target=target, registry=USERS))
        assert bool(again.findings) is same
        if same:
            case = case_files.of_failure(failure, case_files.Origin.of(settings))
            stub = reproducer("stub", case, target, USERS, again.result)
            assert "name: Whoever" in stub
            assert "email" not in stub


# The mock -----------------------------------------------------------------------------------------------


def mock_answer(stubs: Any, text: str, *calls: Call) -> list[MockAnswer | None]:
    mock = Mock.load(stubs(text), USERS)
    return [mock.answer(call) for call in calls]


def one(data: Any) -> Call:
    return call_of(GET, WANTED(id=data).SerializeToString())


def test_the_mock_answers_each_call_as_the_first(stubs: Any) -> None:
    found = mock_answer(stubs, STUBS, one(1), one(1), one(2000), one(2))
    assert [answer and answer.code for answer in found] == [0, 0, 5, None]
    assert found[0] == found[1]
    assert found[0] is not None
    assert USER.FromString(found[0].responses[0]).name == "Alice"
    assert found[0].stub.startswith("'alice' (")


@pytest.mark.parametrize(
    "more",
    [
        "given: user 1 exists",
        "times: 1",
        "state: {door: started}",
        "set: {door: open}",
        "fault: {abort: UNAVAILABLE}",
        "fault: {hang: true}",
        "verify: false",
        "delay: 1h",
    ],
)
def test_what_is_no_promise_is_not_compared(stubs: Any, more: str) -> None:
    """Nor does a wider stub take the place of it. A delay is passed over: the mock is asked what it says, not when."""
    text = f"""
    - {{method: user.UserService/GetUser, request: {{id: 1}}, {more}}}
    - {{method: user.UserService/GetUser, response: {{name: anybody}}}}
    """
    first, second, other = mock_answer(stubs, text, one(1), one(1), one(2))
    assert other is not None
    assert other.code == 0
    assert first == second
    assert (first is None) is not more.startswith("delay")


def test_a_call_that_does_more_than_to_send_is_not_compared(stubs: Any) -> None:
    cancelled = Call(path=GET.path, method=GET, actions=(Send(b"\x08\x01"), HALF_CLOSE, Cancel()))
    assert mock_answer(stubs, STUBS, cancelled, call_of(GET)) == [None, None]


def test_stubs_that_are_wrong_say_so(stubs: Any) -> None:
    with pytest.raises(StubError, match="nmae"):
        Mock.load(stubs("- {method: user.UserService/GetUser, response: {nmae: x}}"), USERS)


# Presence -----------------------------------------------------------------------------------------------


def test_presence_is_told_by_paths() -> None:
    kitchen = registry("kitchen_sink.proto")
    method = next(iter(kitchen.methods.values()))
    message = method.response_class
    assert paths([message().SerializeToString()], method) == set()
    assert paths([b"\xff"], method) is None
    both = paths([USER(id=1).SerializeToString(), USER(name="x").SerializeToString()], GET)
    assert both == {"id", "name"}
    assert tells("name", GET)
    assert not tells("id", GET)
    assert tells("ids", CREATE)
