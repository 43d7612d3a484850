# mypy: disable-error-code="attr-defined"
"""What was sent comes back: conversations, and the program that shows it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import content_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package films;
service Films {
  rpc Bring(stream Part) returns (Film);
  rpc Fetch(FetchRequest) returns (stream Frame);
  rpc Cut(CutRequest) returns (Film);
  rpc Change(ChangeRequest) returns (Film);
}
message Part { oneof part { Head head = 1; bytes frame = 2; } }
message Head { string title = 1; int64 size = 2; string sha256 = 3; string file_name = 4; }
message Film { string film_id = 1; string file_name = 2; int64 size = 3; string sha256 = 4; string title = 5; }
message FetchRequest { string film_id = 1; int64 offset = 2; }
message Frame { bytes frame = 1; }
message ChangeRequest { string film_id = 1; bytes frame = 2; }
message CutRequest { string film_id = 1; Film film = 2; }
"""

Words = tuple[str, Any, Any]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def bring(film: str, *frames: str, answer: Any = "") -> Words:
    parts = [{"head": {"title": "a"}}, *({"frame": coded(frame)} for frame in frames)]
    return ("Bring", parts, answer or {"filmId": film})


def fetch(film: str, *frames: str, offset: int = 0) -> Words:
    return ("Fetch", {"filmId": film, "offset": offset}, [{"frame": coded(frame)} for frame in frames])


def change(frame: str) -> Words:
    return ("Change", {"filmId": "f1", "frame": coded(frame)}, {"filmId": "f1"})


CHANGED = [change("abc"), fetch("f1", "abc")]


def described(**answer: Any) -> list[Words]:
    head = {"title": "b", "size": 3, "sha256": "ba78", "fileName": "a.mov"}
    told = {"filmId": "f1", "title": "c", "size": 3, "sha256": "BA78", "fileName": "a.mov"}
    return [("Bring", [{"head": head}, {"frame": coded("abc")}], told | answer), fetch("f1", "abc")]


PROVEN = [bring("f1", "abc"), fetch("f1", "abc")]

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "all of it": (set(), [*PROVEN, bring("f2", "abcdef"), fetch("f2", "abc", "def")]),
    "overlapping": ({"G129"}, [*PROVEN, bring("f2", "abcdef"), fetch("f2", "abcd", "def")]),
    "cut short": ({"G129"}, [*PROVEN, bring("f2", "abcdef"), fetch("f2", "abc")]),
    "never given back whole": (set(), [bring("f1", "abc"), fetch("f1", "ABC"), bring("f2", "de"), fetch("f2", "DE")]),
    "a part of it": (set(), [*PROVEN, bring("f2", "abcdef"), fetch("f2", "def", offset=3)]),
    "changed in part": (set(), [*PROVEN, *CHANGED, change("abcd"), fetch("f1", "abc")]),
    "as it was described": (set(), described()),
    "of another size": ({"G129"}, described(size=0)),
    "without its digest": ({"G129"}, described(sha256="")),
    "without its name": ({"G129"}, described(fileName="")),
    "under a name of the server's": (set(), described(fileName="a (1).mov")),
    "with its digest in another form": (set(), described(sha256="ungWv48=")),
    "with another digest": ({"G129"}, described(sha256="ba79")),
    "with nothing but its name": (set(), described(size=0, sha256="")),
    "another one": (set(), [*PROVEN, bring("f2", "abcdef"), fetch("f3", "x")]),
    "refused": (set(), [*PROVEN, bring("f2", "abcdef", answer="DATA_LOSS"), fetch("f2", "x")]),
    "changed since, named within": (
        set(),
        [*PROVEN, ("Cut", {"film": {"filmId": "f1"}}, {}), fetch("f1", "ab")],
    ),
    "changed since, named in the answer": (set(), [*PROVEN, ("Cut", {}, {"filmId": "f1"}), fetch("f1", "ab")]),
    "changed since": (set(), [*PROVEN, ("Cut", {"filmId": "f1"}, {"filmId": "f1"}), fetch("f1", "ab")]),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("films") / "films.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, films: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(films, "films.")(*said)) == codes


def test_a_program_sends_more_and_more(films: Registry) -> None:
    methods = {method.name: method for method in films.methods.values()}
    plan = Plan(
        registry=films,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=films),
        generators=Generators(films),
    )
    part: Any = methods["Bring"].request_class
    bringing = AcceptedRequest(
        methods["Bring"],
        part(head={"title": "a", "size": 3, "sha256": "x"}).SerializeToString(),
        later=(part(frame=b"abc").SerializeToString(),),
    )
    fetching = AcceptedRequest(methods["Fetch"], b"\x0a\x01a", (Need(bringing, ("film_id",), ("film_id",)),))
    for one in (bringing, fetching):
        plan.acceptance.first[one.method.path] = one
    (case,) = content_programs.cases(methods["Bring"], plan)
    sizes = []
    for number, call in enumerate(case.calls):
        if call.method is methods["Fetch"]:
            assert [one.call for one in call.bindings] == [number - 1]
            continue
        head, frame = map(part.FromString, call.messages)
        assert head.head.size == len(frame.frame)
        assert head.head.sha256 == hashlib.sha256(frame.frame).hexdigest()
        sizes.append(len(frame.frame))
    assert sizes == sorted(sizes)
    assert 65_536 in sizes
    assert not list(content_programs.cases(methods["Fetch"], plan))
