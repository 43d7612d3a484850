"""The servers that the fuzzer is measured against: right without a bug, and wrong with one, each in its own way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.mutants import run
from benchmarks.mutants.caller import Caller, calling, decoded
from benchmarks.mutants.catalogue import MUTANTS, TWINS, markdown
from benchmarks.mutants.probes import PROBES, shows
from benchmarks.mutants.schema import message
from benchmarks.mutants.server import find, main, mutant_server
from grpcmock.client.call import Outcome
from grpcmock.client.details import decode_details

ROOT = Path(__file__).parent.parent.parent

MISSING = {136, 141, 146, 148, 151}
"""Numbers that no check has."""

CHECKS = {f"G{number}" for number in range(101, 153) if number not in MISSING}
"""All of them can be seen from outside."""

BY_RESOURCES = {"quadratic_text", "slow_batch", "requests_kept", "files_left_open", "lookup_hoards"}
"""Shown by time or memory, on which the rest of the machine and of the process have a say; see ``mutants.probes``."""

BY_DEADLINE = {
    *("deadline_ignored", "late_note", "chat_left_locked", "empty_import_hangs", "half_close_ignored"),
    "lookup_stays_open",
}
"""Shown by a short deadline, which a busy machine may miss even without a bug."""

SURE = sorted(set(PROBES) - BY_RESOURCES - BY_DEADLINE)

ON_SYNC = (
    *("crash_on_huge_page", "empty_mask_unhandled", "second_request_ignored", "missing_request_is_empty"),
    *("cancelled_import_stays", "watchers_counted", "unknown_method_answered", "message_with_error", "cursor_shared"),
    *("anybodys_users", "reflections_differ", "crash_on_compressed_garbage", "no_size_limit"),
)
"""Those in which the servers themselves play a part."""

USER = '"displayName": "Ada", "email": "ada@example.com"'


@asynccontextmanager
async def clean(*, sync: bool, credentials: bool = False) -> AsyncIterator[Caller]:
    async with (
        mutant_server(sync=sync, credentials=credentials) as target,
        calling(target, token="ada-token" if credentials else None) as caller,
    ):
        yield caller


def test_every_check_has_a_mutant_and_every_mutant_a_reproducer() -> None:
    assert {mutant.code for mutant in MUTANTS.values()} == CHECKS
    assert {code for mutant in MUTANTS.values() for code in mutant.codes} <= CHECKS
    assert PROBES.keys() == MUTANTS.keys()
    assert all(mutant.about.endswith(".") and mutant.twins == TWINS for mutant in MUTANTS.values())


@pytest.mark.parametrize("name", SURE)
async def test_a_bug_shows_where_it_is_seeded_and_nowhere_else(name: str) -> None:
    assert await shows(MUTANTS[name], name, sync=False)
    assert not await shows(MUTANTS[name], "clean", sync=False)


@pytest.mark.parametrize("name", sorted(BY_DEADLINE - {"deadline_ignored", "late_note"}))
async def test_a_bug_that_hangs_shows(name: str) -> None:
    assert await shows(MUTANTS[name], name, sync=False)


@pytest.mark.parametrize("name", ON_SYNC)
async def test_a_bug_shows_on_the_synchronous_server_too(name: str) -> None:
    assert await shows(MUTANTS[name], name, sync=True)
    assert not await shows(MUTANTS[name], "clean", sync=True)


@pytest.mark.parametrize("name", sorted(BY_RESOURCES | {"deadline_ignored", "late_note"}))
async def test_a_mutant_answers_what_has_nothing_to_do_with_its_bug(name: str) -> None:
    async with mutant_server(name) as target, calling(target) as caller:
        assert (await caller.ok("UserService/SendInvitation", '{"push": {"device": "a"}}')).receipt


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_users_are_created_read_changed_and_deleted(sync: bool) -> None:
    async with clean(sync=sync) as caller:
        request = f'{{"userId": "ada", "user": {{{USER}, "password": "12345678", "age": 36}}}}'
        ada = await caller.ok("UserService/CreateUser", request)
        assert (ada.name, ada.display_name, ada.age, ada.HasField("password")) == ("users/ada", "Ada", 36, False)
        assert ada == await caller.ok("UserService/GetUser", '{"name": "users/ada"}')
        assert (await caller.send("UserService/CreateUser", request)).code.name == "ALREADY_EXISTS"

        change = '{"user": {"name": "users/ada", "age": 37, "displayName": "No"}, "updateMask": "age,address.city"}'
        changed = await caller.ok("UserService/UpdateUser", change)
        assert (changed.age, changed.display_name) == (37, "Ada")
        assert changed == await caller.ok("UserService/UpdateUser", change), "an update that changes nothing"
        unfit = '{"user": {"name": "users/ada"}, "updateMask": "email"}'
        assert_violation(await caller.send("UserService/UpdateUser", unfit), "user.email")

        twins = await caller.ok("UserService/BatchGetUsers", '{"names": ["users/ada"]}')
        assert list(twins.users) == [changed]
        assert (await caller.send("UserService/DeleteUser", '{"name": "users/ada"}')).code.name == "OK"
        for method in ("GetUser", "DeleteUser"):
            assert (await caller.send(f"UserService/{method}", '{"name": "users/ada"}')).code.name == "NOT_FOUND"
        assert (await caller.ok("UserService/CreateUser", request)).name == "users/ada", "the id is free again"


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_notes_belong_to_their_users(sync: bool) -> None:
    async with clean(sync=sync) as caller:
        for user in ("ada", "bob"):
            await caller.ok("UserService/CreateUser", f'{{"userId": "{user}", "user": {{{USER}}}}}')
        request = '{"parent": "users/ada", "noteId": "one", "note": {"title": "T", "outline": {"sections": [{}]}}}'
        note = await caller.ok("NoteService/CreateNote", request)
        assert note.name == "users/ada/notes/one"
        assert note == await caller.ok("NoteService/GetNote", '{"name": "users/ada/notes/one"}')
        assert (await caller.send("NoteService/GetNote", '{"name": "users/bob/notes/one"}')).code.name == "NOT_FOUND"
        assert (await caller.ok("NoteService/ListNotes", '{"parent": "users/bob"}')).total_size == 0
        assert (await caller.send("NoteService/ListNotes", '{"parent": "users/eve"}')).code.name == "NOT_FOUND"
        whole = '{"note": {"name": "users/ada/notes/one", "title": "U"}, "updateMask": "*"}'
        assert not (await caller.ok("NoteService/UpdateNote", whole)).HasField("outline")
        assert (await caller.send("NoteService/DeleteNote", '{"name": "users/ada/notes/one"}')).code.name == "OK"
        assert (await caller.ok("NoteService/ListNotes", '{"parent": "users/ada"}')).total_size == 0


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_streams_of_all_kinds(sync: bool) -> None:
    async with clean(sync=sync) as caller:
        imported = [f'{{"userId": "user-{number}", "user": {{{USER}}}}}' for number in range(30)]
        names = list((await caller.ok("UserService/ImportUsers", *imported)).names)
        assert len(names) == 30
        assert (await caller.send("UserService/ImportUsers", *imported)).code.name == "ALREADY_EXISTS"
        assert (await caller.ok("UserService/ImportUsers")).imported_count == 0

        exported = decoded("UserService/ExportUsers", await caller.send("UserService/ExportUsers", "{}"))
        assert [user.name for user in exported] == sorted(names)
        seen, token = [], ""
        while True:
            page = await caller.ok("UserService/ListUsers", f'{{"pageSize": 7, "pageToken": "{token}"}}')
            seen += [user.name for user in page.users]
            if not (token := page.next_page_token):
                break
        assert seen == sorted(names)

        asked = [f'{{"name": "{name}"}}' for name in ("users/user-1", "users/nobody")]
        found = decoded("UserService/LookupUsers", await caller.send("UserService/LookupUsers", *asked))
        assert [answer.HasField("user") for answer in found] == [True, False]
        chat = decoded("NoteService/Chat", await caller.send("NoteService/Chat", '{"text": "a"}', '{"text": "b"}'))
        assert [(said.text, said.sequence) for said in chat] == [("a", 1), ("b", 2)]
        watched = await caller.send("UserService/WatchUsers", "{}", limit=1)
        assert decoded("UserService/WatchUsers", watched)[0].total_size == 30


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_a_watcher_hears_of_changes(sync: bool) -> None:
    from asyncio import create_task

    from grpcmock.client.call import Call

    async with clean(sync=sync) as caller:
        call = Call(caller.channel, "/directory.v1.UserService/WatchUsers", deadline=10)
        await call.send(b"")
        await call.half_close()
        assert await call.receive() is not None
        creating = create_task(caller.ok("UserService/CreateUser", f'{{"user": {{{USER}}}}}'))
        event = await call.receive()
        assert event is not None
        assert (await creating).name.encode() in event
        call.cancel()
        await call.status()


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_what_breaks_a_rule_is_refused_with_the_field(sync: bool) -> None:
    async with clean(sync=sync) as caller:
        for method, request, path in (
            ("UserService/GetUser", "{}", "name"),
            ("UserService/CreateUser", "{}", "user"),
            ("UserService/CreateUser", '{"user": {"email": "a@b.co"}}', "user.display_name"),
            ("UserService/CreateUser", f'{{"user": {{{USER}, "labels": {{"A": ""}}}}}}', 'user.labels["A"]'),
            ("UserService/CreateUser", f'{{"user": {{{USER}, "tags": [""]}}}}', "user.tags[0]"),
            ("UserService/CreateUser", f'{{"user": {{{USER}, "address": {{}}}}}}', "user.address.city"),
            ("UserService/SendInvitation", "{}", "channel"),
            ("UserService/ListUsers", '{"pageToken": "made up"}', "page_token"),
            ("NoteService/Chat", "{}", "text"),
        ):
            assert_violation(await caller.send(method, request), path)
        impossible = message("CreateUserRequest")(user={"display_name": "a", "email": "a@b.co"})
        impossible.user.birth_time.seconds = 1 << 60
        outcome = await caller.send("UserService/CreateUser", impossible.SerializeToString())
        assert_violation(outcome, "user.birth_time")


@pytest.mark.parametrize("sync", [False, True], ids=["aio", "sync"])
async def test_whoever_is_nobody_is_told_so(sync: bool) -> None:
    async with clean(sync=sync, credentials=True) as caller:
        await caller.ok("UserService/CreateUser", f'{{"userId": "ada", "user": {{{USER}}}}}')
        async with calling(caller.target) as nobody, calling(caller.target, token="bob-token") as bob:
            assert (await nobody.send("UserService/ListUsers", "{}")).code.name == "UNAUTHENTICATED"
            assert (await bob.send("UserService/GetUser", '{"name": "users/ada"}')).code.name == "NOT_FOUND"


def assert_violation(outcome: Outcome, path: str) -> None:
    assert outcome.code.name == "INVALID_ARGUMENT", outcome.message
    status = decode_details(outcome.trailers)
    assert status is not None
    assert (status.code, status.message) == (outcome.code, outcome.message)
    assert path in [violation["field"] for violation in status.details[0].tree()["field_violations"]]


async def test_in_a_process_of_its_own_a_crash_is_real(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "benchmarks.mutants.server", "--mutant", "crash_on_huge_page", "--lifeline"]
    process = subprocess.Popen(  # noqa: ASYNC220  (it starts while nothing else waits)
        [*command, "--ready-file", str(ready)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        target = process.stdout.readline().strip()
        assert ready.read_text() == target
        async with calling(target) as caller:
            assert (await caller.send("UserService/ListUsers", '{"pageSize": 2147483647}')).code.name == "UNAVAILABLE"
        assert process.wait(10) == 139


def test_a_mutant_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LookupError, match=r"There is no mutant 'mask_ignord'.*mask_ignored"):
        find("mask_ignord")
    with pytest.raises(SystemExit, match="2"):
        main(["--mutant", "mask_ignord"])
    assert "mask_ignored" in capsys.readouterr().err


def test_the_readme_lists_all_mutants() -> None:
    assert markdown() in (ROOT / "benchmarks" / "mutants" / "README.md").read_text()


def test_what_counts_as_found() -> None:
    mutant = MUTANTS["crash_on_empty_address"]
    report = [
        {
            "code": "G105",
            "method": "m",
            "case": "c",
            "request": {},
            "fields": 0,
            "after_cases": 1,
            "after_seconds": 0.1,
        },
        {"code": "G101", "method": "m", "case": "c", "request": {}, "fields": 4, "after_cases": 9, "after_seconds": 11},
        {"code": "G113", "method": "m", "case": "c", "request": {}, "fields": 3, "after_cases": 5, "after_seconds": 2},
    ]
    finding = run.Finding.of(mutant, "aio", run.Run(tuple(map(run.Failure.read, report)), 12.0))
    assert finding.failure is not None
    assert (finding.failure.code, finding.soon, finding.small) == ("G113", True, True)
    assert finding.row() == [mutant.name, "aio", "G113", "G113", "c", "5", "2.0", "0.0", "3 / 2", "G105"]

    large = run.Finding.of(mutant, "aio", run.Run((run.Failure.read(report[1]),), 12.0))
    assert large.row()[3:] == ["G101", "c", "9", "11.0 !", "0.0", "4 / 2 !", ""]
    missed = run.Finding.of(mutant, "aio", run.Run((run.Failure.read(report[0]),), 12.0))
    assert missed.row()[3:] == ["NO", "", "", "", "0.0", "/ 2", "G105"]
    assert run.summary([finding, large, missed]).splitlines() == [
        "2 of 3 found, 1 in under 10 s, 1 with a reproducer of at most 1 field more than by hand.",
        "Not found: crash_on_empty_address.",
    ]


def test_advice_counts_where_the_check_gives_no_more() -> None:
    report = {"code": "G144", "method": "m", "case": "c", "after_cases": 2, "after_seconds": 0.2}
    warning = run.Failure.read(report, is_warning=True)
    warned, other = (
        run.Finding.of(MUTANTS[name], "aio", run.Run((warning,), 12.0))
        for name in ("method_not_registered", "unknown_method_answered")
    )
    assert (warned.is_found, warned.soon, warned.row()[4:7]) == (True, True, ["warnings", "2", "0.2"])
    assert (other.is_found, other.soon) == (False, False)
    assert run.summary([warned, other]).splitlines()[1:] == ["Told as a warning: unknown_method_answered."]


def test_the_command_is_run_and_its_report_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fuzzing(command: list[str], _: float, until: Collection[str]) -> run._Ended:
        commands.append(command)
        item = {"code": "G142", "method": "m", "case": "c", "request": None, "fields": None}
        warning = [{"code": "G142", "method": "n", "case": "d"}, {"code": "G104", "method": "n", "case": "d"}]
        target = next(part for part in command if part.startswith("json=")).removeprefix("json=")
        Path(target).write_text(json.dumps({"failures": [item], "warnings": warning, "summary": {}}))
        return run._Ended(1, 2.0, 1.5, "")

    commands: list[list[str]] = []
    monkeypatch.setattr(run, "_run", fuzzing)
    finding = run.measure(MUTANTS["any_token"], "sync", seed=3, max_time=5)
    assert finding.failure == run.Failure("G142", "m", "c", None, None, None)
    assert [failure.code for failure in finding.run.failures] == ["G142", "G142"], (
        "a warning of the mutant's own check counts"
    )
    command = " ".join(commands[0])
    assert all(part in command for part in ("--seed 3", "--max-time 5s", "-H authorization: Bearer ada-token"))
    assert "--mutant any_token" in command
    assert command.count("--sync --credentials") == 1
    assert run.alarms(("aio",), 2).rows == (("aio", "0", "G142", "m c"), ("aio", "1", "G142", "m c"))


def test_a_run_without_a_report_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "error: Nothing there.\nSee 'grpcmock fuzz --help'."
    monkeypatch.setattr(run, "_run", lambda *_: run._Ended(2, 0.5, 0.1, said))
    assert run.measure(MUTANTS["any_plan"], "aio", seed=1, max_time=5).row()[3] == "exit 2: Nothing there."
    assert run.alarms(("aio",), 1).troubles == ("aio, seed 0: exit 2: Nothing there.",)


def test_a_run_is_ended_once_the_bug_is_told() -> None:
    program = "import sys, time; print('found G102 x', file=sys.stderr, flush=True); time.sleep(60)"
    ended = run._run([sys.executable, "-c", program], 50, ("G102",))
    assert ended.code != 0
    assert "found G102 x" in ended.said
    assert ended.seconds < 50


def test_mutants_are_chosen_by_name_pattern_and_code() -> None:
    assert {one.name for one in run.selected(["mask_*"])} == {"mask_ignored", "mask_clears_rest"}
    assert {one.code for one in run.selected(["g107"])} == {"G107"}
    with pytest.raises(LookupError, match="any_plan"):
        run.selected(["any_plam"])
