# mypy: disable-error-code="attr-defined"
"""How many a request asks for at most: conversations, which fields say it, and programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import size_programs
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.laws.sizes import size_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package orchard;
import "google/api/resource.proto";
service Orchard {
  rpc CreateTree(CreateTreeRequest) returns (Tree);
  rpc GetTree(TreeName) returns (Tree);
  rpc ListTrees(ListTreesRequest) returns (TreeList);
  rpc SearchTrees(SearchTreesRequest) returns (stream Tree);
  rpc RangeOfApples(ApplesRequest) returns (Apples) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc PickApples(ApplesRequest) returns (Apples);
  rpc TakeBasket(BasketRequest) returns (Basket);
  rpc ResizeBasket(BasketRequest) returns (Basket);
  rpc CreateRow(CreateRowRequest) returns (Row);
  rpc GetRow(TreeName) returns (Row);
  rpc ListRows(ListTreesRequest) returns (RowList);
  rpc SearchRows(SearchTreesRequest) returns (stream Row);
  rpc SearchFewRows(SearchFewRowsRequest) returns (stream Row);
}
message BasketRequest { int32 max_apples = 1; int32 max_worms = 2; }
message Basket { repeated Apple picked_apples = 1; repeated Apple worms_apart = 2; }
message CreateRowRequest { Row row = 1; }
message Row {
  option (google.api.resource) = {type: "orchard.example.com/Row" pattern: "rows/{row}"};
  string name = 1;
}
message RowList { repeated Row rows = 1; string next_page_token = 2; }
message SearchFewRowsRequest { string query = 1; optional uint32 limit = 2; }
message CreateTreeRequest { Tree tree = 1; }
message Tree { string name = 1; string kind = 2; }
message TreeName { string name = 1; }
message ListTreesRequest { int32 page_size = 1; string page_token = 2; }
message TreeList { repeated Tree trees = 1; string next_page_token = 2; }
message SearchTreesRequest { string query = 1; uint32 limit = 2; }
message ApplesRequest { int64 limit = 1; string sort = 2; }
message Apples { repeated Apple apples = 1; }
message Apple { int32 grams = 1; }
"""


def apples(limit: int, count: int, sort: str = "", method: str = "RangeOfApples") -> Any:
    return (method, {"limit": limit, "sort": sort}, {"apples": [{"grams": 1}] * count})


def trees(limit: int, count: int) -> Any:
    return ("SearchTrees", {"query": "a", "limit": limit}, [{"name": str(number)} for number in range(count)])


def basket(most: int, count: int, method: str = "TakeBasket") -> Any:
    return (method, {"maxApples": most, "maxWorms": 1}, {"pickedApples": [{"grams": 1}] * count})


def rows(limit: int, count: int, method: str = "SearchRows") -> Any:
    return (method, {"query": "a", "limit": limit}, [{"name": f"rows/{number}"} for number in range(count)])


MADE = ("CreateTree", {"tree": {}}, {"name": "1"})

CASES: dict[str, tuple[set[str], list[Any]]] = {
    "as many as were asked for": (set(), [apples(1, 1), apples(2, 2)]),
    "one more": ({"G134"}, [apples(1, 2), apples(2, 3)]),
    "one more, the larger first": ({"G134"}, [apples(2, 3), apples(1, 2)]),
    "a limit that means another thing": (set(), [apples(1, 5), apples(2, 5)]),
    "one more in another order": (set(), [apples(1, 2, "a"), apples(2, 3, "b")]),
    "one more, and something was made": (set(), [apples(1, 2), MADE, apples(2, 3)]),
    "not asked for any number": (set(), [apples(0, 5), apples(-1, 2)]),
    "what is taken": (set(), [apples(1, 2, method="PickApples"), apples(2, 3, method="PickApples")]),
    "more than were asked for of what there is": ({"G134"}, [trees(1, 2)]),
    "more than were asked for by name": ({"G134"}, [basket(1, 2)]),
    "as many as were asked for by name": (set(), [basket(2, 2), basket(0, 2)]),
    "more than are to be from now on": (set(), [basket(1, 2, "ResizeBasket")]),
    "few of what there is": (set(), [trees(2, 2), trees(0, 9)]),
    "none where no number is said": (set(), [trees(0, 0), trees(1, 1)]),
    "none where no number is said, of what is annotated": ({"G134"}, [rows(0, 0), rows(1, 1)]),
    "none, whatever is said": (set(), [rows(0, 0), rows(1, 0)]),
    "some where no number is said": (set(), [rows(0, 3), rows(1, 1)]),
    "none where the number is said to be none": (set(), [rows(0, 0, "SearchFewRows"), rows(1, 1, "SearchFewRows")]),
}


@pytest.fixture(scope="module")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("orchard") / "orchard.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, orchard: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(orchard, "orchard.")(*said)) == codes


def test_which_fields_say_it(orchard: Registry) -> None:
    resources = resources_of(orchard)
    found = {method.name: size.name for method in orchard.methods.values() if (size := size_of(method, resources))}
    assert found == dict.fromkeys(("SearchTrees", "RangeOfApples", "SearchRows", "SearchFewRows"), "limit")


def test_programs_ask_for_few_of_many(orchard: Registry) -> None:
    methods = {method.name: method for method in orchard.methods.values()}
    plan = Plan(
        registry=orchard,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=orchard),
        generators=Generators(orchard),
    )
    factory = ResourceFactory(plan)
    for name in ("RangeOfApples", "PickApples", "SearchTrees"):
        assert list(size_programs.cases(methods[name], factory)) == []
        plan.acceptance.first[methods[name].path] = AcceptedRequest(methods[name], b"")
    (ranging,) = size_programs.cases(methods["RangeOfApples"], factory)
    requests = [methods["RangeOfApples"].request_class.FromString(call.messages[0]) for call in ranging.calls[-4:]]
    assert [one.limit for one in requests] == [1, 2, 0, 1]
    (searching,) = size_programs.cases(methods["SearchTrees"], factory)
    made, asked = searching.calls[:4], searching.calls[4:8]
    (kind,) = {call.method.request_class.FromString(call.messages[0]).tree.kind for call in made}  # type: ignore[union-attr]
    requests = [methods["SearchTrees"].request_class.FromString(call.messages[0]) for call in asked]
    assert [(one.query, one.limit) for one in requests] == [(kind, number) for number in (1, 2, 0, 1)]
