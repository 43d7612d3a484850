"""A server that isn't ready, names things by what it was given, and lists by groups: a run gets in all the same."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from in_process_services import RefusedError, opened

from grpcmock.fuzz.learning.acceptance import Acceptance
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package racks;

service Racks {
  rpc AddSlot(AddSlotRequest) returns (Nothing);
  rpc AllowSlot(SlotRequest) returns (Nothing);
  rpc ExporterOf(Nothing) returns (Nothing);
  rpc GetSlot(SlotRequest) returns (Nothing);
  rpc ListGroups(Nothing) returns (Groups);
  rpc ListParts(ListPartsRequest) returns (Parts);
  rpc OpenDoor(Nothing) returns (Ticket);
  rpc PassDoor(Ticket) returns (Nothing);
  rpc ShowPart(PartRequest) returns (Nothing);
  rpc StartRack(StartRackRequest) returns (Nothing);
}
message Nothing { }
message AddSlotRequest { string name = 1; }
message SlotRequest { string slotname = 1; }
message Groups { repeated string groups = 1; }
message ListPartsRequest { string group = 1; }
message Part { string key = 1; }
message Parts { repeated Part parts = 1; int32 page = 2; }
message Ticket { string value = 1; }
message PartRequest { string part_key = 1; }
message StartRackRequest { Settings settings = 1; }
message Settings { string rack_id = 1; string stand = 2; string power = 3; }
"""


class Racks:
    def __init__(self, registry: Registry) -> None:
        self.message = registry.message
        self.is_on = False
        self.slots: set[str] = set()

    def _is_ready(self) -> None:
        if not self.is_on:
            raise RefusedError("the rack isn't on yet")

    def StartRack(self, request: Any) -> Any:
        try:
            ipaddress.ip_address(request.settings.rack_id)
        except ValueError:
            raise RefusedError(f"invalid rack-id format: {request.settings.rack_id}") from None
        if request.settings.stand:
            raise RefusedError(f"can't stand on {request.settings.stand}")
        if request.settings.power:
            raise RefusedError("open supply: no such device")
        self.is_on = True
        return self.message("racks.Nothing")()

    def AddSlot(self, request: Any) -> Any:
        self._is_ready()
        if not request.name:
            raise RefusedError("name is needed", Code.INVALID_ARGUMENT)
        self.slots.add(request.name)
        return self.message("racks.Nothing")()

    def GetSlot(self, request: Any) -> Any:
        self._is_ready()
        if request.slotname not in self.slots:
            raise RefusedError("slot name not found", Code.FAILED_PRECONDITION)
        return self.message("racks.Nothing")()

    AllowSlot = GetSlot

    def ExporterOf(self, request: Any) -> Any:
        self._is_ready()
        return self.message("racks.Nothing")()

    def ListGroups(self, request: Any) -> Any:
        return self.message("racks.Groups")(groups=["upper", "lower"])

    def ListParts(self, request: Any) -> Any:
        parts = [{"key": "p-77"}] if request.group == "lower" else []
        return self.message("racks.Parts")(parts=parts, page=1)

    def ShowPart(self, request: Any) -> Any:
        if request.part_key != "p-77":
            raise RefusedError("what is that?", Code.INVALID_ARGUMENT)
        return self.message("racks.Nothing")()

    def OpenDoor(self, request: Any) -> Any:
        return self.message("racks.Ticket")(value="qx-81")

    def PassDoor(self, request: Any) -> Any:
        if request.value != "qx-81":
            raise RefusedError("no", Code.ABORTED)
        return self.message("racks.Nothing")()


@pytest.fixture(scope="module")
def racks(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("racks") / "racks.proto"
    file.write_text(PROTO)
    return sources.load([file])


async def test_every_door_is_opened(racks: Registry) -> None:
    plan, made = await opened(racks, Racks(racks))
    assert {path.rpartition("/")[2] for path in plan.acceptance.first} == {m.name for m in racks.methods.values()}
    tries = dict.fromkeys(plan.acceptance.first, 0)
    for case in made:
        tries[case.method.path] += 1
    assert max(tries.values()) <= 40


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("StartRack", "AddSlot"),  # without which nothing may go
        ("AddSlot", "AllowSlot"),  # which lists nothing, though it begins with All
        ("AddSlot", "ExporterOf"),  # nor does this one export
        ("ListGroups", "AddSlot"),
    ],
)
def test_methods_come_in_the_order_that_their_whole_verbs_tell(racks: Registry, before: str, after: str) -> None:
    order = [method.name for method in Acceptance(racks).in_order(racks.methods.values())]
    assert order.index(before) < order.index(after)
