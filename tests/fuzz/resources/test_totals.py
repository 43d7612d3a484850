"""How many there are, as a list says itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package barn;
service Barn {
  rpc AddHen(AddHenRequest) returns (Hen);
  rpc GetHen(HenName) returns (Hen);
  rpc ListHens(ListHensRequest) returns (ListHensResponse);
  rpc ListEggs(ListEggsRequest) returns (ListEggsResponse);
  rpc SearchHens(ListHensRequest) returns (SearchHensResponse);
}
message AddHenRequest { string coop = 1; }
message Hen { string name = 1; string coop = 2; }
message HenName { string name = 1; }
message ListHensRequest { string coop = 1; int32 limit = 2; int32 skip = 3; }
message ListHensResponse { repeated Hen hens = 1; int32 total = 2; bool more = 3; }
message ListEggsRequest { int32 limit = 1; }
message ListEggsResponse { repeated Hen eggs = 1; int64 total_count = 2; }
message SearchHensResponse {
  repeated Hen hens = 1;
  // An estimate of how many there are.
  int32 total_size = 2;
}
"""


def hens(request: Any, count: int, total: int, method: str = "ListHens", **more: Any) -> tuple[str, Any, Any]:
    name, field = {
        "ListHens": ("hens", "total"),
        "ListEggs": ("eggs", "totalCount"),
        "SearchHens": ("hens", "totalSize"),
    }[method]
    return (method, request, {name: [{"name": str(number)} for number in range(count)], field: total, **more})


MADE = ("AddHen", {"coop": "a"}, {"name": "1"})

CASES = {
    "a page of it": (set(), hens({"limit": 2}, 2, 5)),
    "nothing, and nothing there": (set(), hens({"limit": 2}, 0, 0)),
    "nothing of some": ({"G134"}, hens({"limit": 2}, 0, 5)),
    "nothing of some, there is more": (set(), hens({"limit": 2}, 0, 5, more=True)),
    "nothing of some, past the end": (set(), hens({"limit": 2, "skip": 9}, 0, 5)),
    "nothing of some, selected": (set(), hens({"limit": 2, "coop": "a"}, 0, 5)),
    "nothing of some, none asked for": (set(), hens({}, 0, 5)),
    "nothing of some, less than none asked for": (set(), hens({"limit": -1}, 0, 5)),
    "more than a sum": (set(), hens({}, 3, 2)),
    "more than there are": ({"G134"}, hens({}, 3, 2, "ListEggs")),
    "not counted": (set(), hens({}, 3, 0, "ListEggs")),
    "more than was estimated": (set(), hens({}, 3, 2, "SearchHens")),
}


@pytest.fixture(scope="module")
def barn(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("barn") / "barn.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_an_answer(name: str, barn: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(barn, "barn.")(MADE, said)) == codes


def test_what_nobody_has_made_may_be_hidden(
    barn: Registry, judging: Callable[..., Callable[..., dict[str, str]]]
) -> None:
    judge, nothing = judging(barn, "barn."), hens({"limit": 2}, 0, 5)
    assert judge(nothing) == {}
    assert judge(("AddHen", {"coop": "a"}, "INVALID_ARGUMENT"), nothing) == {}
