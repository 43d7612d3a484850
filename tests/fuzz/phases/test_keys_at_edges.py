# mypy: disable-error-code="attr-defined"
"""What a request names is tried at the edges of its type, all else made as ever."""

from __future__ import annotations

from pathlib import Path

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.phases import boundary_phase
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import sources

PROTO = """\
syntax = "proto3";
package lockers;
service Lockers {
  rpc Open(OpenRequest) returns (Locker);
  rpc Enter(EnterRequest) returns (Locker);
}
message Locker { uint64 number = 1; string owner = 2; }
message OpenRequest {}
message EnterRequest { uint64 number = 1; string owner = 2; string pin = 3; }
"""


def test_each_key_is_tried_beside_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "lockers.proto").write_text(PROTO)
    registry = sources.load([tmp_path / "lockers.proto"])
    plan = Plan(
        registry=registry,
        methods=tuple(registry.methods.values()),
        expectations=Expectations(registry=registry),
        generators=Generators(registry),
    )
    opening, entering = registry.method("lockers.Lockers/Open"), registry.method("lockers.Lockers/Enter")
    making = AcceptedRequest(opening, b"")
    needs = tuple(Need(making, (name,), (name,)) for name in ("number", "owner"))
    accepted = AcceptedRequest(
        entering,
        entering.request_class(number=7, owner="ann", pin="1").SerializeToString(),
        needs,
        references=frozenset({("number",), ("owner",)}),
    )
    plan.acceptance.keep(making, b"")
    plan.acceptance.keep(accepted, b"")
    cases = [case for part in boundary_phase.parts(entering, plan) for case in part if case.id.endswith("+as-key")]
    numbers = [case for case in cases if case.path == "number"]
    sent = [entering.request_class.FromString(case.calls[-1].messages[0]) for case in numbers]
    assert {1, 2**64 - 1} <= {one.number for one in sent}
    assert {one.pin for one in sent} == {"1"}
    assert {binding.target for case in numbers for binding in case.calls[-1].bindings} == {("owner",)}
    assert {case.path for case in cases} == {"number", "owner"}
