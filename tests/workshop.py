"""A workshop as anybody might write it: no annotations, numbers for ids, and habits that no contract tells of.

It answers in process. Lists are narrowed by what they like, things change with what is done to others, and what is
deleted may still be seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package workshop;

import "google/protobuf/field_mask.proto";

service Workshop {
  rpc OpenRepair(OpenRepairRequest) returns (Repair);
  rpc GetRepair(RepairId) returns (Repair);
  rpc ListRepairs(ListRepairsRequest) returns (ListRepairsResponse);
  rpc UpdateRepair(UpdateRepairRequest) returns (Repair);
  rpc FinishRepair(RepairId) returns (Repair);
  rpc AssignRepair(AssignRepairRequest) returns (Repair);
  rpc DeleteRepair(RepairId) returns (Nothing);
  rpc AddRemark(AddRemarkRequest) returns (Remark);
  rpc GetRemark(GetRemarkRequest) returns (Remark);
  rpc ListRemarks(ListRemarksRequest) returns (ListRemarksResponse);
  rpc RemoveRemark(GetRemarkRequest) returns (Nothing);
  rpc CreateBay(Bay) returns (Bay);
  rpc GetBay(BayName) returns (Bay);
  rpc ListBays(Nothing) returns (ListBaysResponse);
  rpc UpdateBay(UpdateBayRequest) returns (Bay);
  rpc DeleteBay(BayName) returns (Bay);
}
enum State { OPEN = 0; FINISHED = 1; GONE = 2; }
message Repair {
  int64 id = 1;
  string title = 2;
  State state = 3;
  string mechanic = 4;
  string bay = 5;
  int32 remarks = 6;
  int64 changed = 7;
  string label = 8;
  int32 urgency = 9;
  bool hidden = 10;
}
message OpenRepairRequest { string title = 1; string bay = 2; int32 urgency = 3; string mechanic = 4; }
message RepairId { int64 id = 1; }
message ListRepairsRequest { State state = 1; string mechanic = 2; string bay = 3; int32 limit = 4; }
message ListRepairsResponse { repeated Repair repairs = 1; }
message UpdateRepairRequest { int64 id = 1; string title = 2; int32 urgency = 3; }
message AssignRepairRequest { int64 id = 1; string mechanic = 2; }
message Remark { int64 number = 1; int64 repair_id = 2; string text = 3; string author = 4; }
message AddRemarkRequest { int64 repair_id = 1; string text = 2; }
message GetRemarkRequest { int64 repair_id = 1; int64 number = 2; }
message ListRemarksRequest { int64 repair_id = 1; string author = 2; int32 page_size = 3; string page_token = 4; }
message ListRemarksResponse { repeated Remark remarks = 1; string next_page_token = 2; }
message Bay { string name = 1; string purpose = 2; bool retired = 3; int32 repairs = 4; repeated string tools = 5; }
message BayName { string name = 1; }
message UpdateBayRequest { Bay bay = 1; google.protobuf.FieldMask mask = 2; }
message ListBaysResponse { repeated Bay bays = 1; }
message Nothing {}
"""


@cache
def contract() -> Registry:
    with TemporaryDirectory() as folder:
        file = Path(folder, "workshop.proto")
        file.write_text(PROTO)
        return sources.load([file])


def message(name: str, /, **values: Any) -> Any:
    return contract().message(f"workshop.{name}")(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a server may do this way or that."""

    nothing_without_scope: bool = False
    """Whether a list of remarks without a repair is empty; else it has those of all."""
    zero_is_open: bool = False
    """Whether a list of repairs without a state has the open ones only, which is 0."""
    mine_only: bool = False
    """Whether a list of repairs has those of the caller only, who has none."""
    hides_calm: bool = False
    """Whether a list of repairs leaves out what isn't urgent."""
    newest_first: bool = False
    most: int = 100
    """Of lists without pages, silently."""
    numbers_by_repair: bool = False
    """Whether remarks are numbered anew for each repair."""
    counts_remarks: bool = False
    names_mechanics: bool = False
    """Whether the server chooses a mechanic where none is given, and another one now and then."""
    derives_labels: bool = False
    soft: bool = False
    """Whether what is deleted can still be read, with a mark."""
    soft_in_lists: bool = False
    cascades: bool = False
    finishing_clears: bool = False
    """Whether the remarks of a repair go when it is finished."""
    reuses_ids: bool = False
    quiet_deletions: bool = False
    replaces_bays: bool = False
    remarks_reopen: bool = False
    takes_any_page: bool = False
    """Whether sizes below 0 and tokens of others' are taken as none."""

    @classmethod
    def drawn(cls, random: Random) -> Habits:
        flags = {name: random.random() < 0.3 for name in cls.__dataclass_fields__ if name != "most"}
        return cls(**flags, most=random.choice([5, 10, 100]))


FAULTS = frozenset(
    {
        *("remark lost", "remark unlisted", "remarks of all", "repair lost", "repair unlisted", "title cut"),
        *("update lost", "deletion lost", "deleted listed", "page twice", "mask ignored", "mask clears"),
    }
)
"""What is wrong with a workshop that is none of the legal ones."""


class RefusedError(Exception):
    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def need(holds: object, text: str, code: Code = Code.INVALID_ARGUMENT) -> None:
    if not holds:
        raise RefusedError(code, text)


@dataclass(slots=True)
class Workshop:
    """Answers calls. With a *fault* it does one thing wrong."""

    habits: Habits
    fault: str = ""
    repairs: dict[int, Any] = field(default_factory=dict)
    remarks: dict[tuple[int, int], Any] = field(default_factory=dict)
    bays: dict[str, Any] = field(default_factory=dict)
    _ticks: int = 0

    def reply(self, call: Call) -> Reply:
        """Answer a call, as its caller sees it."""
        assert call.method is not None
        self._ticks += 1
        request = call.method.request_class.FromString(call.messages[0])
        handler = getattr(self, re.sub(r"(?<=.)(?=[A-Z])", "_", call.method.name).lower())
        try:
            response = handler(request)
        except RefusedError as error:
            return Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error), sent=1)
        data = response.SerializeToString(deterministic=True)
        return Reply(call=call, termination=Termination.SERVER, code=Code.OK, responses=(data,), sent=1)

    # Repairs ------------------------------------------------------------------------------------------

    def _id(self, taken: Any) -> int:
        return max(taken, default=0) + 1 if self.habits.reuses_ids else 1000 + self._ticks

    def open_repair(self, request: Any) -> Any:
        need(request.title, "title: must be set")
        need(not request.bay or request.bay in self.bays, "no such bay", Code.NOT_FOUND)
        title = request.title[:3] if self.fault == "title cut" else request.title
        repair = message("Repair", id=self._id(self.repairs), title=title, bay=request.bay, urgency=request.urgency)
        repair.mechanic = request.mechanic
        self._touch(repair)
        if self.fault != "repair lost":
            self.repairs[repair.id] = repair
        if request.bay:
            self.bays[request.bay].repairs += 1
        return repair

    def _touch(self, repair: Any) -> None:
        repair.changed = self._ticks
        if self.habits.derives_labels:
            repair.label = f"{repair.title[:5]}-{repair.urgency}"
        if self.habits.names_mechanics and (not repair.mechanic or repair.mechanic.startswith("m")):
            repair.mechanic = f"m{self._ticks % 3}"

    def _repair(self, key: int, *, gone: bool = False) -> Any:
        need(key in self.repairs, "no such repair", Code.NOT_FOUND)
        need(gone or self.repairs[key].state != 2, "it is gone", Code.NOT_FOUND)
        return self.repairs[key]

    def get_repair(self, request: Any) -> Any:
        return self._repair(request.id, gone=self.habits.soft)

    def list_repairs(self, request: Any) -> Any:
        habits, found = self.habits, list(self.repairs.values())
        hides = self.fault != "deleted listed" and not habits.soft_in_lists
        found = [one for one in found if one.state != 2 or not hides]
        if request.state or habits.zero_is_open:
            found = [one for one in found if one.state == request.state]
        if request.mechanic or habits.mine_only:
            found = [one for one in found if one.mechanic == (request.mechanic or "me")]
        if request.bay:
            found = [one for one in found if one.bay == request.bay]
        if habits.hides_calm:
            found = [one for one in found if one.urgency]
        if habits.newest_first:
            found.reverse()
        if self.fault == "repair unlisted" and len(found) > 1:
            found.pop()
        need(request.limit >= 0 or habits.takes_any_page, "limit: not below 0")
        limit = min(request.limit if request.limit > 0 else habits.most, habits.most)
        return message("ListRepairsResponse", repairs=[self._shown(one) for one in found[:limit]])

    def _shown(self, repair: Any) -> Any:
        copy = message("Repair")
        copy.CopyFrom(repair)
        if self.fault in ("deleted listed", "deletion lost") and copy.state == 2:
            copy.state = 0
        return copy

    def update_repair(self, request: Any) -> Any:
        repair = self._repair(request.id)
        changed = message("Repair")
        changed.CopyFrom(repair)
        changed.title = request.title or changed.title
        changed.urgency = request.urgency or changed.urgency
        self._touch(changed)
        if self.fault != "update lost":
            repair.CopyFrom(changed)
        return changed

    def finish_repair(self, request: Any) -> Any:
        repair = self._repair(request.id)
        repair.state = 1
        self._touch(repair)
        if self.habits.finishing_clears:
            self._clear_remarks(repair.id)
        return repair

    def assign_repair(self, request: Any) -> Any:
        repair = self._repair(request.id)
        repair.mechanic = request.mechanic
        return repair

    def delete_repair(self, request: Any) -> Any:
        if self.habits.quiet_deletions and (request.id not in self.repairs or self.repairs[request.id].state == 2):
            return message("Nothing")
        repair = self._repair(request.id)
        if self.habits.cascades:
            self._clear_remarks(repair.id)
        if self.fault == "deletion lost":
            return message("Nothing")
        if self.habits.soft or self.fault == "deleted listed":
            repair.state = 2
        else:
            del self.repairs[request.id]
        return message("Nothing")

    def _clear_remarks(self, repair: int) -> None:
        for key in [key for key in self.remarks if key[0] == repair]:
            del self.remarks[key]

    # Remarks ------------------------------------------------------------------------------------------

    def add_remark(self, request: Any) -> Any:
        repair = self._repair(request.repair_id)
        need(request.text, "text: must be set")
        own = [number for one, number in self.remarks if one == repair.id]
        number = max(own, default=0) + 1 if self.habits.numbers_by_repair else 1000 + self._ticks
        remark = message("Remark", number=number, repair_id=repair.id, text=request.text, author="somebody")
        if self.fault != "remark lost":
            self.remarks[repair.id, number] = remark
        if self.habits.counts_remarks:
            repair.remarks += 1
        if self.habits.remarks_reopen:
            repair.state = 0
            repair.urgency += 1
        return remark

    def _remark(self, request: Any) -> tuple[int, int]:
        if not request.repair_id and not self.habits.numbers_by_repair:
            key = next((key for key in self.remarks if key[1] == request.number), (0, 0))
        else:
            key = (request.repair_id, request.number)
        need(key in self.remarks, "no such remark", Code.NOT_FOUND)
        return key

    def get_remark(self, request: Any) -> Any:
        return self.remarks[self._remark(request)]

    def list_remarks(self, request: Any) -> Any:
        need(request.page_size >= 0 or self.habits.takes_any_page, "page_size: not below 0")
        need(
            request.page_token.isdigit() or not request.page_token or self.habits.takes_any_page, "page_token: unknown"
        )
        if request.repair_id and not self.habits.nothing_without_scope:
            self._repair(request.repair_id, gone=True)
        found = [one for (repair, _), one in self.remarks.items() if repair == request.repair_id]
        if self.fault == "remarks of all" or not (request.repair_id or self.habits.nothing_without_scope):
            found = list(self.remarks.values())
        if request.author:
            found = [one for one in found if one.author == request.author]
        if self.habits.newest_first:
            found.reverse()
        if self.fault == "remark unlisted" and len(found) > 1:
            found.pop()
        start = int(request.page_token) if request.page_token.isdigit() else 0
        end = start + (request.page_size if request.page_size > 0 else 20)
        token = str(end - (self.fault == "page twice")) if end < len(found) else ""
        return message("ListRemarksResponse", remarks=found[start:end], next_page_token=token)

    def remove_remark(self, request: Any) -> Any:
        del self.remarks[self._remark(request)]
        return message("Nothing")

    # Bays ---------------------------------------------------------------------------------------------

    def create_bay(self, request: Any) -> Any:
        need(request.name, "name: must be set")
        there = request.name in self.bays and not self.bays[request.name].retired
        need(not there or self.habits.replaces_bays, "there is one", Code.ALREADY_EXISTS)
        bay = message("Bay", name=request.name, purpose=request.purpose, tools=request.tools)
        self.bays[request.name] = bay
        return bay

    def get_bay(self, request: Any) -> Any:
        need(request.name in self.bays, "no such bay", Code.NOT_FOUND)
        return self.bays[request.name]

    def list_bays(self, request: Any) -> Any:
        found = [one for one in self.bays.values() if not one.retired or self.habits.soft_in_lists]
        found.sort(key=lambda bay: bay.name, reverse=self.habits.newest_first)
        return message("ListBaysResponse", bays=found[: self.habits.most])

    def update_bay(self, request: Any) -> Any:
        bay, given, paths = self.get_bay(request.bay), request.bay, set(request.mask.paths)
        need(paths <= {"purpose", "tools", "name"}, "mask: unknown")
        every = {"purpose", "tools"}
        names = every if not paths or self.fault in ("mask ignored", "mask clears") else paths & every
        source = given
        if self.fault == "mask clears" and paths:
            source = message("Bay", **{name: getattr(given, name) for name in paths & every})
        if "purpose" in names:
            bay.purpose = source.purpose
        if "tools" in names:
            del bay.tools[:]
            bay.tools.extend(source.tools)
        return bay

    def delete_bay(self, request: Any) -> Any:
        bay = self.get_bay(request)
        if self.habits.soft:
            bay.retired = True
        else:
            del self.bays[request.name]
        return bay
