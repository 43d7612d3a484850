"""What CloseItem has closed is closed in a list, and nothing else is: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import flag_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package chores;
service Chores {
  rpc MakeItem(MakeRequest) returns (Item);
  rpc GetItems(Nothing) returns (Items);
  rpc CloseItem(Item) returns (Nothing);
  rpc Sweep(Nothing) returns (Nothing);
}
message Nothing {}
message MakeRequest { string title = 1; int32 size = 2; }
message Item { string id = 1; string title = 2; bool closed = 3; string above = 4; }
message Items { repeated Item items = 1; }
"""

A, B = {"id": "a", "title": "x"}, {"id": "b", "title": "y"}
CLOSED_A, CLOSED_B = {**A, "closed": True}, {**B, "closed": True}
BELOW = {"id": "c", "above": "a"}

Words = tuple[str, Any, Any]


def items(*shown: Any) -> Words:
    return ("GetItems", {}, {"items": list(shown)})


CLOSE: Words = ("CloseItem", {"id": "a"}, {})
SWEEP: Words = ("Sweep", {}, {})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "closed": (set(), [items(A, B), CLOSE, items(CLOSED_A, B)]),
    "not closed": ({"G129"}, [items(A, B), CLOSE, items(A, B)]),
    "another one": ({"G129"}, [items(A, B), CLOSE, items(A, CLOSED_B)]),
    "another one, too": ({"G129"}, [items(A, B), CLOSE, items(CLOSED_A, CLOSED_B)]),
    "what goes along with it": (set(), [items(A, BELOW), CLOSE, items(CLOSED_A, {**BELOW, "closed": True})]),
    "another one that was closed": (set(), [items(A, CLOSED_B), CLOSE, items(CLOSED_A, CLOSED_B)]),
    "another one that is new": (set(), [items(A), CLOSE, items(CLOSED_A, CLOSED_B)]),
    "it is gone from the list": (set(), [items(A, B), CLOSE, items(B)]),
    "the list has never shown it": (set(), [items(B), CLOSE, items(A, B)]),
    "no list before": (set(), [CLOSE, items(A, CLOSED_B)]),
    "refused": (set(), [items(A, B), ("CloseItem", {"id": "a"}, "NOT_FOUND"), items(A, B)]),
    "something else was done before": (set(), [items(A, B), SWEEP, CLOSE, items(CLOSED_A, CLOSED_B)]),
    "something else was done after": (set(), [items(A, B), CLOSE, SWEEP, items(A, CLOSED_B)]),
    "more was said": (set(), [items(A, B), ("CloseItem", {"id": "a", "title": "z"}, {}), items(A, B)]),
    "two with one key": ({"G134"}, [items(A, A), CLOSE, items(A, CLOSED_A)]),
}


@pytest.fixture(scope="module")
def chores(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("chores") / "chores.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, chores: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(chores, "chores.")(*said)) == codes


def test_programs_close_one_of_two_and_then_the_other(chores: Registry) -> None:
    methods = {method.name: method for method in chores.methods.values()}
    plan = Plan(
        registry=chores,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=chores),
        generators=Generators(chores),
    )
    making, listing = (AcceptedRequest(methods[name], b"") for name in ("MakeItem", "GetItems"))
    closing = AcceptedRequest(methods["CloseItem"], b"", (Need(making, ("id",), ("id",)),))
    for one in (making, listing, closing):
        plan.acceptance.first[one.method.path] = one
    (case,) = flag_programs.cases(methods["CloseItem"], plan)
    assert [call.method.name for call in case.calls] == [  # type: ignore[union-attr]
        *["MakeItem"] * 2,
        *["GetItems", "CloseItem", "GetItems"] * 2,
    ]
    assert [call.bindings[-1].call for call in case.calls if call.method is methods["CloseItem"]] == [1, 0]
    assert not list(flag_programs.cases(methods["MakeItem"], plan))
