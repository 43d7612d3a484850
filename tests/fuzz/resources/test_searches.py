# mypy: disable-error-code="attr-defined"
"""Searches for a text: conversations, which fields a comment names, and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import search_programs
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
from grpcmock.fuzz.resources.laws.lists import item_of
from grpcmock.fuzz.resources.laws.searches import query_of, stated_fields
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package archive;
service Archive {
  rpc CreateSong(CreateSongRequest) returns (Song);
  rpc GetSong(SongName) returns (Song);
  rpc EditSong(Song) returns (Song);
  // %s
  rpc SearchSongs(SearchSongsRequest) returns (SearchSongsResponse);
}
message Song { string name = 1; string title = 2; repeated string singers = 3; int32 year = 4; }
message CreateSongRequest { Song song = 1; }
message SongName { string name = 1; }
message SearchSongsRequest {
  // %s
  string query = 1;
  int32 limit = 2;
  int32 year = 3;
}
message SearchSongsResponse { repeated Song songs = 1; string next_page_token = 2; }
"""

STATED = "Songs whose title or singer has the query in it."
A, B, C = (
    {"name": number, "title": title, "singers": [singer]}
    for number, title, singer in (("1", "abcdefghij", "x"), ("2", "klmnopqrst", "x"), ("3", "x", "uvwxyzabcd"))
)
MADE = [("CreateSong", {"song": one}, one) for one in (A, B, C)]


def search(text: str, *songs: Any, token: str = "", **more: Any) -> Any:
    return ("SearchSongs", {"query": text, **more}, {"songs": list(songs), "nextPageToken": token})


def get(song: Any, answer: Any = None) -> Any:
    return ("GetSong", {"name": song["name"]}, answer or song)


def of(song: Any) -> str:
    return str(song["title"])


CASES: dict[str, tuple[str, set[str], list[Any]]] = {
    "found": (STATED, set(), [*MADE, search(of(A), A), get(A)]),
    "not found": (STATED, {"G129"}, [*MADE, search(of(A)), get(A)]),
    "not found, but others": (STATED, {"G129"}, [*MADE, search(of(A), B, limit=5), get(A)]),
    "not found in a list": (STATED, {"G129"}, [*MADE, search("uvwxyzabcd"), get(C)]),
    "not found, and nobody looked": (STATED, set(), [*MADE, search(of(A))]),
    "not found after a change": (STATED, set(), [*MADE, ("EditSong", A, A), search(of(A)), get(A)]),
    "not found, and something was made since": (STATED, set(), [MADE[0], search(of(A)), MADE[1], get(A)]),
    "not on this page": (STATED, set(), [*MADE, search(of(A), B, token="more"), get(A)]),
    "no room": (STATED, set(), [*MADE, search(of(A), B, limit=1), get(A)]),
    "not in this year": (STATED, set(), [*MADE, search(of(A), year=2), get(A)]),
    "nobody says where it looks": ("Searches songs.", set(), [*MADE, search(of(A)), get(A)]),
    "some only": ("Published songs whose title has the query in it.", set(), [*MADE, search(of(A)), get(A)]),
    "the opposite": ("", {"G129"}, [*MADE, search(of(A), B, C), search(of(B), A, C)]),
    "all of it": ("", set(), [*MADE, search(of(A), A, B, C), search(of(B), A, B, C)]),
    "something else": ("", set(), [*MADE, search(of(A), C), search(of(B), C)]),
    "the opposite once": ("", set(), [*MADE, search(of(A), B), search(of(B), B)]),
}


def archive(folder: Path, *comments: str) -> Registry:
    file = folder / "archive.proto"
    file.write_text(PROTO % (*comments, "")[:2])
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, tmp_path: Path, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    comment, codes, said = CASES[name]
    assert set(judging(archive(tmp_path, comment), "archive.")(*said)) == codes


@pytest.mark.parametrize(
    ("comments", "fields"),
    [
        ((STATED,), {"title", "singers"}),
        (("", "Matches the title."), {"title"}),
        (("", "Part of the title or the singer, in upper or lower case."), {"title", "singers"}),
        (("Songs that match the query. Each has a title and singers.",), set()),
        (("Songs with title and singers.",), set()),
        (("Songs whose title has the query in it, unless they are secret.",), set()),
        (("Songs whose title matches the query expression (AIP-160).",), set()),
        (("Songs whose title has the query in it. Takes a moment to be indexed.",), set()),
        ((), set()),
    ],
)
def test_what_a_comment_says(comments: tuple[str, ...], fields: set[str], tmp_path: Path) -> None:
    registry = archive(tmp_path, *comments, "", "")
    method = registry.method("archive.Archive/SearchSongs")
    asked, item = query_of(method), item_of(method)
    assert asked is not None
    assert item is not None
    assert set(stated_fields(method, asked, item, registry)) == fields


def test_programs_look_for_what_they_have_made(tmp_path: Path) -> None:
    registry = archive(tmp_path, STATED)
    methods = {method.name: method for method in registry.methods.values()}
    plan = Plan(
        registry=registry,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=registry),
        generators=Generators(registry),
    )
    searching = methods["SearchSongs"]
    assert list(search_programs.cases(searching, ResourceFactory(plan))) == []
    request = searching.request_class(query="a", limit=3, year=4)
    plan.acceptance.first[searching.path] = AcceptedRequest(searching, request.SerializeToString())
    of_title, of_singers = search_programs.cases(searching, ResourceFactory(plan))
    first, second, *looks = of_title.calls
    requests = [searching.request_class.FromString(call.messages[0]) for call in looks[:2]]
    titles = [call.method.request_class.FromString(call.messages[0]).song.title for call in (first, second)]  # type: ignore[union-attr]
    assert [one.query for one in requests] == titles
    assert len(set(titles)) == 2
    assert {(one.limit, one.year) for one in requests} == {(10, 0)}
    assert [call.method.name for call in looks[2:]] == ["GetSong"] * 2  # type: ignore[union-attr]
    song = methods["CreateSong"].request_class.FromString(of_singers.calls[0].messages[0]).song
    assert list(song.singers) == [searching.request_class.FromString(of_singers.calls[2].messages[0]).query]


def test_things_of_one_text_are_looked_for_by_something_else_at_the_same_time(tmp_path: Path) -> None:
    registry = archive(tmp_path, "Finds songs.", "Part of the title, in upper or lower case.")
    methods = {method.name: method for method in registry.methods.values()}
    plan = Plan(
        registry=registry,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=registry),
        generators=Generators(registry),
    )
    searching, creating = methods["SearchSongs"], methods["CreateSong"]
    assert list(search_programs.beside_criteria(searching, ResourceFactory(plan))) == []
    request = creating.request_class()
    request.song.title, request.song.year = "a", 4
    for method, data in ((searching, b""), (creating, request.SerializeToString())):
        plan.acceptance.first[method.path] = AcceptedRequest(method, data)
    (case,) = search_programs.beside_criteria(searching, ResourceFactory(plan))
    first, second, *looks = case.calls
    titles = {creating.request_class.FromString(call.messages[0]).song.title for call in (first, second)}
    asked = [searching.request_class.FromString(call.messages[0]).query for call in looks]
    (word,) = titles
    assert asked == [word, "", "", "", word, word]
    assert [[binding.target for binding in call.bindings] for call in looks] == [[], *[[("year",)]] * 5]
