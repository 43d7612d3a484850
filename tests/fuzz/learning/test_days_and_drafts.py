"""Days that there are, texts of so many characters, and what is made by its type."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.moments import is_moment, move
from grpcmock.fuzz.resources.method_names import makes_by_type
from grpcmock.schema import Registry, sources
from grpcmock.synthesis import regex
from grpcmock.synthesis.keyed_random import KeyedRandom

PROTO = """\
syntax = "proto3";
package inn;
service Inn {
  rpc GetGuest(Guest) returns (Guest);
  rpc BookRoom(RoomRequest) returns (Room);
  rpc ReserveRoom(RoomKey) returns (Room);
  rpc CleanRoom(RoomRequest) returns (Guest);
  rpc ShowRoom(RoomRequest) returns (Room);
}
message Guest { string name = 1; }
message RoomRequest { string guest = 1; }
message RoomKey { string room_id = 1; }
message Room { string id = 1; string guest = 2; }
"""


@pytest.fixture(scope="module")
def inn(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    (file := Path(tmp_path_factory.mktemp("inn")) / "inn.proto").write_text(PROTO)
    return sources.load([file])


def test_methods_that_make_what_they_show(inn: Registry) -> None:
    made = {method.name: made for method in inn.methods.values() if (made := makes_by_type(method))}
    assert made == {"BookRoom": "Room"}


@given(st.integers(0, 1_000_000))
def test_patterns_of_days_make_days(seed: int) -> None:
    made = list(regex.examples(r"^\d{4}-\d{2}-\d{2}$", KeyedRandom(str(seed).encode())))[:10]
    assert made
    for text in made:
        year, month, day = map(int, text.split("-"))
        assert dt.date(max(year, 1), month, day)


@pytest.mark.parametrize("pattern", [r"^\d{3}-\d{2}-\d{4}$", r"^9999-99-9[0-9]$", r"^v\d{5}-\d{2}-\d{2}$"])
def test_other_numbers_stay_what_their_patterns_say(pattern: str) -> None:
    made = list(regex.examples(pattern, KeyedRandom(b"a")))
    assert any(re.fullmatch(pattern, text) for text in made)


@given(st.dates(dt.date(2000, 1, 1), dt.date(2050, 1, 1)), st.integers(0, 9_000))
def test_times_are_moved_by_days(day: dt.date, days: int) -> None:
    seconds = int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())
    move(time := Timestamp(seconds=seconds), days)
    assert time.seconds - seconds in (0, days * 86_400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-01", True),
        ("2030-01-01T10:00:00Z", True),
        ("2030-01-01 10:00", True),
        ("2030-01", False),
        ("10:00", False),
        ("2030-01-011", False),
        ("room 2030-01-01", False),
        ("", False),
    ],
)
def test_texts_that_are_days(text: str, expected: bool) -> None:
    assert is_moment(text) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("key must have 2 to 8 capital letters", r"[A-Z]{2,8}"),
        ("use 4 to 63 small letters, digits and hyphens", r"[a-z]{4,63}"),
        ("6 digits are wanted", r"\d{6}"),
    ],
)
def test_so_many_characters_are_written(words: str, expected: str) -> None:
    assert any(re.fullmatch(expected, text) for text in demands.texts(words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("must be one of application/pdf, image/jpeg, image/png", "image/jpeg"),
        ("one of: small/medium/large", "medium"),
    ],
)
def test_what_is_listed_is_parted_where_the_list_is(words: str, expected: str) -> None:
    assert expected in demands.texts(words)
