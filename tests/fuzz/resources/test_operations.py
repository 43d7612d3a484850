"""Operations that take their time: what came of them is shown once they are done, and stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.resources.laws.operations import outcome_of
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package press;
import "google/longrunning/operations.proto";
service Press {
  rpc Print(PrintRequest) returns (Job);
  rpc GetJob(JobName) returns (Job);
  rpc ListJobs(PrintRequest) returns (ListJobsResponse);
  rpc GetOperation(JobName) returns (google.longrunning.Operation);
  rpc GetProof(JobName) returns (Proof);
}
message PrintRequest { string text = 1; }
message JobName { string name = 1; }
message Job {
  string name = 1;
  bool done = 2;
  oneof outcome { Failure failure = 3; Sheet sheet = 4; }
  int32 percent_complete = 5;
}
message Failure { string message = 1; }
message Sheet { int32 pages = 1; }
message ListJobsResponse { repeated Job jobs = 1; }
message Proof { string name = 1; bool done = 2; oneof result { Failure error = 3; Sheet partial_result = 4; } }
"""

RUNNING = {"name": "jobs/1", "percentComplete": 40}
DONE = {"name": "jobs/1", "done": True, "sheet": {"pages": 2}, "percentComplete": 100}
FAILED = {"name": "jobs/1", "done": True, "failure": {"message": "no paper"}}
EARLY = {"name": "jobs/1", "sheet": {"pages": 2}}


def shown(*jobs: dict[str, Any], method: str = "GetJob") -> list[Any]:
    return [(method, {"name": "jobs/1"}, job) for job in jobs]


def listed(*jobs: dict[str, Any]) -> Any:
    return ("ListJobs", {}, {"jobs": list(jobs)})


CASES: dict[str, tuple[set[str], list[Any]]] = {
    "it gets done": (set(), shown(RUNNING, RUNNING, DONE, DONE)),
    "it fails": (set(), shown(RUNNING, FAILED, {**FAILED, "failure": {"message": "no paper at all"}})),
    "it is done, and says nothing of what came of it": (set(), shown({"name": "jobs/1", "done": True})),
    "it has come to something before it is done": ({"G129"}, shown(EARLY)),
    "and in a list": ({"G129"}, [listed(RUNNING, {**EARLY, "name": "jobs/2"})]),
    "it has failed, and isn't done": ({"G129"}, shown({"name": "jobs/1", "failure": {"message": "no paper"}})),
    "it isn't done any more": ({"G129"}, shown(DONE, RUNNING)),
    "it comes to something else": ({"G129"}, shown(DONE, {**DONE, "sheet": {"pages": 3}})),
    "it fails after it was done": ({"G129"}, shown(DONE, FAILED)),
    "another one": (set(), [*shown(DONE), listed({**RUNNING, "name": "jobs/2"}, DONE)]),
    "more than a whole": ({"G129"}, shown({**RUNNING, "percentComplete": 101})),
    "less than nothing": ({"G129"}, shown({**RUNNING, "percentComplete": -1})),
    "one without a name": (set(), shown({"sheet": {"pages": 2}})),
    "what came of it so far": (set(), shown({"name": "jobs/1", "partialResult": {"pages": 2}}, method="GetProof")),
    "of the standard type": (set(), shown({"name": "jobs/1"}, {"name": "jobs/1", "done": True}, method="GetOperation")),
    "of the standard type, too early": (
        {"G129"},
        shown({"name": "jobs/1", "error": {"code": 9}}, method="GetOperation"),
    ),
}


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("press") / "press.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, press: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(press, "press.")(*said)) == codes


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("press.Job", "outcome"),
        ("google.longrunning.Operation", "result"),
        ("press.Proof", None),
        ("press.Sheet", None),
    ],
)
def test_what_is_an_operation(message: str, expected: str | None, press: Registry) -> None:
    descriptor: Any = press.message(message).DESCRIPTOR
    outcome = outcome_of(descriptor)
    assert (outcome.name if outcome is not None else None) == expected
