"""Answers in the order of the request; conversations and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import asked_order_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package sawmill;
service Sawmill {
  rpc AddPlank(AddPlankRequest) returns (Plank);
  rpc PaintPlanks(PaintPlanksRequest) returns (PaintPlanksResponse);
  // Gives the planks in the same order as the ids.
  rpc BatchGetPlanks(PaintPlanksRequest) returns (Planks);
  // The planks are in no order of the request.
  rpc FetchPlanks(PaintPlanksRequest) returns (Planks);
  // In the order of the ids.
  rpc SortPlanks(PaintPlanksRequest) returns (Planks);
  // Planks are cut in the order of the request; they may come as they are done.
  rpc CutPlanks(PaintPlanksRequest) returns (Planks);
}
message Plank { int64 id = 1; string color = 2; }
message Planks { repeated Plank planks = 1; }
message AddPlankRequest { string color = 1; }
message PaintPlanksRequest { repeated int64 plank_ids = 1; string color = 2; }
message PaintPlanksResponse {
  // In the order of the request.
  repeated Plank planks = 1;
}
"""

Words = tuple[str, Any, Any]


def planks(name: str, asked: list[int], *ids: int) -> Words:
    return (name, {"plankIds": asked}, {"planks": [{"id": number} for number in ids]})


CASES: dict[str, tuple[set[str], Words]] = {
    "as asked": (set(), planks("PaintPlanks", [3, 1, 2], 3, 1, 2)),
    "by id": ({"G129"}, planks("PaintPlanks", [3, 1, 2], 1, 2, 3)),
    "as asked, one lacks": (set(), planks("PaintPlanks", [3, 1, 2], 3, 2)),
    "by id, one lacks": ({"G129"}, planks("PaintPlanks", [3, 1, 2], 2, 3)),
    "one twice": (set(), planks("PaintPlanks", [3, 1, 3], 1, 3)),
    "others among them": (set(), planks("PaintPlanks", [3, 1], 7, 3, 1)),
    "the same order as the ids": ({"G129"}, planks("BatchGetPlanks", [3, 1], 1, 3)),
    "no order": (set(), planks("FetchPlanks", [3, 1], 1, 3)),
    "the least first": (set(), planks("SortPlanks", [3, 1], 1, 3)),
    "done in order": (set(), planks("CutPlanks", [3, 1], 3, 1)),
    "refused": (set(), ("PaintPlanks", {"plankIds": [3, 1]}, "NOT_FOUND")),
}


@pytest.fixture(scope="module")
def sawmill(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("sawmill") / "sawmill.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, sawmill: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(sawmill, "sawmill.")(said)) == codes


def test_programs_name_several_things_in_several_orders(sawmill: Registry) -> None:
    methods = {method.name: method for method in sawmill.methods.values()}
    plan = Plan(
        registry=sawmill,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=sawmill),
        generators=Generators(sawmill),
    )
    adding = AcceptedRequest(methods["AddPlank"], b"")
    for name in ("PaintPlanks", "FetchPlanks"):
        painting = AcceptedRequest(methods[name], b"", (Need(adding, ("id",), ("plank_ids", 0)),))
        plan.acceptance.first[painting.method.path] = painting
    (case,) = asked_order_programs.cases(methods["PaintPlanks"], plan)
    assert [call.method.name for call in case.calls] == ["AddPlank"] * 3 + ["PaintPlanks"] * 3  # type: ignore[union-attr]
    assert case.calls[3].bindings == tuple(Binding(n, ("id",), ("plank_ids", n)) for n in range(3))
    assert case.calls[4].bindings == tuple(Binding(2 - n, ("id",), ("plank_ids", n)) for n in range(3))
    assert not list(asked_order_programs.cases(methods["FetchPlanks"], plan))
