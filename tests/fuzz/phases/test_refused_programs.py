# mypy: disable-error-code="attr-defined"
"""Programs of calls that are refused when a part of their work may be done, with looks around them."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import refused_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package kilns;
service Kilns {
  rpc NewKiln(Empty) returns (Kiln);
  rpc ShowKiln(KilnId) returns (Kiln);
  rpc Fire(FireRequest) returns (Kiln);
  // Stacks all pots or none.
  rpc Stack(StackRequest) returns (Kiln);
  // Stacks as many pots as it can.
  rpc Pile(StackRequest) returns (Kiln);
}
message Empty {}
message KilnId { string kiln = 1; }
message Kiln { string id = 1; int64 heat = 2; }
message FireRequest { string kiln = 1; string ticket = 2; int64 heat = 3; bool slow = 4; }
message Pot { string kiln = 1; int32 count = 2; Color color = 3; }
enum Color { NONE = 0; RED = 1; BLUE = 2; }
message StackRequest { repeated Pot pots = 1; }
"""


@pytest.fixture(scope="module")
def kilns(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("kilns") / "kilns.proto"
    file.write_text(PROTO)
    return sources.load([file])


def programs(kilns: Registry, name: str, content: dict[str, Any], target: Any, **more: Any) -> dict[str, Any]:
    plan = Plan(
        registry=kilns,
        methods=tuple(kilns.methods.values()),
        expectations=Expectations(registry=kilns),
        generators=Generators(kilns),
    )
    making, showing, method = (kilns.method(f"kilns.Kilns/{one}") for one in ("NewKiln", "ShowKiln", name))
    made = AcceptedRequest(making, b"")
    data = method.request_class(**content).SerializeToString()
    for one in (
        made,
        AcceptedRequest(showing, b"\x0a\x01k", (Need(made, ("id",), ("kiln",)),)),
        AcceptedRequest(method, data, (Need(made, ("id",), target),), references=frozenset({target}), **more),
    ):
        plan.acceptance.first[one.method.path] = one
    return {case.id.rpartition("/")[2]: case for case in refused_programs.cases(method, plan)}


def test_what_is_taken_comes_again_with_other_numbers(kilns: Registry) -> None:
    content = {"kiln": "k", "ticket": "T1", "heat": 3, "slow": True}
    (case,) = programs(kilns, "Fire", content, ("kiln",), own_id=("ticket",)).values()
    names = [call.method.name for call in case.calls]
    assert names == ["NewKiln", "Fire", "ShowKiln", "ShowKiln", *["Fire", "ShowKiln", "ShowKiln"] * 2]
    first, other, same = (
        call.method.request_class.FromString(call.messages[0]) for call in case.calls if call.method.name == "Fire"
    )
    assert first.ticket == other.ticket == same.ticket != "T1"
    assert (first.heat, same.heat, first.slow) == (3, 3, other.slow)
    assert other.heat > first.heat


def test_what_nothing_tells_from_others_does_not(kilns: Registry) -> None:
    assert not programs(kilns, "Fire", {"kiln": "k", "ticket": "T1"}, ("kiln",))


@pytest.mark.parametrize(("name", "is_one"), [("Stack", True), ("Pile", False)])
def test_the_last_of_several_cannot_be(kilns: Registry, name: str, *, is_one: bool) -> None:
    found = programs(kilns, name, {"pots": [{"kiln": "k", "count": 1, "color": 1}]}, ("pots", 0, "kiln"))
    assert bool(found) == is_one
    for case in found.values():
        asked = [call for call in case.calls if call.method.name == name][1:]
        requests = [call.method.request_class.FromString(call.messages[0]) for call in asked]
        assert all(len(request.pots) == 2 and request.pots[0].count == 1 for request in requests)
        assert {request.pots[0].color for request in requests} == {1, 2}
        assert {request.pots[1].count for request in requests} == {1, 900_000}
        targets = [{binding.target: binding.call for binding in call.bindings} for call in asked]
        named = [bindings for bindings in targets if ("pots", 1, "kiln") in bindings]
        assert len(named) == 4  # others name what isn't there
        assert all(bindings["pots", 0, "kiln"] != bindings["pots", 1, "kiln"] for bindings in named)
