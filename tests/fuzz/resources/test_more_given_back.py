"""What is given back is a part of what there was, and what replaces another one doesn't stand beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.resources.laws.replaced import replaced_by
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package tills;
service Tills {
  rpc GetSale(SaleId) returns (Sale);
  rpc WriteSale(Sale) returns (Sale);
  // Adds a note, or replaces the one with the same title.
  rpc Note(NoteRequest) returns (Sale);
  // Adds a note.
  rpc Append(NoteRequest) returns (Sale);
}
message SaleId { string sale = 1; }
message Sale { string id = 1; int64 paid_cents = 2; int64 refunded_cents = 3; int64 total_cents = 4;
  int32 quantity = 5; int32 returned_quantity = 6; repeated Note notes = 7; }
message Note { string title = 1; string text = 2; }
message NoteRequest { string sale = 1; string title = 2; string text = 3; }
"""

Words = tuple[str, Any, Any]


def sale(**fields: Any) -> Words:
    return ("GetSale", {"sale": "s"}, {"id": "s", **fields})


def note(method: str, *titles: str, title: str = "a") -> Words:
    return (method, {"sale": "s", "title": title}, {"id": "s", "notes": [{"title": one} for one in titles]})


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "more than was paid": ({"G151"}, [sale(paidCents=2, refundedCents=3, totalCents=9)]),
    "as much as was paid": (set(), [sale(paidCents=3, refundedCents=3)]),
    "more than there was of it": ({"G151"}, [sale(quantity=1, returnedQuantity=2)]),
    "nobody knows what was paid": (set(), [sale(refundedCents=3)]),
    "written by the caller": (
        set(),
        [("WriteSale", {"paidCents": 1, "refundedCents": 2}, {"id": "s", "paidCents": 1, "refundedCents": 2})],
    ),
    "replaced": (set(), [note("Note", "a", "b")]),
    "beside the one before": ({"G133"}, [note("Note", "a", "b", "a")]),
    "others are there twice": (set(), [note("Note", "a", "b", "b")]),
    "without a title": (set(), [note("Note", "", "", title="")]),
    "nothing is said of others": (set(), [note("Append", "a", "a")]),
}


@pytest.fixture(scope="module")
def tills(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("tills") / "tills.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, tills: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert set(judging(tills, "tills.")(*said)) & {"G133", "G151"} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Adds a grade, or replaces the one with the same title.", "title"),
        ("Replaces the existing entry of the same `userId`.", "user_id"),
        ("A second one overwrites the earlier note with the same title.", "title"),
        ("Replaces the one with the same title, unless it is locked.", ""),
        ("Replaces the one with the same title and day.", ""),
        ("Has the same title.", ""),
        ("", ""),
    ],
)
def test_what_is_replaced_is_read_out_of_words(words: str, expected: str) -> None:
    assert replaced_by(words) == expected
