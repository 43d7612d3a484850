# mypy: disable-error-code="attr-defined"
"""Values that a server takes one by one come together, every two of them."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.field_paths import Fields, reachable
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases import value_pairs
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.value_pairs import pairwise
from grpcmock.schema import Method, Registry, sources

PROTO = """\
syntax = "proto3";
package kilns;
service Kilns { rpc Fire(FireRequest) returns (FireResponse); }
enum Glaze { RAW = 0; CLEAR = 1; MATTE = 2; }
message FireRequest { uint32 degrees = 1; Glaze glaze = 2; double hours = 3; string label = 4; }
message FireResponse {}
"""


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6))
def test_every_two_values_of_two_fields_come_together(sizes: list[int]) -> None:
    levels = tuple(tuple(range(size)) for size in sizes)
    rows = list(pairwise(levels))
    seen = {(pair, row[pair[0]], row[pair[1]]) for row in rows for pair in combinations(range(len(sizes)), 2)}
    assert seen == {
        (pair, one, other)
        for pair in combinations(range(len(sizes)), 2)
        for one in levels[pair[0]]
        for other in levels[pair[1]]
    }
    assert all(len(row) == len(sizes) for row in rows)


@pytest.fixture(scope="module")
def kilns(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("kilns") / "kilns.proto"
    file.write_text(PROTO)
    return sources.load([file])


def plan_of(registry: Registry) -> Plan:
    return Plan(
        registry=registry,
        methods=tuple(registry.methods.values()),
        expectations=Expectations(registry=registry),
        generators=Generators(registry),
    )


def way_to(method: Method, name: str) -> Fields:
    return next(way for way in reachable(method.input) if way[-1].name == name)


def test_what_was_taken_in_two_fields_is_sent_together(kilns: Registry) -> None:
    plan, method = plan_of(kilns), kilns.method("kilns.Kilns/Fire")
    request = method.request_class(degrees=900, glaze=1, hours=2.0, label="a")
    values = {way_to(method, "degrees"): (1, 1300), way_to(method, "glaze"): (2,), way_to(method, "hours"): (0.5,)}
    plan.acceptance.first[method.path] = AcceptedRequest(method, request.SerializeToString(), values=values)
    sent = [method.request_class.FromString(case.calls[-1].messages[0]) for case in value_pairs.cases(method, plan)]
    assert {(one.degrees, one.glaze) for one in sent} == {(d, g) for d in (900, 1, 1300) for g in (1, 2)}
    assert {(one.degrees, one.hours) for one in sent} == {(d, h) for d in (900, 1, 1300) for h in (2.0, 0.5)}
    assert {one.label for one in sent} == {"a"}
    assert len(sent) == 6


def test_where_nothing_varies_there_are_none(kilns: Registry) -> None:
    plan, method = plan_of(kilns), kilns.method("kilns.Kilns/Fire")
    assert list(value_pairs.cases(method, plan)) == []
    plan.acceptance.first[method.path] = AcceptedRequest(
        method, method.request_class(degrees=900).SerializeToString(), values={way_to(method, "degrees"): (1,)}
    )
    assert list(value_pairs.cases(method, plan)) == []
