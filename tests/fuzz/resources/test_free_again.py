# mypy: disable-error-code="attr-defined,union-attr"
"""What can be made again, as comments say: words to read, conversations to judge, and the programs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.free_again import freed_by, told_again
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import free_again_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package berths;
service Berths {
  // ALREADY_EXISTS if the boat has a berth. After a withdrawal it may get another one.
  rpc Moor(MoorRequest) returns (Mooring);
  // ALREADY_EXISTS if the boat has one.
  rpc Reserve(MoorRequest) returns (Mooring);
  rpc Withdraw(MooringId) returns (Mooring);
  rpc Inspect(MooringId) returns (Mooring);
  rpc GetMooring(MooringId) returns (Mooring);
}
message MoorRequest { string boat = 1; int32 days = 2; }
message MooringId { string id = 1; }
message Mooring { string id = 1; string boat = 2; }
"""

Words = tuple[str, Any, Any]
MADE = {"id": "m1", "boat": "b"}


def moor(answer: Any = None, method: str = "Moor", days: int = 1) -> Words:
    return (method, {"boat": "b", "days": days}, answer or MADE)


def did(method: str, answer: Any = None) -> Words:
    return (method, {"id": "m1"}, answer or MADE)


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "refused again": ({"G153"}, [moor(), did("Withdraw"), did("GetMooring"), moor("ALREADY_EXISTS")]),
    "made again": (set(), [moor(), did("Withdraw"), moor({"id": "m2", "boat": "b"})]),
    "refused while it is there": (set(), [moor(), moor("ALREADY_EXISTS")]),
    "refused for something else": (set(), [moor(), did("Withdraw"), moor("FAILED_PRECONDITION")]),
    "it wasn't given up": (set(), [moor(), did("Withdraw", "FAILED_PRECONDITION"), moor("ALREADY_EXISTS")]),
    "nothing is said of that": (set(), [moor(), did("Inspect"), moor("ALREADY_EXISTS")]),
    "something else since": (set(), [moor(), did("Withdraw"), did("Inspect"), moor("ALREADY_EXISTS")]),
    "another request": (set(), [moor(), did("Withdraw"), moor("ALREADY_EXISTS", days=2)]),
    "nothing is said of it": (
        set(),
        [moor(method="Reserve"), did("Withdraw"), moor("ALREADY_EXISTS", method="Reserve")],
    ),
}


@pytest.fixture(scope="module")
def berths(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("berths") / "berths.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, berths: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    expected, said = CASES[name]
    assert set(judging(berths, "berths.")(*said)) & {"G153"} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The plate of a retired vehicle is free again.", True),
        ("After a withdrawal it's possible to come back.", True),
        ("An order whose reservation was closed may get another one.", True),
        ("The plate of a retired vehicle isn't free again.", False),
        ("The name is free again after 30 days.", False),
        ("Deleted names can be used again unless they are reserved.", False),
        ("A deleted name may be used again.", True),
        ("Closes it again.", False),
        ("", False),
    ],
)
def test_what_is_possible_again_is_read_out_of_words(words: str, expected: bool) -> None:
    assert bool(told_again(words)) is expected


def test_a_program_makes_the_same_again(berths: Registry) -> None:
    methods = {method.name: method for method in berths.methods.values()}
    assert freed_by(methods["Moor"], berths) == (methods["Withdraw"],)
    expectations = Expectations(registry=berths)
    plan = Plan(
        registry=berths, methods=tuple(methods.values()), expectations=expectations, generators=Generators(berths)
    )
    data = methods["Moor"].request_class(boat="boat-0").SerializeToString()
    made = AcceptedRequest(methods["Moor"], data, own_id=("boat",))
    for name in ("Withdraw", "Inspect"):
        own = AcceptedRequest(methods[name], b"\x0a\x01m", (Need(made, ("id",), ("id",)),))
        plan.acceptance.first[own.method.path] = own
    plan.acceptance.first[made.method.path] = made
    (case,) = free_again_programs.cases(methods["Moor"], plan)
    assert [call.method.name for call in case.calls] == ["Moor", "Withdraw", "Moor"]
    assert case.calls[0].messages == case.calls[2].messages != (data,)
    assert not list(free_again_programs.cases(methods["Withdraw"], plan))
