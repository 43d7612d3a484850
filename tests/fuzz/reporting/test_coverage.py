# mypy: disable-error-code="arg-type"
"""Coverage: what messages have exercised, both sides of rules, why a method never went well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from grpcmock.fuzz.coverage.collector import Coverage, MethodCoverage
from grpcmock.fuzz.coverage.totals import Share, shares, totals, tree
from grpcmock.fuzz.coverage.type_coverage import TypeSeen
from grpcmock.fuzz.model.cases import Case, Expect, Phase, call_of
from grpcmock.fuzz.model.events import CaseFinished, MethodStopped
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.schema import Registry, sources

PROTO = """
syntax = "proto3";
package cov;
import "google/protobuf/timestamp.proto";
enum Color { RED = 0; GREEN = 1; BLUE = 2; }
message Node { string label = 1; Node next = 2; Color color = 3; }
message Ask {
  int32 id = 1;
  optional string note = 2;
  Node node = 3;
  repeated Node nodes = 4;
  map<string, Node> named = 5;
  google.protobuf.Timestamp at = 6;
  oneof way { string mail = 7; Node push = 8; }
}
message Answer { int32 id = 1; }
service S {
  rpc One(Ask) returns (Answer);
  rpc Many(stream Ask) returns (stream Answer);
}
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    path = tmp_path_factory.mktemp("protos") / "cov.proto"
    path.write_text(PROTO)
    return sources.load([path])


@pytest.fixture
def tried(registry: Registry) -> Callable[..., Coverage]:
    """Covers cases of a method: each given as keys of a case, with the requests' fields and the replies' keys."""

    def cover(name: str, *cases: tuple[dict[str, Any], Iterable[dict[str, Any]], dict[str, Any]]) -> Coverage:
        coverage, method = Coverage(), registry.method(f"cov.S/{name}")
        for keys, requests, answer in cases:
            call = call_of(method, *(method.request_class(**one).SerializeToString() for one in requests))
            case_keys = {"id": "x", "phase": Phase.RANDOM, "method": method, "calls": (call,), "why": "", **keys}
            ended = {"call": call, "termination": Termination.SERVER, "code": 0, "sent": len(call.messages), **answer}
            case, reply = Case(**case_keys), Reply(**ended)
            coverage.hear(CaseFinished(case=case, result=CaseResult(replies=(reply,)), findings=()))
        return coverage

    return cover


def test_fields_count_as_set_and_left_out_where_their_message_is_there(registry: Registry) -> None:
    ask = registry.message("cov.Ask")
    seen = TypeSeen(ask.DESCRIPTOR)
    seen.look(ask(id=1, node={"color": 1}, named={"a": {"label": "x"}}))
    seen.look(ask(mail="a", nodes=[{"label": "y"}, {"color": 9}]))
    found = {field.path: (field.present, field.absent) for field in seen.all_fields()}
    assert found["id"] == (1, 1)
    assert found["node.color"] == (1, 0)
    assert found["node.label"] == (0, 1)
    assert found["nodes[].label"] == (1, 1)
    assert found["named[].label"] == (1, 0)
    assert "at.seconds" not in found  # what a moment is made of is no business of the contract
    assert "node.next.label" not in found  # types that hold themselves are followed once
    colors = {field.path: (field.declared, field.undeclared) for field in seen.all_fields() if field.enum}
    assert colors["node.color"] == ({"RED": False, "GREEN": True, "BLUE": False}, False)
    assert colors["nodes[].color"] == ({"RED": True, "GREEN": False, "BLUE": False}, True)
    assert dict(seen.all_oneofs()) == {"way": {"mail": True, "push": False, "(none)": True}}


def test_lengths_of_streams_and_statuses_are_counted(tried: Callable[..., Coverage]) -> None:
    coverage = tried(
        "Many",
        ({}, [], {}),
        ({}, [{}, {}], {"responses": (b"",)}),
        ({}, [{}] * 5, {"code": 5, "message": "no", "responses": (b"",) * 9}),
        ({}, [{}], {"code": 1, "termination": Termination.CANCELLED, "responses": (b"",)}),
        ({}, [{}] * 2, {"code": 16, "message": "who are you?"}),  # it got no further than to the door
    )
    (method,) = coverage.methods.values()
    assert method.sent == {"0", "1", "2", "many"}
    assert method.received == {"0", "1", "many"}
    assert dict(method.statuses) == {"OK": 2, "NOT_FOUND": 1, "left by us": 1, "UNAUTHENTICATED": 1}
    assert shares(method)["lengths"] == Share(7, 8)
    assert method.is_ok


def test_both_sides_of_rules_are_told_apart(tried: Callable[..., Coverage]) -> None:
    boundary = {"phase": Phase.BOUNDARY, "path": "id"}
    coverage = tried(
        "One",
        (boundary | {"id": "boundary/cov.S/One/id~gt=0:inside", "expect": Expect.ACCEPTED}, [{}], {}),
        (boundary | {"id": "boundary/cov.S/One/id~gt=0:outside", "rule": "int32.gt"}, [{}], {}),
        (boundary | {"id": "boundary/cov.S/One/note~max_len=3:outside", "path": "note", "rule": "max"}, [{}], {}),
        ({"path": "at", "rule": "required", "expect": Expect.REFUSED}, [{}], {}),
        ({"path": "id", "rule": "int32.gt", "expect": Expect.REFUSED}, [{}], {}),
        (boundary | {"id": "boundary/cov.S/One/x=missing", "rule": "a, b", "expect": Expect.REFUSED}, [{}], {}),
    )
    (method,) = coverage.methods.values()
    rules = [(rule.path, rule.rule, rule.bound, rule.inside, rule.outside) for rule in method.rules]
    assert rules == [
        ("at", "required", "", True, True),  # a rule without a bound is kept by any valid request
        ("id", "int32.gt", "gt=0", True, True),
        ("note", "max", "max_len=3", False, True),
    ]
    assert method.boundaries == {"id", "note"}


def test_a_rule_seen_broken_before_its_bound_is_known_stays_one(registry: Registry) -> None:
    method = MethodCoverage(registry.method("cov.S/One"))
    method._rule("id", "r").outside = True
    assert method._rule("id", "r", "gt=0").outside
    assert method._rule("id", "r", "lt=9") is not method._rule("id", "r", "gt=0")
    assert [rule.bound for rule in method.rules] == ["gt=0", "lt=9"]


def test_a_method_that_never_went_well_says_why(tried: Callable[..., Coverage], registry: Registry) -> None:
    refused = {"code": 16, "message": "who are you?"}
    coverage = tried("One", ({}, [{}], refused), ({}, [{}], {"code": 3, "message": "a"}), ({}, [{}], refused))
    (method,) = coverage.never_ok()
    assert method.why_never_ok == "UNAUTHENTICATED: who are you? (2 of 3 calls)"
    coverage.hear(MethodStopped(method=method.method, reason="enough"))
    told = tree(coverage)
    assert told["methods"][0]["stopped"] == "enough"
    assert told["totals"]["methods"] == {"done": 0, "total": 1}
    assert MethodCoverage(method.method).why_never_ok == "it was never called"


def test_once_there_is_no_news_only_a_sample_is_looked_at(tried: Callable[..., Coverage]) -> None:
    coverage = tried("One", *([({}, [{"id": 1}], {})] * 1000), ({}, [{"note": "news"}], {}), *([({}, [{}], {})] * 40))
    (method,) = coverage.methods.values()
    assert 100 < method.seen.looked < 300
    assert totals(coverage)["methods"] == Share(1, 1)


def test_what_is_no_message_is_left_out(tried: Callable[..., Coverage], registry: Registry) -> None:
    method = MethodCoverage(registry.method("cov.S/One"))
    for data in (b"\xff", b"\0" * 100_000):
        method.take_reply(Reply(call=call_of(method.method, data), termination=Termination.SERVER, code=13))
    assert (method.calls, method.seen.looked) == (2, 0)


def test_shares_add_up() -> None:
    assert Share(1, 2) + Share(2, 3) == Share(3, 5)
    assert (Share(0, 0).part, str(Share(1, 4))) == (1.0, "1 of 4")


@pytest.mark.parametrize(
    ("termination", "expected"),
    [(Termination.ENOUGH, True), (Termination.CANCELLED, False), (Termination.DEADLINE, False)],
)
def test_a_stream_that_stays_open_went_well(
    termination: Termination, expected: bool, tried: Callable[..., Coverage]
) -> None:
    coverage = tried(
        "Many", ({}, [{}], {"code": 5, "message": "no"}), ({}, [{}], {"code": 1, "termination": termination})
    )
    (method,) = coverage.methods.values()
    assert method.is_ok is expected
