"""How many there are, as a list says itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.resources.laws import totals
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


PAGED = """\
syntax = "proto3";
package coops;
service Coops {
  rpc AddHen(Hen) returns (Hen);
  rpc GetHen(Hen) returns (Hen);
  rpc ListHens(ListRequest) returns (ListResponse);
  rpc ListChicks(ListRequest) returns (ListOfPage);
  rpc SearchHens(SearchRequest) returns (ListResponse);
}
message Hen { string name = 1; }
message ListRequest { string coop = 1; int32 limit = 2; int32 offset = 3; string page_token = 4; }
message SearchRequest { string coop = 1; int32 limit = 2; }
message ListResponse { repeated Hen hens = 1; int32 total = 2; string next_page_token = 3; }
message ListOfPage {
  repeated Hen hens = 1;
  // How many hens are on this page.
  int32 total = 2;
}
"""


def page(request: Any, names: str, total: int, method: str = "ListHens", **more: Any) -> tuple[str, Any, Any]:
    return (method, request, {"hens": [{"name": name} for name in names], "total": total, **more})


ADDED = ("AddHen", {"name": "d"}, {"name": "d"})
ONE, TWO, ALL = {"limit": 1}, {"limit": 1, "offset": 1}, {"limit": 9}

PAGES: dict[str, tuple[bool, list[tuple[str, Any, Any]]]] = {
    "behind as many": (True, [page(ALL, "abc", 3), page(ONE, "a", 1), page(TWO, "b", 1)]),
    "a large one between": (True, [page(ONE, "a", 1), page(ALL, "abc", 3), page(ONE, "a", 1)]),
    "a small one between": (True, [page(ALL, "abc", 3), page(ONE, "a", 1), page(ALL, "abc", 3)]),
    "a third size": (True, [page(ONE, "a", 1), page({"limit": 2}, "ab", 2), page(ONE, "a", 1)]),
    "by token": (
        True,
        [page(ONE, "a", 1, nextPageToken="t"), page({"limit": 1, "pageToken": "t"}, "b", 1)],
    ),
    "of all": (False, [page(ALL, "abc", 3), page(ONE, "a", 3), page(TWO, "b", 3), page(ONE, "a", 3)]),
    "a last page": (False, [page(ONE, "a", 2), page(TWO, "b", 2), page(ALL, "ab", 2)]),
    "one may be gone": (False, [page(ALL, "abc", 3), page(ONE, "a", 1)]),
    "one is there only": (False, [page(ONE, "a", 1), page(ALL, "a", 1), page(ONE, "a", 1)]),
    "the last page beyond the end": (False, [page(ALL, "a", 1), page(ONE, "a", 1), page(TWO, "a", 1)]),
    "of another list": (
        False,
        [page({**ONE, "coop": "x"}, "a", 1), page(ALL, "abc", 3), page({**ONE, "coop": "x"}, "a", 1)],
    ),
    "more were made": (False, [page(ONE, "a", 1), ADDED, page(ALL, "ad", 2), ADDED, page(ONE, "a", 1)]),
    "of the page, as it says": (
        False,
        [page(one, names, len(names), "ListChicks") for one, names in ((ONE, "a"), (ALL, "abc"), (ONE, "a"))],
    ),
    "without pages": (
        False,
        [page(one, names, len(names), "SearchHens") for one, names in ((ONE, "a"), (ALL, "abc"), (ONE, "a"))],
    ),
    "refused": (False, [page(ONE, "a", 1), ("ListHens", ALL, "INVALID_ARGUMENT"), page(ONE, "a", 1)]),
    "the same page by its token": (
        False,
        [page(ALL, "ab", 2, nextPageToken="t"), page({"limit": 9, "pageToken": "t"}, "ab", 2)],
    ),
    "another token": (
        False,
        [page(ONE, "a", 1, nextPageToken="t"), page({"limit": 1, "pageToken": "s"}, "b", 1)],
    ),
}


@pytest.fixture(scope="module")
def coops(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("coops") / "coops.proto"
    file.write_text(PAGED)
    return sources.load([file])


@pytest.mark.parametrize("name", PAGES)
def test_how_many_there_are_is_not_how_many_are_on_the_page(
    name: str, coops: Registry, judging: Callable[..., Callable[..., dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_wrong, said = PAGES[name]
    found: list[str] = []
    finding = totals._finding

    def noted(*words: Any) -> Any:
        found.append(words[2])
        return finding(*words)

    monkeypatch.setattr(totals, "_finding", noted)
    judging(coops, "coops.")(*said)
    assert any("other pages" in words for words in found) == is_wrong
