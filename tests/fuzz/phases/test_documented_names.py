"""Names that comments give as examples: tried, and told only where how they are written is refused."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_names import documented_names
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.name_cases import cases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package zoo;
service Zoo {
  // Lists animals. `cages/-` lists those of all cages.
  rpc ListAnimals(ListAnimalsRequest) returns (Animal);
  // `cages/-` lists nothing and is not allowed any longer.
  rpc ListKeepers(ListKeepersRequest) returns (Animal);
  rpc AddAnimal(AddAnimalRequest) returns (Animal);
}
message Animal { string name = 1; }
message ListAnimalsRequest { string parent = 1; string filter = 2; }
message ListKeepersRequest { string parent = 1; }
message AddAnimalRequest {
  // Such as `cages/lions`; any cage is there.
  string parent = 1;
  // E.g. `zoos/*/cages/{cage}`, or `Leo`.
  string animal_id = 2;
  // For example, `zoos/old/cages/lions`.
  string from_cage = 3;
  // Never such as `cages/lions`.
  string to_cage = 4;
  // Such as `cages/lions`.
  repeated string cages = 5;
}
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("zoo") / "zoo.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("ListAnimals", [("parent", "cages/-")]),
        ("ListKeepers", []),
        ("AddAnimal", [("parent", "cages/lions"), ("from_cage", "zoos/old/cages/lions")]),
    ],
)
def test_examples_are_read(method: str, expected: list[tuple[str, str]], zoo: Registry) -> None:
    told = documented_names(zoo.method(f"zoo.Zoo/{method}"), zoo)
    assert [(field.name, name) for field, name in told] == expected


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (Code.INVALID_ARGUMENT, "parent must look like cages/{cage}", {"G127"}),
        (Code.INVALID_ARGUMENT, "filter is missing", set()),
        (Code.INVALID_ARGUMENT, "bad request", set()),
        (Code.NOT_FOUND, "parent: there is no such cage", set()),
        (Code.OK, "", set()),
    ],
)
def test_how_a_name_is_written_is_not_refused(code: Code, message: str, expected: set[str], zoo: Registry) -> None:
    method, expectations = zoo.method("zoo.Zoo/ListAnimals"), Expectations(registry=zoo)
    plan = Plan(registry=zoo, methods=(method,), expectations=expectations, generators=Generators(zoo))
    (case,) = cases(method, plan)
    request: Any = method.request_class.FromString(case.calls[-1].messages[0])
    assert request.parent == "cages/-"
    responses = (b"",) if code == Code.OK else ()
    reply = Reply(call=case.calls[-1], termination=Termination.SERVER, code=code, message=message, responses=responses)
    told = CheckSuite(all_checks(), expectations).evaluate(case, CaseResult(replies=(reply,)))
    assert {finding.code for finding in told if not finding.is_warning} == expected
