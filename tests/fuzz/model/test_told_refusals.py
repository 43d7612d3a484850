"""What responses with OK tell of refusals in their own terms."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from grpcmock.fuzz.checks.stated_words import taken
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package farm;
import "google/rpc/status.proto";
service Farm {
  rpc ImportCows(stream Cow) returns (Imported);
  rpc PlantAll(PlantAllRequest) returns (Planted);
  rpc MilkAll(PlantAllRequest) returns (Milked);
  rpc Enter(Cow) returns (Entered);
  rpc Tell(Cow) returns (Told);
  rpc Inspect(Cow) returns (Inspection);
  rpc Herd(HerdRequest) returns (Inspection);
  rpc GetYear(Cow) returns (Year);
  rpc RunYear(Cow) returns (Year);
  rpc CheckCow(Cow) returns (Told);
  rpc RejectCow(Cow) returns (Rejected);
}
message Cow { string name = 1; }
message Row { int32 row = 1; string name = 2; string message = 3; }
message Imported {
  int32 created = 1; int32 updated = 2; int32 rejected = 3; repeated Row problems = 4; int64 total = 5;
  int32 duplicates = 6; int64 milk_imported_count = 7;
}
message PlantAllRequest { repeated Cow cows = 1; }
enum Fate { FATE_UNKNOWN = 0; FATE_PLANTED = 1; FATE_REJECTED = 2; FATE_NOT_FOUND = 3; }
message Plant { int32 index = 1; string plant_id = 2; Fate status = 3; string reason = 4; }
message Planted { repeated Plant results = 1; }
message Milk { string name = 1; google.rpc.Status status = 2; bool accepted = 3; }
message Milked { map<string, Milk> by_name = 1; }
message Entered { bool accepted = 1; string reason = 2; string cow_id = 3; }
message Told { repeated string errors = 1; string cow_id = 2; string failure_reason = 3; string failed_at = 4; }
message Inspection { string id = 1; repeated string violations = 2; }
message HerdRequest { repeated string violations = 1; }
message Year { int32 failed = 1; int32 days = 2; int32 max_errors = 3; }
message Rejected { bool rejected = 1; }
"""

BAD_ROW = {"rejected": 1, "problems": [{"row": 1, "message": "name must not be blank"}]}

CASES: dict[str, tuple[str, dict[str, Any], bool, Code]] = {
    # what is answered, whether that is something taken, and the status that it means as a whole
    "rejected": ("ImportCows", BAD_ROW, False, Code.INVALID_ARGUMENT),
    "rejected, of a total": ("ImportCows", {**BAD_ROW, "total": 1}, False, Code.INVALID_ARGUMENT),
    "a count alone": ("ImportCows", {"rejected": 1}, False, Code.FAILED_PRECONDITION),
    "a duplicate": ("ImportCows", {"duplicates": 1}, False, Code.ALREADY_EXISTS),
    "created": ("ImportCows", {"created": 1}, True, Code.OK),
    "nothing": ("ImportCows", {}, True, Code.OK),
    "the only row rejected, and created": ("ImportCows", {**BAD_ROW, "created": 1}, True, Code.OK),
    "the only row rejected, and counted": ("ImportCows", {**BAD_ROW, "milkImportedCount": 1}, True, Code.OK),
    "one of many": (
        "PlantAll",
        {"results": [{"plantId": "1", "status": "FATE_PLANTED"}, {"index": 1, "status": "FATE_NOT_FOUND"}]},
        False,
        Code.OK,
    ),
    "each of many": (
        "PlantAll",
        {"results": [{"status": "FATE_REJECTED", "reason": "frozen"}, {"index": 1, "status": "FATE_NOT_FOUND"}]},
        False,
        Code.FAILED_PRECONDITION,
    ),
    "many done": ("PlantAll", {"results": [{"plantId": "1", "status": "FATE_PLANTED"}]}, True, Code.OK),
    "a status of one": (
        "MilkAll",
        {"byName": {"a": {"name": "a", "status": {"code": 5, "message": "who?"}}}},
        False,
        Code.NOT_FOUND,
    ),
    "accepted ones": ("MilkAll", {"byName": {"a": {"name": "a", "accepted": True}}}, True, Code.OK),
    "ones that are not accepted": ("MilkAll", {"byName": {"a": {"name": "a"}}}, False, Code.FAILED_PRECONDITION),
    "not accepted": ("Enter", {"reason": "there is no such cow"}, False, Code.NOT_FOUND),
    "accepted": ("Enter", {"accepted": True, "reason": "welcome"}, True, Code.OK),
    "not accepted yet, but made": ("Enter", {"cowId": "1"}, True, Code.OK),
    "texts": ("Tell", {"errors": ["name is required"]}, False, Code.INVALID_ARGUMENT),
    "a reason": ("Tell", {"failureReason": "name: duplicate"}, False, Code.ALREADY_EXISTS),
    "a failure beside what was done": ("Tell", {"cowId": "1", "errors": ["x"]}, False, Code.OK),
    "a time": ("Tell", {"cowId": "1", "failedAt": "noon"}, True, Code.OK),
    "what was found wrong": ("CheckCow", {"errors": ["name is required"]}, False, Code.OK),
    "what was given itself": ("Herd", {"violations": ["x"]}, True, Code.OK),
    "what a thing has": ("Inspect", {"id": "1", "violations": ["x"]}, False, Code.OK),
    "what is asked for": ("GetYear", {"failed": 3}, False, Code.OK),
    "numbers of something else": ("RunYear", {"days": 3, "maxErrors": 3}, True, Code.OK),
    "the very purpose": ("RejectCow", {"rejected": True}, True, Code.OK),
}


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("farm") / "farm.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_response_tells_of_refusals(farm: Registry, name: str) -> None:
    called, answer, is_taken, meant = CASES[name]
    reply = reply_of(farm, called, answer)
    assert (bool(taken(reply)), with_meant_status(reply).name) == (is_taken, meant.name)


def test_why_is_told(farm: Registry) -> None:
    assert with_meant_status(reply_of(farm, "ImportCows", BAD_ROW)).message == "name must not be blank"


def reply_of(farm: Registry, called: str, answer: dict[str, Any]) -> Reply:
    method = farm.method(f"farm.Farm/{called}")
    response = ParseDict(answer, method.response_class()).SerializeToString()
    call = call_of(method, b"")
    return Reply(call=call, termination=Termination.SERVER, code=0, responses=(response,), sent=1)
