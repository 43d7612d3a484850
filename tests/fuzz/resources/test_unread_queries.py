"""Searches for what nothing has: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import search_programs
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package herbs;
service Herbs {
  rpc ListHerbs(Nothing) returns (Listed);
  rpc SearchHerbs(Search) returns (Listed);
  // Finds what is similar to a text.
  rpc FindHerbs(Search) returns (Listed);
  rpc SearchNearHerbs(SearchNear) returns (Listed);
  rpc DryHerbs(Nothing) returns (Nothing);
}
message Nothing { int32 page_size = 1; }
message Search { string query = 1; string place = 2; int32 page_size = 3; }
message SearchNear { string query = 1; int32 top_k = 2; }
message Herb { string id = 1; string title = 2; }
message Listed { repeated Herb herbs = 1; string next_page_token = 2; }
"""

A, B, C = ({"id": one, "title": f"{one} leaf"} for one in ("mint", "sage", "dill"))
ONE, OTHER, KNOWN = "qwkzrtplmxvb", "zzhgkwqpbvnm", "leaf"

Words = tuple[str, Any, Any]


def listed(*herbs: Any, token: str = "") -> Words:
    return ("ListHerbs", {}, {"herbs": list(herbs), "nextPageToken": token})


def search(text: str, *herbs: Any, method: str = "SearchHerbs", token: str = "", **more: Any) -> Words:
    return (method, {"query": text, **more}, {"herbs": list(herbs), "nextPageToken": token})


def between(*said: Words, herbs: tuple[Any, ...] = (A, B, C)) -> list[Words]:
    return [listed(*herbs), *said, listed(*herbs)]


def both(*herbs: Any, **more: Any) -> list[Words]:
    return [search(ONE, *herbs, **more), search(OTHER, *herbs, **more)]


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "nothing": (set(), between(*both())),
    "all": ({"G129"}, between(*both(A, B, C))),
    "all, in another order than the list": ({"G129"}, between(*both(C, A, B))),
    "all for one of them": (set(), between(search(ONE, A, B, C), search(OTHER))),
    "all, in two orders": (set(), between(search(ONE, A, B, C), search(OTHER, C, B, A))),
    "some": (set(), between(*both(A, B))),
    "more": (set(), between(*both(A, B, C, {"id": "rue"}))),
    "all of two": (set(), between(*both(A, B), herbs=(A, B))),
    "all, by one text": (set(), between(search(ONE, A, B, C), search(ONE, A, B, C))),
    "all, by words": (set(), between(search(KNOWN, A, B, C), search("mint", A, B, C))),
    "all that has it": (
        set(),
        between(*both({"title": ONE}, {"title": OTHER}, A), herbs=({"title": ONE}, {"title": OTHER}, A)),
    ),
    "all, of a place": (set(), between(*both(A, B, C, place="Ulm"))),
    "all, and it goes on": (set(), between(*both(A, B, C, token="x"))),
    "all of a page": (set(), [listed(A, B, C, token="x"), *both(A, B, C), listed(A, B, C, token="x")]),
    "all, and something was changed": (set(), [listed(A, B, C), ("DryHerbs", {}, {}), *both(A, B, C), listed(A, B, C)]),
    "all, and the list isn't as before": (set(), [listed(A, B, C), *both(A, B, C), listed(A, B)]),
    "what is similar": (set(), between(*both(A, B, C, method="FindHerbs"))),
    "what is near": (set(), between(*both(A, B, C, method="SearchNearHerbs"))),
}


@pytest.fixture(scope="module")
def herbs(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("herbs") / "herbs.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, herbs: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(herbs, "herbs.")(*said)) == codes


def test_programs_look_for_two_texts_between_two_lists(herbs: Registry) -> None:
    methods = {method.name: method for method in herbs.methods.values()}
    plan = Plan(
        registry=herbs,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=herbs),
        generators=Generators(herbs),
    )
    for name in ("ListHerbs", "SearchHerbs"):
        plan.acceptance.first[methods[name].path] = AcceptedRequest(methods[name], b"")
    (case,) = search_programs.of_nothing(methods["SearchHerbs"], ResourceFactory(plan))
    names = [call.method.name for call in case.calls]  # type: ignore[union-attr]
    assert names == ["ListHerbs", "SearchHerbs", "SearchHerbs", "ListHerbs"]
    asked: list[Any] = [methods["SearchHerbs"].request_class.FromString(call.messages[0]) for call in case.calls[1:3]]
    texts = {one.query for one in asked}
    assert len(texts) == 2 and all(len(text) == 12 for text in texts)
