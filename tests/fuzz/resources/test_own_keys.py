"""What is asked for by a key is what a list shows under it: conversations, and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import catalog_programs
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package atlas;
import "google/protobuf/timestamp.proto";
service Atlas {
  rpc ListMaps(ListMapsRequest) returns (ListMapsResponse);
  rpc GetMap(GetMapRequest) returns (Map);
  rpc GetNextMap(GetMapRequest) returns (Map);
  rpc StreamRivers(Nothing) returns (stream River);
  rpc GetRiverForMap(GetRiverRequest) returns (River);
  rpc Repaint(GetMapRequest) returns (Map);
}
message Nothing {}
message Scale { int32 units = 1; string label = 2; }
message Map { string id = 1; string title = 2; int64 views = 3; string status = 4; Scale scale = 5; string blurb = 6;
  google.protobuf.Timestamp seen = 7; string etag = 8; bool hidden = 9; int32 sheet = 10; }
message ListMapsRequest { int32 page_size = 1; string language = 2; }
message ListMapsResponse { repeated Map maps = 1; }
message GetMapRequest { string id = 1; string language = 2; }
message River { string id = 1; string title = 2; }
message GetRiverRequest { string id = 1; }
"""

A: dict[str, Any] = {"id": "alpha", "title": "Alps", "status": "NEW", "scale": {"units": 5}, "sheet": 3}
B: dict[str, Any] = {"id": "bravo", "title": "Bonn", "sheet": 4}
C: dict[str, Any] = {"id": "alpha-2", "title": "Core"}

Words = tuple[str, Any, Any]


def maps(*shown: Any) -> Words:
    return ("ListMaps", {}, {"maps": list(shown)})


def get(key: str, shown: Any, method: str = "GetMap", **more: Any) -> Words:
    return (method, {"id": key, **more}, shown)


def between(*said: Words, shown: tuple[Any, ...] = (A, B, C)) -> list[Words]:
    return [maps(*shown), *said, maps(*shown)]


def twice(**other: Any) -> list[Words]:
    return between(*[get("alpha", {**A, **other})] * 2)


CASES: dict[str, tuple[set[str], list[Words]]] = {
    "itself": (set(), between(get("alpha", A), get("bravo", B), get("alpha", A))),
    "another": ({"G129"}, between(get("alpha", B))),
    "another, each time": ({"G129"}, between(get("alpha", B), get("bravo", A), get("alpha", B))),
    "another, once of two times": (set(), between(get("alpha", B), get("alpha", A))),
    "another that nobody has shown": (set(), between(get("alpha", {**B, "id": "delta"}))),
    "another whose key begins alike": (set(), between(get("alpha", C))),
    "another, and the list isn't as before": (set(), [maps(A, B), get("alpha", B), maps({**A, "title": "Alpen"}, B)]),
    "another, and nobody looked again": (set(), [maps(A, B), get("alpha", B)]),
    "another, and something was changed": (
        set(),
        [maps(A, B), ("Repaint", {"id": "bravo"}, {}), get("alpha", B), maps(A, B)],
    ),
    "another, which is asked for": (set(), between(get("alpha", B, "GetNextMap"))),
    "another, where more is said": (set(), between(get("alpha", B, language="de"))),
    "without a key": (set(), between(*[get("alpha", {"title": "Alps"})] * 2)),
    "the empty message": (set(), between(*[get("alpha", {})] * 2)),
    "one of two under a key": ({"G134"}, between(get("alpha", B), shown=(A, A, B))),
    "another title": ({"G129"}, twice(title="Andes")),
    "capitals": ({"G129"}, twice(title="ALPS")),
    "another number": ({"G129"}, twice(sheet=8)),
    "another number inside": ({"G129"}, twice(scale={"units": 6})),
    "a title that is longer": (set(), twice(title="Alps and more")),
    "no title": (set(), twice(title="")),
    "more than the list shows": (set(), twice(blurb="steep", scale={"units": 5, "label": "five"})),
    "another state": (set(), twice(status="SEEN")),
    "other views": (set(), twice(views=5)),
    "seen at another time": (set(), twice(seen="2024-01-01T00:00:00Z", etag="x")),
    "what changes by itself": (set(), between(get("alpha", {**A, "title": "x"}), get("alpha", {**A, "title": "y"}))),
    "another title once": (set(), between(get("alpha", {**A, "title": "x"}))),
    "another language": (set(), between(*[get("alpha", {**A, "title": "Alpen"}, language="de")] * 2)),
    "named by something else": (
        set(),
        [
            ("StreamRivers", {}, [{"id": "alpha", "title": "Inn"}, {"id": "bravo", "title": "Isar"}]),
            get("alpha", {"id": "bravo", "title": "Isar"}, "GetRiverForMap"),
            ("StreamRivers", {}, [{"id": "alpha", "title": "Inn"}, {"id": "bravo", "title": "Isar"}]),
        ],
    ),
}


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("atlas") / "atlas.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, atlas: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(atlas, "atlas.")(*said)) == codes


def test_programs_ask_for_the_first_and_the_last(atlas: Registry) -> None:
    methods = {method.name: method for method in atlas.methods.values()}
    plan = Plan(
        registry=atlas,
        methods=tuple(methods.values()),
        expectations=Expectations(registry=atlas),
        generators=Generators(atlas),
    )
    resources = resources_of(atlas)
    assert not list(catalog_programs.cases(methods["GetMap"], plan, resources))
    for name in ("ListMaps", "GetMap", "GetNextMap"):
        plan.acceptance.first[methods[name].path] = AcceptedRequest(methods[name], b"")
    (case,) = catalog_programs.cases(methods["GetMap"], plan, resources)
    assert [call.method.name for call in case.calls] == ["ListMaps", *["GetMap"] * 4, "ListMaps"]  # type: ignore[union-attr]
    places = [call.bindings for call in case.calls[1:-1]]
    assert places == [(Binding(0, ("maps", index, "id"), ("id",)),) for index in (0, -1, 0, -1)]
    assert not list(catalog_programs.cases(methods["GetNextMap"], plan, resources))
