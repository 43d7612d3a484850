"""The user service of ``examples/users``: what its methods answer, its states, and the program around it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from examples.users import states
from examples.users.protocol import BatchResult, CreateUserRequest, GetUserRequest, ListUsersRequest, UserResponse
from examples.users.server import Server
from examples.users.service import MAX_BATCH
from examples.users.store import MAX_ID, FullError, Store, User, read_csv
from grpcmock.schema import reflection

ROOT = Path(__file__).parents[2]
CHANNEL = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
PATIENCE = 20
KINDS = {
    "GetUser": ("unary_unary", GetUserRequest, UserResponse),
    "ListUsers": ("unary_stream", ListUsersRequest, UserResponse),
    "CreateUsers": ("stream_unary", CreateUserRequest, BatchResult),
    "LookupUsers": ("stream_stream", GetUserRequest, UserResponse),
}
ADA, BEN, CLEO = User(1, "Ada", "ada@example.com"), User(2, "Ben", "ben@example.com"), User(3, "Cleo")


def method(channel: Any, name: str) -> Any:
    kind, request, response = KINDS[name]
    return getattr(channel, kind)(f"/user.UserService/{name}", request.SerializeToString, response.FromString)


def shown(message: Any) -> User:
    return User(message.id, message.name, message.email)


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    server = Server(tmp_path / "users.db", users=(ADA, BEN, CLEO), page_size=2)
    await server.start()
    async with grpc.aio.insecure_channel(server.address, CHANNEL) as channel:
        yield channel
    await server.stop(0)


async def refused(call: Any) -> tuple[str, str, dict[str, str]]:
    """Give the code, the message, and the fields that the details name."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [_ async for _ in call] if hasattr(call, "__aiter__") else await call
    error = caught.value
    fields = {}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            detail = status_pb2.Status.FromString(value)
            bad = error_details_pb2.BadRequest()
            assert detail.details[0].Unpack(bad)
            fields = {one.field: one.description for one in bad.field_violations}
    return error.code().name, error.details() or "", fields


# --- The methods ------------------------------------------------------------------------------------------------------


async def test_get(channel: grpc.aio.Channel) -> None:
    get = method(channel, "GetUser")
    assert shown(await get(GetUserRequest(id=2))) == BEN
    assert await refused(get(GetUserRequest(id=MAX_ID))) == ("NOT_FOUND", "User not found", {})
    negative = "An id is not negative."
    assert await refused(get(GetUserRequest(id=-1))) == ("INVALID_ARGUMENT", negative, {"id": negative})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, [ADA, BEN]),
        ({"page": 1}, [ADA, BEN]),
        ({"page": 2}, [CLEO]),
        ({"page": 3}, []),
        ({"page": MAX_ID, "page_size": 50}, []),
        ({"page": 1, "page_size": 50}, [ADA, BEN, CLEO]),
        ({"page": 3, "page_size": 1}, [CLEO]),
    ],
)
async def test_list(channel: grpc.aio.Channel, request_: dict[str, int], expected: list[User]) -> None:
    assert [shown(one) async for one in method(channel, "ListUsers")(ListUsersRequest(**request_))] == expected


@pytest.mark.parametrize(
    ("request_", "field", "said"),
    [
        ({"page": -1}, "page", "Pages count from 1."),
        ({"page_size": 51}, "page_size", "A page holds 50 users at most."),
        ({"page_size": -1}, "page_size", "A page holds 1 user at least."),
    ],
)
async def test_list_refuses(channel: grpc.aio.Channel, request_: dict[str, int], field: str, said: str) -> None:
    call = method(channel, "ListUsers")(ListUsersRequest(**request_))
    assert await refused(call) == ("INVALID_ARGUMENT", said, {field: said})


async def test_create_then_read(channel: grpc.aio.Channel) -> None:
    requests = [CreateUserRequest(name=" Dan ", email="dan@example.com"), CreateUserRequest(name="Eve")]
    result = await method(channel, "CreateUsers")(iter(requests))
    assert (result.created, list(result.ids)) == (2, [4, 5])
    assert shown(await method(channel, "GetUser")(GetUserRequest(id=4))) == User(4, "Dan", "dan@example.com")
    nothing = await method(channel, "CreateUsers")(iter(()))
    assert (nothing.created, list(nothing.ids)) == (0, [])


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"email": "x@example.com"}, "name", "A user needs a name."),
        ({"name": "  "}, "name", "A user needs a name."),
        ({"name": "x" * 101}, "name", "A name has 100 characters at most."),
        ({"name": "Dan", "email": "dan"}, "email", "An email is written like someone@example.com."),
        ({"name": "Dan", "email": "@example.com"}, "email", "An email is written like someone@example.com."),
    ],
)
async def test_a_batch_with_a_wrong_user_creates_none(
    channel: grpc.aio.Channel, wrong: dict[str, str], field: str, said: str
) -> None:
    call = method(channel, "CreateUsers")(iter([CreateUserRequest(name="Dan"), CreateUserRequest(**wrong)]))
    assert await refused(call) == ("INVALID_ARGUMENT", said, {field: said})
    assert (await refused(method(channel, "GetUser")(GetUserRequest(id=4))))[0] == "NOT_FOUND"


async def test_a_batch_may_be_too_large(channel: grpc.aio.Channel) -> None:
    requests = [CreateUserRequest(name="Dan")] * (MAX_BATCH + 1)
    assert (await refused(method(channel, "CreateUsers")(iter(requests))))[0] == "RESOURCE_EXHAUSTED"


async def test_lookups_are_answered_one_by_one(channel: grpc.aio.Channel) -> None:
    call = method(channel, "LookupUsers")()
    for user in (CLEO, ADA, CLEO):
        await call.write(GetUserRequest(id=user.id))
        assert shown(await call.read()) == user  # before the next is asked
    await call.write(GetUserRequest(id=9))
    with pytest.raises(grpc.aio.AioRpcError, match="User not found"):
        await call.read()
    assert (await refused(method(channel, "LookupUsers")(iter([GetUserRequest(id=-9)]))))[0] == "INVALID_ARGUMENT"


async def test_health_and_reflection(channel: grpc.aio.Channel) -> None:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    for service in ("", "user.UserService"):
        assert (
            await check(health_pb2.HealthCheckRequest(service=service))
        ).status == health_pb2.HealthCheckResponse.SERVING
    described = await reflection.fetch(channel)
    assert {"user.UserService", "grpc.health.v1.Health"} <= set(described.services)


# --- The store --------------------------------------------------------------------------------------------------------


def test_ids_end_and_reserved_ones_are_left_out() -> None:
    store = Store()
    store.reserve(MAX_ID - 1)
    store.start_at(MAX_ID - 2)
    assert store.create([("Ann", ""), ("Ben", "")]) == [MAX_ID - 2, MAX_ID]
    with pytest.raises(FullError):
        store.create([("Cleo", "")])
    store.close()


def test_a_csv_without_the_columns_is_refused(tmp_path: Path) -> None:
    assert len(read_csv(ROOT / "stubs" / "07-people.csv")) == 3
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id,name\n1,Ada\n")
    with pytest.raises(ValueError, match=r"wrong\.csv:2: expected the columns id \(a number\), name and email"):
        read_csv(wrong)


# --- The states -------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A service's own connection; the states open theirs."""
    store = Store(tmp_path / "users.db")
    store.put([ADA, BEN])
    monkeypatch.setenv(states.DATABASE, str(tmp_path / "users.db"))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("words", "users"),
    [
        ("user 81 is Sam", [ADA, BEN, User(81, "Sam", "sam@example.com")]),
        ("User 81 is Sam Lee.", [ADA, BEN, User(81, "Sam Lee", "sam.lee@example.com")]),
        ("user 2 is Bob <bob@corp.example>", [ADA, User(2, "Bob", "bob@corp.example")]),
        ("users 1 to 2 are Guest", [User(n, "Guest", "guest@example.com") for n in (1, 2)]),
        ("user 3 exists", [ADA, BEN, User(3, "User 3", "user3@example.com")]),
        ("there is no user 1", [BEN]),
        ("there are no users 1 to 99", []),
        ("there are no users", []),
        (
            "there are no users, and user 3 is Cy; user 4 is Di",
            [User(3, "Cy", "cy@example.com"), User(4, "Di", "di@example.com")],
        ),
        ("the next id is 2", [ADA]),
        ("id 2 is reserved", [ADA]),
    ],
)
def test_a_state_holds_until_it_is_undone(database: Store, words: str, users: list[User]) -> None:
    with states.setup(words):
        assert database.page(1, 50) == users
    assert database.page(1, 50) == [ADA, BEN]
    assert database.create([("Cleo", "")]) == [3]


def test_the_next_id_is_as_told(database: Store) -> None:
    with states.setup("the next id is 4001"):
        assert database.create([("Cleo", "")]) == [4001]
    assert database.create([("Cleo", "")]) == [3]


def test_states_are_undone_in_turn(database: Store) -> None:
    with states.setup("there are no users"), states.setup("user 7 is Gus"):
        assert [user.id for user in database.page(1, 50)] == [7]
    assert database.page(1, 50) == [ADA, BEN]
    with pytest.raises(LookupError, match="nothing to undo"):
        states.undo()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user 81 flies", "knows no state 'user 81 flies'. It knows: user 81 is Sam;"),
        ("user 1 is Ada and the moon is full", "'the moon is full'"),
        ("", "knows no state ''"),
        ("users 5 to 4 exist", "There are no ids 5 to 4"),
        ("user 99999999999 exists", "There are no ids 99999999999"),
        ("users 1 to 99999999 exist", "There are no ids"),
    ],
)
def test_unknown_words_change_nothing(database: Store, words: str, said: str) -> None:
    with pytest.raises(LookupError) as caught, states.setup(words):
        pytest.fail("it should not have come to this")
    assert said in caught.value.args[0]
    assert database.page(1, 50) == [ADA, BEN]


def test_states_need_the_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(states.DATABASE, raising=False)
    with pytest.raises(LookupError, match="Set USERS_DB"):
        states.set_up("user 1 exists")
    monkeypatch.setenv(states.DATABASE, str(tmp_path / "none.db"))
    with pytest.raises(LookupError, match="Start the user service first"):
        states.set_up("user 1 exists")


def test_states_as_a_command(database: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert states.main(["user", "81", "is", "Sam"]) == 0
    assert database.get(81) == User(81, "Sam", "sam@example.com")
    assert states.main(["--undo"]) == 0
    assert database.get(81) is None
    assert states.main(["nonsense"]) == 3
    assert states.main([]) == 2
    assert "knows no state 'nonsense'" in capsys.readouterr().err


# --- The program ------------------------------------------------------------------------------------------------------


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.users", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_the_program_serves_and_drains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync client, a state told by a side channel, and a call under way when SIGTERM comes: it is answered."""
    db, ready = tmp_path / "users.db", tmp_path / "ready"
    program = start("--listen", "127.0.0.1:0", "--ready-file", str(ready), "--db", str(db))
    try:
        assert program.stdout is not None
        address = program.stdout.readline().removeprefix("Listening on ").strip()
        assert ready.read_text() == f"{address}\n"
        monkeypatch.setenv(states.DATABASE, str(db))
        with grpc.insecure_channel(address, CHANNEL) as channel:
            get = method(channel, "GetUser")
            with states.setup("user 81 is Sam"):
                assert shown(get(GetUserRequest(id=81), timeout=PATIENCE)) == User(81, "Sam", "sam@example.com")
            with pytest.raises(grpc.RpcError) as caught:
                get(GetUserRequest(id=81), timeout=PATIENCE)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND  # type: ignore[attr-defined]

            watch = channel.unary_stream(
                "/grpc.health.v1.Health/Watch",
                health_pb2.HealthCheckRequest.SerializeToString,
                health_pb2.HealthCheckResponse.FromString,
            )(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
            statuses = health_pb2.HealthCheckResponse
            assert next(watch).status == statuses.SERVING

            def names() -> Iterator[Any]:
                yield CreateUserRequest(name="Ada")
                program.send_signal(signal.SIGTERM)
                assert next(watch).status == statuses.NOT_SERVING
                watch.cancel()
                yield CreateUserRequest(name="Ben")

            assert method(channel, "CreateUsers")(names(), timeout=PATIENCE).created == 2
        assert program.wait(PATIENCE) == 0
        assert not ready.exists()
        with sqlite3.connect(db) as kept:
            assert kept.execute("SELECT count(*) FROM users").fetchone() == (2,)
        kept.close()
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--db", "/nowhere/users.db"], "error: /nowhere/users.db: unable to open database file"),
        (["--load", "nowhere.csv"], "No such file"),
        (["--page-size", "51"], "a page holds 1 to 50 users"),
        (["--listen", "nonsense:x"], "can't listen on nonsense:x"),
    ],
)
def test_what_the_program_refuses(arguments: list[str], said: str) -> None:
    program = start(*arguments)
    _, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 2
    assert said in err
    assert "Traceback" not in err
