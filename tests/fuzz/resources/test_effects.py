# mypy: disable-error-code="attr-defined"
"""What calls change of what others show: amounts that move, flags, refusals; conversations and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.naming import participle
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import effect_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package pots;
service Pots {
  rpc NewPot(NewPotRequest) returns (Pot);
  rpc ShowPot(PotName) returns (Pot);
  rpc MoveGrain(MoveGrainRequest) returns (Move);
  rpc SendAbroad(SendAbroadRequest) returns (Move);
  rpc RevertMove(MoveId) returns (Move);
  rpc SealPot(SealPotRequest) returns (SealPotResponse);
  rpc Note(NoteRequest) returns (NoteResponse);
  rpc ScanPot(NoteRequest) returns (NoteResponse);
}
message Pot { string name = 1; int64 stock = 2; bool sealed = 3; int32 failed_tries = 4; repeated string notes = 5;
  int64 moved_quantity = 6; string unit = 7; }
message NewPotRequest { int64 stock = 1; }
message PotName { string name = 1; }
message MoveGrainRequest { string from = 1; string to = 2; int64 quantity = 3; }
message SendAbroadRequest { string from = 1; string to = 2; int64 quantity = 3; int64 fee = 4; }
message Move { string id = 1; bool reverted = 2; }
message MoveId { string id = 1; }
message SealPotRequest { string name = 1; bool dry_run = 2; }
message SealPotResponse {}
message NoteRequest { string pot = 1; string text = 2; }
message NoteResponse {}
"""

Words = tuple[str, Any, Any]


def show(name: str, stock: int, **more: Any) -> Words:
    return ("ShowPot", {"name": name}, {"name": name, "stock": str(stock), **more})


def both(one: int, other: int) -> list[Words]:
    return [show("aa", one), show("bb", other)]


def move(quantity: int, number: int, method: str = "MoveGrain") -> Words:
    return (method, {"from": "aa", "to": "bb", "quantity": str(quantity)}, {"id": f"m{number}"})


def revert(number: int, answer: Any = "") -> Words:
    return ("RevertMove", {"id": f"m{number}"}, answer or {"id": f"m{number}", "reverted": True})


def note(answer: Any) -> Words:
    return ("Note", {"pot": "aa", "text": "x" * 5000}, answer)


MOVED = [*both(10, 0), move(2, 1), *both(8, 2)]
TWICE = [show("aa", 10), show("aa", 10)]

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "moved": (set(), [*MOVED, move(3, 2), *both(5, 5)]),
    "moved the other way": ({"G129"}, [*both(10, 0), move(2, 1), *both(12, -2)]),
    "left and didn't arrive": ({"G129"}, [*both(10, 0), move(2, 1), *both(8, 0)]),
    "not moved this time": ({"G129"}, [*MOVED, move(3, 2), *both(8, 2)]),
    "never moved": (set(), [*both(10, 0), move(2, 1), *both(10, 0), move(3, 2), *both(10, 0)]),
    "the same again": (set(), [*MOVED, move(2, 1), *both(8, 2)]),
    "for a fee": (set(), [*both(10, 0), move(2, 1, "SendAbroad"), *both(7, 2)]),
    "something else between": (set(), [*both(10, 0), move(2, 1), note({}), *both(3, 9)]),
    "in other units": (
        set(),
        [
            show("aa", 10, unit="kg"),
            show("bb", 0, unit="lb"),
            move(2, 1),
            show("aa", 8, unit="kg"),
            show("bb", 4, unit="lb"),
        ],
    ),
    "counted, not kept": (
        set(),
        [
            *[show(name, 1, movedQuantity="5") for name in ("aa", "bb")],
            move(2, 1),
            *[show(name, 1, movedQuantity="7") for name in ("aa", "bb")],
        ],
    ),
    "reverted": (set(), [*MOVED, revert(1), *both(10, 0)]),
    "reverted the wrong way": ({"G129"}, [*MOVED, revert(1), *both(6, 4)]),
    "reverted, and nothing came back": ({"G129"}, [*MOVED, revert(1), *both(8, 2)]),
    "reverted twice": ({"G128"}, [*MOVED, revert(1), *both(10, 0), revert(1), *both(12, -2)]),
    "reverted twice, once in effect": (set(), [*MOVED, revert(1), *both(10, 0), revert(1), *both(10, 0)]),
    "reverted, then done again": (set(), [*MOVED, revert(1), *both(10, 0), revert(1), *both(8, 2)]),
    "never moved, and reverted": (
        {"G129"},
        [*both(10, 0), move(2, 1), *both(10, 0), revert(1), *both(12, -2)],
    ),
    "never moved, reverted without effect": (
        set(),
        [*both(10, 0), move(2, 1), *both(10, 0), revert(1), *both(10, 0)],
    ),
    "moved late, and reverted": (set(), [*both(10, 0), move(2, 1), *both(10, 0), revert(1), *both(8, 2)]),
    "not moved, reverted with a bonus": (set(), [*both(10, 0), move(2, 1), *both(10, 0), revert(1), *both(13, 0)]),
    "reverted after another": (set(), [*MOVED, move(3, 2), *both(5, 5), revert(1), *both(7, 3)]),
    "not marked as reverted": ({"G129"}, [*MOVED, revert(1, {"id": "m1"}), *both(10, 0)]),
    "refused, and nothing left": (set(), [*TWICE, note("INVALID_ARGUMENT"), show("aa", 10)]),
    "refused, and something left": (
        {"G131"},
        [*TWICE, note("INVALID_ARGUMENT"), *[show("aa", 10, notes=["x"])] * 2],
    ),
    "refused, and looked at once after": (set(), [*TWICE, note("INVALID_ARGUMENT"), show("aa", 10, notes=["x"])]),
    "refused, while it goes on": (
        set(),
        [*TWICE, note("INVALID_ARGUMENT"), *[show("aa", 10, notes=["x"] * count) for count in (1, 2)]],
    ),
    "refused, after what only seems to read": (
        set(),
        [
            *TWICE,
            ("ScanPot", {"pot": "aa", "text": "x"}, {}),
            note("INVALID_ARGUMENT"),
            *[show("aa", 10, notes=["x"])] * 2,
        ],
    ),
    "refused, of another thing": (
        set(),
        [*[show("bb", 10)] * 2, note("INVALID_ARGUMENT"), *[show("bb", 10, notes=["x"])] * 2],
    ),
    "refused, looked at once before": (
        set(),
        [show("aa", 10), note("INVALID_ARGUMENT"), *[show("aa", 10, notes=["x"])] * 2],
    ),
    "refused, and counted": (set(), [*TWICE, note("INVALID_ARGUMENT"), *[show("aa", 10, failedTries=1)] * 2]),
    "changes by itself": (
        set(),
        [show("aa", 10), show("aa", 11), show("aa", 12), note("INVALID_ARGUMENT"), show("aa", 13)],
    ),
    "changed by what seems to read": (
        set(),
        [*TWICE, show("bb", 1), show("bb", 1, notes=["y"]), note("INVALID_ARGUMENT"), show("aa", 10, notes=["x"])],
    ),
    "failed in the midst": (set(), [*TWICE, note("UNAVAILABLE"), *[show("aa", 10, notes=["x"])] * 2]),
    "sealed": (set(), [("SealPot", {"name": "aa"}, {}), show("aa", 1, sealed=True)]),
    "not sealed": ({"G129"}, [("SealPot", {"name": "aa"}, {}), show("aa", 1)]),
    "not sealed, refused": (set(), [("SealPot", {"name": "aa"}, "NOT_FOUND"), show("aa", 1)]),
    "not really sealed": (set(), [("SealPot", {"name": "aa", "dryRun": True}, {}), show("aa", 1)]),
    "another one sealed": (set(), [("SealPot", {"name": "aa"}, {}), show("bb", 1)]),
    "sealed, then changed": (set(), [("SealPot", {"name": "aa"}, {}), note({}), show("aa", 1)]),
}


@pytest.fixture(scope="module")
def pots(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("pots") / "pots.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, pots: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(pots, "pots.")(*said)) == codes


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("close", "closed"), ("archive", "archived"), ("verify", "verified"), ("pay", "paid"), ("lock", "locked")],
)
def test_what_something_is_that_was_done_to(verb: str, expected: str) -> None:
    assert participle(verb) == expected


def test_programs_look_at_both_ends_before_and_after(pots: Registry) -> None:
    methods = {method.name: method for method in pots.methods.values()}
    plan = Plan(
        registry=pots,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=pots),
        generators=Generators(pots),
    )
    making = AcceptedRequest(methods["NewPot"], methods["NewPot"].request_class(stock=100).SerializeToString())
    needs = tuple(Need(making, ("name",), (end,)) for end in ("from", "to"))
    moving = AcceptedRequest(
        methods["MoveGrain"], methods["MoveGrain"].request_class(quantity=1).SerializeToString(), needs
    )
    showing = AcceptedRequest(methods["ShowPot"], b"\x0a\x02aa", (Need(making, ("name",), ("name",)),))
    reverting = AcceptedRequest(methods["RevertMove"], b"\x0a\x01m", (Need(moving, ("id",), ("id",)),))
    for one in (making, moving, showing, reverting):
        plan.acceptance.first[one.method.path] = one
    cases = {case.id.rpartition("/")[2]: case for case in effect_programs.cases(methods["MoveGrain"], plan)}
    assert set(cases) == {"effects", "no-effects", "before-RevertMove"}
    for case in cases.values():
        shown = [call.bindings[0].call for call in case.calls if call.method is methods["ShowPot"]]
        assert shown[:4] == [0, 1, 0, 1]  # what is moved from, and what it is moved to
    moved = [call for call in cases["effects"].calls if call.method is methods["MoveGrain"]]
    assert [methods["MoveGrain"].request_class.FromString(call.messages[0]).quantity for call in moved] == [1, 2, 3]
    taken_back = [call for call in cases["before-RevertMove"].calls if call.method is methods["RevertMove"]]
    last = max(
        number for number, call in enumerate(cases["before-RevertMove"].calls) if call.method is methods["MoveGrain"]
    )
    assert [call.bindings[0].call for call in taken_back] == [last, last]


SHEDS = """\
syntax = "proto3";
package sheds;
service Sheds {
  rpc NewShed(NewShedRequest) returns (Shed);
  rpc ShowShed(ShedId) returns (Shed);
  // Paints all of these sheds, or none if it is refused.
  rpc PaintSheds(PaintShedsRequest) returns (PaintShedsResponse);
  // Sweeps them all, or as many as it can.
  rpc SweepSheds(PaintShedsRequest) returns (PaintShedsResponse);
  // Not atomic: where it fails, some are locked.
  rpc LockSheds(PaintShedsRequest) returns (PaintShedsResponse);
  // Atomically.
  rpc OpenSheds(PaintShedsRequest) returns (PaintShedsResponse);
  rpc AirSheds(PaintShedsRequest) returns (PaintShedsResponse);
  // Changes all that is asked for, or nothing.
  rpc MoveShed(ShedId) returns (Shed);
}
message NewShedRequest { string color = 1; }
message Shed { int64 id = 1; repeated string colors = 2; }
message ShedId { int64 id = 1; }
message PaintShedsRequest { repeated int64 shed_ids = 1; repeated string colors = 2; }
message PaintShedsResponse {}
"""


@pytest.fixture(scope="module")
def sheds(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("sheds") / "sheds.proto"
    file.write_text(SHEDS)
    return sources.load([file])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *(("PaintSheds", True), ("OpenSheds", True)),
        *(("SweepSheds", False), ("LockSheds", False), ("AirSheds", False), ("MoveShed", False)),
    ],
)
def test_one_of_several_that_is_missing(sheds: Registry, name: str, *, is_one: bool) -> None:
    plan = Plan(
        registry=sheds,
        methods=tuple(sheds.methods.values()),
        expectations=Expectations(registry=sheds),
        generators=Generators(sheds),
    )
    making, showing, method = (sheds.method(f"sheds.Sheds/{one}") for one in ("NewShed", "ShowShed", name))
    made = AcceptedRequest(making, b"")
    target = "shed_ids" if name != "MoveShed" else "id"
    content = {"shed_ids": [1], "colors": ["abcdef"]} if name != "MoveShed" else {"id": 1}
    data = method.request_class(**content).SerializeToString()
    for one in (
        made,
        AcceptedRequest(showing, b"\x08\x01", (Need(made, ("id",), ("id",)),)),
        AcceptedRequest(method, data, (Need(made, ("id",), (target,)),)),
    ):
        plan.acceptance.first[one.method.path] = one
    found = [case for case in effect_programs.cases(method, plan) if case.id.endswith("shed_ids-of-nothing")]
    assert bool(found) == is_one
    for case in found:
        asked = [call for call in case.calls if call.method is method]
        requests = [method.request_class.FromString(call.messages[0]) for call in asked]
        assert all(len(request.shed_ids) == 2 and request.shed_ids[1] > 1_000 for request in requests)
        assert len({str(request.colors) for request in requests}) > 1
        assert all([binding.target for binding in call.bindings] == [("shed_ids", 0)] for call in asked)
        place = case.calls.index(asked[0])
        looks = [case.calls[number].method for number in (place - 2, place - 1, place + 1, place + 2)]
        assert looks == [showing] * 4


def test_what_a_refused_call_on_several_has_left(
    sheds: Registry, judging: Callable[..., Callable[..., dict[str, str]]]
) -> None:
    judge = judging(sheds, "sheds.")
    plain = ("ShowShed", {"id": 7}, {"id": 7, "colors": ["red"]})
    painted = ("ShowShed", {"id": 7}, {"id": 7, "colors": ["red", "blue"]})
    refused = ("PaintSheds", {"shedIds": [7, 900], "colors": ["blue"]}, "NOT_FOUND")
    unknown = ("PaintSheds", {"shedIds": [7, 900], "colors": ["blue"]}, "UNAVAILABLE")
    assert "G131" in judge(plain, plain, refused, painted, painted)
    assert "G131" not in judge(plain, plain, refused, plain, plain)
    assert "G131" not in judge(plain, plain, unknown, painted, painted)
