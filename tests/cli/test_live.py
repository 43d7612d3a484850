from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import click
import pytest
from support import registry

from grpcmock.cli import live
from grpcmock.engine.journal import Journal
from grpcmock.status import Code

LINE = live.Line(
    id=7,
    method="user.UserService/GetUser",
    peer="ipv4:127.0.0.1:1",
    started=1.5,
    duration=0.00042,
    code="OK",
    message="",
    requests=['{"id": 1}'],
    responses=['{"id": 1, "name": "Alice"}'],
    stub="alice",
    location="stubs/a.yaml:3",
    miss=None,
    auto=False,
    cancelled=False,
)
MISS = replace(
    LINE, code="UNIMPLEMENTED", message="No stub", responses=[], stub=None, location=None, miss="No stub.\n- a"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (LINE, 'OK 0.4ms user.UserService/GetUser  alice  {"id": 1} → {"id": 1, "name": "Alice"}'),
        (replace(LINE, requests=["", ""]), "alice  2 messages → {"),
        (replace(LINE, requests=[""]), "alice  1 message → {"),
        (replace(LINE, code="NOT_FOUND", message="gone", responses=[]), "NOT_FOUND 0.4ms user."),
        (replace(LINE, code="NOT_FOUND", message="gone", responses=[]), 'GetUser  alice  {"id": 1} → gone'),
        (replace(LINE, code="ABORTED", message=""), '{"id": 1} → {"id": 1, "name": "Alice"}, ABORTED'),
        (replace(LINE, stub=None, auto=True), "GetUser  generated  {"),
        (replace(LINE, faults=["slow", "\x1b"]), "GetUser  alice, struck by slow, \N{REPLACEMENT CHARACTER}  {"),
        (replace(LINE, faults=["down"], stub=None, code="UNAVAILABLE"), "GetUser  struck by down  {"),
        (MISS, 'UNIMPLEMENTED 0.4ms user.UserService/GetUser  no stub  {"id": 1}\n    No stub.\n    - a'),
    ],
)  # fmt: skip
def test_a_line_for_people(line: live.Line, shown: str) -> None:
    text = click.unstyle(live.as_text(line))
    assert shown in text
    assert text[2] == text[5] == ":"
    assert text[8] == " "


def test_a_line_is_no_wider_than_the_terminal() -> None:
    text = click.unstyle(live.as_text(LINE, 80))
    assert len(text) == 80
    assert text.endswith("…")


@pytest.mark.parametrize("field", ["method", "message", "requests", "miss"])
def test_what_clients_send_does_not_steer_the_terminal(field: str) -> None:
    evil = "\x1b[2J\r\x07"
    changed: dict[str, Any] = {field: [evil] if field == "requests" else evil}
    line = replace(LINE, code="ABORTED", **changed)
    assert all(character.isprintable() or character == "\n" for character in click.unstyle(live.as_text(line)))


def test_a_line_for_programs() -> None:
    assert json.loads(live.as_json(LINE)) == {
        "event": "call",
        "id": 7,
        "time": "1970-01-01T00:00:01.500000+00:00",
        "method": "user.UserService/GetUser",
        "peer": "ipv4:127.0.0.1:1",
        "protocol": "grpc",
        "code": "OK",
        "message": "",
        "duration_ms": 0.42,
        "requests": [{"id": 1}],
        "responses": [{"id": 1, "name": "Alice"}],
        "stub": "alice",
        "location": "stubs/a.yaml:3",
        "auto": False,
        "cancelled": False,
    }
    assert json.loads(live.as_json(MISS))["miss"] == "No stub.\n- a"
    assert json.loads(live.as_json(replace(LINE, requests=['{"cut…'])))["requests"] == ['{"cut…']


def test_colors_are_for_terminals_only() -> None:
    for out, colored in ((io.StringIO(), False), (Terminal(), True)):
        live.Printer("calls", out).print(LINE)
        assert ("\x1b[" in out.getvalue()) is colored


class TestOfTheJournal:
    """Calls as the journal of a server tells them."""

    @pytest.fixture
    def journal(self) -> Journal:
        return Journal()

    def end_call(self, journal: Journal, *requests: bytes, auto: bool = False, cancelled: bool = False) -> None:
        method = registry("user.proto").method("UserService/LookupUsers")
        call = journal.open(method.path, method, (), None, "peer", 1.0)
        for data in requests:
            call.add_frame("request", data, 1.0)
        call.code, call.duration, call.auto, call.cancelled = Code.OK, 0.1, auto, cancelled
        journal.close(call)

    @pytest.mark.parametrize(
        ("form", "requests", "shown"),
        [
            ("calls", [b"\x08\x05"], '{"id": 5} → 0 messages'),
            ("calls", [b"\x08\x05", b"\x08\x06"], "2 messages → 0 messages"),
            ("calls", [b"\xff"], "1 byte is not a valid user.GetUserRequest"),
            ("calls", [b"\x08\x05" * 40_000], "80,000 bytes → 0 messages"),
            ("json", [b"\x08\x05", b"\x08\x06"], '"requests":[{"id":5},{"id":6}]'),
            ("json", [b"\xff"], '"requests":["1 byte is not a valid'),
        ],
    )
    def test_each_call_is_printed_as_it_ends(
        self, journal: Journal, form: str, requests: list[bytes], shown: str
    ) -> None:
        out = io.StringIO()
        journal.subscribe(live.Printer(form, out))
        self.end_call(journal, *requests)
        assert shown in out.getvalue()
        assert out.getvalue().count("\n") == 1

    @pytest.mark.parametrize(("auto", "cancelled", "told"), [(False, False, 1), (True, False, 0), (False, True, 0)])
    def test_misses_only(self, journal: Journal, auto: bool, cancelled: bool, told: int) -> None:
        out = io.StringIO()
        journal.subscribe(live.Printer("misses", out))
        self.end_call(journal, auto=auto, cancelled=cancelled)
        assert out.getvalue().count("no stub") == told

    def test_a_reader_who_leaves_does_not_disturb_the_calls(self, journal: Journal) -> None:
        out = io.StringIO()
        journal.subscribe(live.Printer("calls", out))
        out.close()
        self.end_call(journal)
        self.end_call(journal)
        assert len(journal) == 2


def test_a_miss_ends_with_the_way_to_a_stub_where_there_is_one() -> None:
    ending = "\n    - a\n\n    Make a stub of it: grpcmock journal 127.0.0.1:1 --as-stub 7"
    assert click.unstyle(live.as_text(MISS, to_stub="grpcmock journal 127.0.0.1:1 --as-stub {id}")).endswith(ending)
    assert "--as-stub" not in live.as_text(MISS)
    assert "--as-stub" not in live.as_text(LINE, to_stub="grpcmock journal 127.0.0.1:1 --as-stub {id}")
