"""What a server runs of what it is sent is found, once for each place and kind; of its safe twin nothing is said."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import injectable
import pytest
from failing_users import run_exported
from injectable import METHODS, PROTOS

from grpcmock.client.target import Target
from grpcmock.fuzz.checks.injection import CHECKS, DATABASE_ERRORS
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import USUAL_PHASES, Case, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.injection.string_places import string_places
from grpcmock.fuzz.replay.case_file import Origin, of_failure
from grpcmock.fuzz.reproducers import reproducer
from grpcmock.fuzz.run.loop import Bounds
from grpcmock.fuzz.run.session import Settings, fuzz
from grpcmock.fuzz.shrinking import confirmation

EVALUATE = {check.name: check.evaluate for check in CHECKS}


async def found(target: Target, *include: str, **more: Any) -> set[tuple[str, str, str]]:
    given = {"bounds": Bounds(phases=(Phase.INJECTION,)), "checks": ["G17*"], "include": include, **more}
    finished = await fuzz(Settings(target=target, registry=PROTOS, seed=3, **given))
    return {(one.method.name, one.finding.check, one.finding.path) for one in finished.failures}


async def test_what_is_run_is_found_by_place_and_kind(serving: Any) -> None:
    server = injectable.Server(is_safe=False)
    async with serving(server.handlers()) as target:
        assert await found(target, "FindUser", "HasUser", "ReadFile", "Greet", "Ping", "Echo") == {
            ("FindUser", "sql_injection", "filter.name"),
            ("HasUser", "sql_injection", "name"),
            ("ReadFile", "path_traversal", "path"),
            ("Greet", "template_injection", "words{}"),
            ("Ping", "command_injection", "hosts[]"),
        }


async def test_a_command_that_says_nothing_shows_in_the_time_that_it_takes(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "CONFIRMATIONS", 1)
    async with serving(injectable.Server(is_safe=False).handlers()) as target:
        assert await found(target, "Wait") == {("Wait", "command_injection", "seconds{key}")}


async def test_of_the_safe_twin_nothing_is_said_for_a_bounded_number_of_calls(serving: Any) -> None:
    server = injectable.Server(is_safe=True)
    async with serving(server.handlers()) as target:
        assert await found(target) == set()
    places = sum(len(list(string_places(method.input))) for method in METHODS.values())
    assert server.calls <= 150 * places


@pytest.mark.parametrize("words", [(), ("--safe",)])
async def test_a_line_that_is_forged_shows_in_the_log(words: tuple[str, ...], tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'socket'}"
    paths = ":".join(str(Path(module.__file__ or "").parent) for module in (injectable, sys.modules["support"]))
    command = f"env PYTHONPATH={paths} {sys.executable} {injectable.__file__} {address} {' '.join(words)}"
    expected = set() if words else {("Note", "line_injection", "line")}
    assert await found(Target.parse(address), "Note", server_command=command) == expected


@pytest.mark.parametrize("name", ["FindUser", "HasUser", "Ping"])
async def test_the_exported_test_fails_until_nothing_is_run(name: str, serving: Any) -> None:
    bounds = Bounds(phases=(Phase.INJECTION,))
    async with serving(injectable.Server(is_safe=False).handlers()) as target:
        settings = Settings(target=target, registry=PROTOS, checks=["G17*"], include=[name], bounds=bounds)
        (failure,) = (await fuzz(settings)).failures
        origin = Origin(target="", protos=(str(Path(__file__).parents[2] / "protos" / "injection.proto"),))
        text = reproducer("pytest", of_failure(failure, origin), Target.parse("127.0.0.1:1"), PROTOS)
        with pytest.raises(AssertionError, match="G17"):
            await asyncio.to_thread(run_exported, text, target)
    async with serving(injectable.Server(is_safe=True).handlers()) as target:
        await asyncio.to_thread(run_exported, text, target)


def test_nobody_is_tried_who_has_not_asked_for_it() -> None:
    assert Phase.INJECTION not in Bounds().phases
    assert set(USUAL_PHASES) | {Phase.INJECTION} == set(Phase)


def test_every_place_of_a_text_is_found_and_filled() -> None:
    method = METHODS["Echo"]
    minimal = Generators(PROTOS).minimal
    places = {place.path: place for place in string_places(method.input)}
    assert list(places) == ["text", "words{key}", "words{}", "more[]"]  # a message inside of itself is looked at once
    for name, path in (
        ("FindUser", "filter.name"),
        ("ReadFile", "path"),
        ("Ping", "hosts[]"),
        ("Wait", "seconds{key}"),
    ):
        place = {place.path: place for place in string_places(METHODS[name].input)}[path]
        message = METHODS[name].request_class()
        assert place.text(message) == ""
        for text in ("one", "two", "two"):
            place.put(message, text, minimal)
            assert place.text(message) == text
        again = METHODS[name].request_class.FromString(message.SerializeToString())
        assert (again, place.text(again)) == (message, "two")


def seen(check: str, texts: list[str], answers: list[Any]) -> list[Any]:
    """Return the findings for texts that were sent, and what came of them: texts, seconds, or metadata."""
    method = METHODS["HasUser"]
    calls = tuple(call_of(method, method.request_class(name=text).SerializeToString()) for text in texts)
    replies = [
        Reply(
            call=call,
            termination=Termination.SERVER,
            code=0,
            responses=(injectable.Text(text=answer).SerializeToString(),) if isinstance(answer, str) else (b"",),
            seconds=answer if isinstance(answer, float) else 0.01,
            trailers=answer if isinstance(answer, tuple) else (),
        )
        for call, answer in zip(calls, answers, strict=True)
    ]
    case = Case(id="x", phase=Phase.INJECTION, method=method, calls=calls, why="", path="name")
    result = CaseResult(replies=tuple(replies))
    return list(EVALUATE[check](case, result, Expectations(registry=PROTOS)))


WORDS = {
    "SQLite": 'near "\'": syntax error',
    "PostgreSQL": 'ERROR: syntax error at or near "x"',
    "MySQL or MariaDB": "You have an error in your SQL syntax; check the manual",
    "SQL Server": "Unclosed quotation mark after the character string 'x'.",
    "Oracle": "ORA-01756: quoted string not properly terminated",
    "Db2": "SQL0010N  The string constant beginning with ... does not have an ending delimiter.",
    "CockroachDB": "lexical error: unterminated string",
    "H2 or HSQLDB": "Syntax error in SQL statement",
    "ClickHouse": "DB::Exception: Syntax error: failed at position 1",
    "Cassandra": "code=2000 [Syntax error in CQL query] message=line 1:32 no viable alternative at character",
    "Snowflake or BigQuery": "SQL compilation error: parse error",
}
OTHERWISE = (
    'pq: invalid input syntax for type uuid: "a\'"',
    "sqlite3.IntegrityError: datatype mismatch",
    "line 1:2 mismatched input '  expecting EOF",
    "Unrecognized token 'a': was expecting JSON",
    "filter: unterminated quoted string",
)
"""What databases and parsers say of values that are no part of SQL."""

WAITING = ["a", "a;sleep 0.9;", "a;sleep 0.3;", "a", "a;sleep 0.9;"]
PRODUCTS = ["a", "a{{1111*2222}}", "a{{3333*4444}}"]
CONDITIONS = ["a", "a' OR '1'='2", "a' OR '1'='1"] * 2


@pytest.mark.parametrize("engine", DATABASE_ERRORS)
def test_every_database_is_known_by_its_words(engine: str) -> None:
    assert engine in seen("sql_injection", ["a", "a'"], ["", WORDS[engine]])[0].actual
    assert not seen("sql_injection", ["a", "a'"], [WORDS[engine]] * 2)  # it says so whatever is sent


@pytest.mark.parametrize("words", OTHERWISE)
def test_of_a_value_that_is_refused_nothing_is_said(words: str) -> None:
    assert not seen("sql_injection", ["a", "a'"], ["", words])


@pytest.mark.parametrize(
    ("check", "texts", "answers", "is_proof"),
    [
        ("command_injection", WAITING, [0.01, 0.92, 0.31, 0.01, 0.95], True),
        ("command_injection", WAITING, [0.05, 1.87, 0.66, 0.04, 1.9], True),  # the text is run twice
        ("command_injection", WAITING, [0.01, 0.9, 0.9, 0.01, 0.9], False),  # it always takes so long over odd texts
        ("command_injection", WAITING, [0.9, 0.9, 0.3, 0.9, 0.9], False),  # and over others
        ("command_injection", WAITING, [0.01, 0.92, 0.31, 0.01, 0.02], False),  # not each time
        ("command_injection", WAITING, [0.01] * 5, False),
        ("template_injection", PRODUCTS, ["a", "a2468642", "a14811852"], True),
        ("template_injection", PRODUCTS, ["a", "a{{1111*2222}}", "a{{3333*4444}}"], False),  # an echo
        ("template_injection", PRODUCTS, ["a", "a2468642", "a"], False),  # by chance
        ("template_injection", PRODUCTS, ["2468642 14811852"] * 3, False),  # it says so whatever is sent
        ("sql_injection", CONDITIONS, ["no", "no", "yes"] * 2, True),
        ("sql_injection", CONDITIONS, ["no"] * 6, False),
        ("sql_injection", CONDITIONS, CONDITIONS, False),  # an echo
        ("sql_injection", CONDITIONS, ["no", "no", "yes", "no", "no", "no"], False),  # by chance
        ("path_traversal", ["a", "/etc/passwd"], ["", "root:x:0:0:root:/root:/bin/sh"], True),
        ("path_traversal", ["a", "/etc/passwd"], ["", "no file /etc/passwd"], False),
        ("line_injection", ["a", "a\r\nx-grpcmock-01234567: 1"], ["", (("x-grpcmock-01234567", "1"),)], True),
        (
            "line_injection",
            ["a", "a\r\nx-grpcmock-01234567: 1"],
            ["", (("x-name", "a x-grpcmock-01234567: 1"),)],
            False,
        ),
    ],
)
def test_what_is_proof_and_what_is_not(check: str, texts: list[str], answers: list[Any], is_proof: bool) -> None:
    assert bool(seen(check, texts, answers)) is is_proof
