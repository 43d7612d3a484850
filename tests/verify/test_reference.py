"""The project's own user service is held to the project's own stubs; one that is wrong is told from it."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from verifying import ROOT, outcomes, users, verified

from grpcmock.client.target import Target
from grpcmock.errors import Problems
from grpcmock.record.session import recording
from grpcmock.servers.addresses import Address
from grpcmock.servers.host import Files, Host
from grpcmock.stubs import loader
from grpcmock.verify.hooks import CallableHook, CommandHook, Given, UnknownGivenError
from grpcmock.verify.planning.interactions import Plan
from grpcmock.verify.planning.planner import plan
from grpcmock.verify.planning.selection import select
from grpcmock.verify.reporting.terminal import result_lines
from grpcmock.verify.results import CallSummary, Report, Verdict

sys.path.insert(0, str(ROOT))

from examples.users import states
from examples.users.server import Server
from examples.users.service import UserService
from examples.users.store import User


def _plan() -> Plan:
    problems = Problems()
    stubs = loader.load([ROOT / "stubs"], problems)
    problems.raise_errors()
    return plan(stubs, users())


def _people() -> tuple[User, ...]:
    with (ROOT / "stubs" / "07-people.csv").open() as file:
        return tuple(User(id=int(row["id"]), name=row["name"], email=row["email"]) for row in csv.DictReader(file))


@asynccontextmanager
async def _served(
    folder: Path, monkeypatch: pytest.MonkeyPatch, service: type[UserService] = UserService
) -> AsyncIterator[str]:
    database = folder / "users.db"
    monkeypatch.setenv(states.DATABASE, str(database))
    server = Server(database, users=_people(), service=service)
    await server.start()
    try:
        yield server.address
    finally:
        await server.stop(0)


async def test_the_user_service_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _served(tmp_path, monkeypatch) as address:
        report = await verified(address, _plan(), hook=CallableHook(states.setup))
    assert {name: said for name, said in outcomes(report).items() if said != "passed" and "skipped" not in said} == {}
    assert report.counts[Verdict.PASSED] >= 45
    kinds = {result.kind for result in report.results if result.verdict is Verdict.PASSED}
    assert len(kinds) == 4
    assert any(result.calls[0].status.startswith("NOT_FOUND") for result in report.results if result.calls)


async def test_its_states_are_set_up_by_a_command_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    hook = CommandHook((sys.executable, "-m", "examples.users.states"))
    async with _served(tmp_path, monkeypatch) as address:
        report = await verified(address, select(_plan(), ["a user that exists"]), hook=hook)
        with pytest.raises(UnknownGivenError, match="it exited with 3: error: The user service knows no state"):
            await hook.set_up(Given("the moon is full"))
    assert outcomes(report) == {"a user that exists": "passed"}


async def test_recorded_and_replayed_it_answers_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        _served(tmp_path, monkeypatch) as address,
        recording(Target.parse(address), users(), tmp_path / "recorded") as proxy,
    ):
        recorded = await verified(proxy.target, _plan(), hook=CallableHook(states.setup), concurrency=1)
    assert proxy.summary is not None
    assert not list(proxy.summary.missing())
    host = Host(Files((ROOT / "protos",), (tmp_path / "recorded",)))
    address = str(host.listen(Address.parse("127.0.0.1:0")))
    await host.start()
    try:
        replayed = await verified(address, _plan(), hook=CallableHook(lambda _: None), concurrency=1)
    finally:
        await host.stop()
    assert outcomes(replayed) == outcomes(recorded)
    assert replayed.counts[Verdict.PASSED] >= 45
    assert _calls(replayed) == _calls(recorded)


def _calls(report: Report) -> list[list[CallSummary]]:
    """Give what was asked and answered, whatever time it took."""
    return [[replace(call, seconds=0) for call in result.calls] for result in report.results]


class _Shouting(UserService):
    """Answers as the user service does, but with names in capitals, and without saying which field was wrong."""

    async def get_user(self, request: Any, context: Any) -> Any:
        response = await super().get_user(request, context)
        response.name = response.name.upper()
        return response


async def test_a_service_that_is_wrong_is_told_by_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _served(tmp_path, monkeypatch, _Shouting) as address:
        report = await verified(address, _plan(), hook=CallableHook(states.setup))
    assert not report.passed
    [alice] = [result for result in report.failures if result.name == "alice"]
    assert result_lines(alice)[1:] == [
        "  user.UserService/GetUser, unary",
        "  given: user 1 is Alice",
        '  sent      {"id": 1}',
        '  received  {"id": 1, "name": "ALICE", "email": "alice@example.com"}',
        "            OK",
        '     response.name  expected "Alice"  actual "ALICE"',
    ]
    wrong = {result.method for result in report.failures}
    assert wrong == {"user.UserService/GetUser"}
