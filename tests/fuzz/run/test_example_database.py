# mypy: disable-error-code="attr-defined"
"""What failed in one run, of whatever phase, is tried first in the next, and by those that go on beside it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import InMemoryExampleDatabase
from support import registry

from grpcmock.client.actions import HALF_CLOSE, Cancel, Headers, Pause, Receive, Send
from grpcmock.client.raw import RawRequest
from grpcmock.errors import ConfigError
from grpcmock.fuzz.model.cases import Binding, Call, Caller, Case, Expect, Measure, Phase, call_of
from grpcmock.fuzz.model.events import CaseFinished, FailureFound, Notice
from grpcmock.fuzz.model.example_database import Memory, open_database
from grpcmock.fuzz.model.findings import Failure, Finding
from grpcmock.fuzz.model.results import CaseResult
from grpcmock.fuzz.run import loop, session
from grpcmock.fuzz.run.loop import Bounds

PROTOS = registry("user.proto")
GET, LOOKUP, CREATE = (PROTOS.method(f"user.UserService/{name}") for name in ("GetUser", "LookupUsers", "CreateUsers"))


async def negative(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for data in requests:
        if GET.request_class.FromString(data).id < -5:
            raise KeyError(data)
    yield b""


def case(*calls: Call, **more: Any) -> Case:
    return Case(id="x", phase=Phase.STATEFUL, method=calls[-1].method or GET, calls=calls, why="why", **more)


def failure(of: Case, code: str = "G102") -> Failure:
    finding = Finding(check="unhandled_error", code=code, expected="", actual="", key="k")
    return Failure(finding=finding, case=of, result=CaseResult(replies=()), first=of, after_cases=1, after_seconds=0.0)


def get(number: int) -> Call:
    return call_of(GET, GET.request_class(id=number).SerializeToString())


CASES = {
    "a bisected crash": case(get(1), get(2), call_of(CREATE, b"", b"")),
    "a conversation": case(
        call_of(CREATE, b""),
        Call(
            path=LOOKUP.path,
            method=LOOKUP,
            actions=(Send(b""), Headers(), Receive(2), Pause(0.5), HALF_CLOSE, Cancel()),
            bindings=(Binding(0, ("ids", 0), ("id",)),),
            caller=Caller.OTHER,
        ),
        setup=1,
        targets=frozenset({"use_after_delete"}),
    ),
    "bytes below gRPC": case(
        Call(path=GET.path, method=GET, actions=(), raw=RawRequest(headers=((":a", "b"),), chunks=(b"\xff",)))
    ),
    "calls that race": case(get(1), get(2), get(2), together=2, shrinks_as_one=True),
    "what is measured": case(
        replace(get(3), deadline=0.5, metadata=(("a-bin", b"\0"),)),
        measures=frozenset({Measure.TIME, Measure.USAGE}),
        expect=Expect.SAME,
        repeat=7,
        concurrent=True,
        mostly_idle=True,
        compares_calls=True,
    ),
}


@pytest.fixture(params=["memory", "directory", "redis"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield InMemoryExampleDatabase()
    elif request.param == "directory":
        yield open_database(str(tmp_path / "kept"))
    else:
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server isn't installed")
        pytest.importorskip("redis")
        socket = tmp_path / "redis"
        command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                assert any("ready to accept connections" in line.lower() for line in server.stdout)
                yield open_database(f"unix://{socket}")
            finally:
                server.kill()


def test_every_kind_of_case_comes_back_whole_and_once(database: Any) -> None:
    writer, reader = (Memory(database, PROTOS, PROTOS.methods.values()) for _ in range(2))
    for number, of in enumerate(CASES.values()):
        writer.hear(FailureFound(failure=failure(of, f"G{number}")))
        writer.hear(FailureFound(failure=failure(replace(of, why="again"), f"G{number}")))
    found = reader.news()
    assert {repr(replace(one, id="x")) for one in found} == {repr(one) for one in CASES.values()}
    assert [one.id.startswith(f"stateful/{one.method.full_name}/saved-G") for one in found] == [True] * len(CASES)
    assert reader.news() == writer.news() == []
    assert sorted(one.id for one in Memory(database, PROTOS, [CREATE]).news()) == [
        one.id for one in found if one.method is CREATE
    ]


def test_what_is_of_another_version_or_contract_is_passed_over() -> None:
    database = InMemoryExampleDatabase()
    Memory(database, PROTOS, [GET]).hear(FailureFound(failure=failure(case(get(1)))))
    (key,) = database.data
    kept = next(iter(database.data[key]))
    for junk in (b"", b"\0\1", kept[:-3]):
        database.save(key, junk)
    assert len(Memory(database, PROTOS, [GET]).news()) == 1
    assert Memory(database, registry("rules.proto"), [GET]).news() == []


async def test_a_run_goes_on_without_its_database(fuzzed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(InMemoryExampleDatabase):
        def fetch(self, key: bytes) -> Any:
            raise ConnectionError("gone away")

    monkeypatch.setattr(session, "open_database", lambda where: Away())
    events: list[Any] = []
    bounds = Bounds(phases=(Phase.RANDOM,), max_cases=5)
    finished = await fuzzed({}, events=events, include=["GetUser"], database="anywhere", bounds=bounds)
    assert finished.cases == 5
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert notices == ["failures are kept no more: the database is out of reach: gone away"]


@pytest.mark.parametrize("phase", [Phase.BOUNDARY, Phase.RANDOM])
async def test_failures_are_kept_and_tried_first(phase: Phase, fuzzed: Any, tmp_path: Path) -> None:
    async def run(seed: int) -> list[CaseFinished]:
        events: list[Any] = []
        bounds = Bounds(phases=(phase,), max_cases=40, in_flight=1)
        given = {"include": ["GetUser"], "seed": seed, "database": str(tmp_path / "kept"), "bounds": bounds}
        await fuzzed({"GetUser": negative}, events=events, checks=("unhandled_error",), **given)
        return [event for event in events if isinstance(event, CaseFinished)]

    first = await run(7)
    assert not any("saved" in event.case.id for event in first)
    again = await run(8)
    assert "saved-G102" in again[0].case.id
    assert [finding.code for finding in again[0].findings] == ["G102"]
    assert not any("saved" in event.case.id for event in again[1:])


async def test_a_run_hears_of_others_while_it_goes_on(
    fuzzed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_ASK_EVERY", 0.0)
    other = Memory(open_database(str(tmp_path)), PROTOS, [GET])
    rare = replace(case(get(-77), setup=0), phase=Phase.RANDOM)

    async def only_there(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for data in requests:
            other.hear(FailureFound(failure=failure(rare)))
            if GET.request_class.FromString(data).id == -77:
                raise KeyError(data)
        yield b""

    events: list[Any] = []
    bounds = Bounds(phases=(Phase.RANDOM,), max_cases=20, in_flight=1)
    finished = await fuzzed(
        {"GetUser": only_there}, events=events, include=["GetUser"], database=str(tmp_path), bounds=bounds
    )
    assert [one.finding.code for one in finished.failures] == ["G102"]
    assert "saved-" in finished.failures[0].first.id
    assert [event.message for event in events if isinstance(event, Notice)] == ["another run has seen it fail: why"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "--database is empty"),
        ("github:nobody", "names no repository"),
        (__file__, "is a file"),
        ("redis://127.0.0.1:1", r"there is no Redis|pip install 'grpcmock\[redis\]'"),
    ],
)
def test_a_database_that_cannot_be(where: str, said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        open_database(where)
    assert isinstance(caught.value, ConfigError) or "redis" in where
