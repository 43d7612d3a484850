# mypy: disable-error-code="attr-defined"
"""A small server of shelves and the boxes on them, right as it stands, and with one bug where that is asked for."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package shelves;
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";

service Shelves {
  rpc CreateShelf(CreateShelfRequest) returns (Shelf);
  rpc GetShelf(NameRequest) returns (Shelf);
  rpc DeleteShelf(DeleteShelfRequest) returns (google.protobuf.Empty);
  rpc CreateBox(CreateBoxRequest) returns (Box);
  rpc GetBox(NameRequest) returns (Box);
  rpc ListBoxes(ListBoxesRequest) returns (ListBoxesResponse);
  rpc UpdateBox(UpdateBoxRequest) returns (Box);
  rpc DeleteBox(NameRequest) returns (google.protobuf.Empty);
  rpc MoveBox(MoveBoxRequest) returns (Box);
}
message Shelf {
  option (google.api.resource) = {type: "shelves.example.com/Shelf" pattern: "shelves/{shelf}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string label = 2;
}
message Box {
  option (google.api.resource) = {type: "shelves.example.com/Box" pattern: "shelves/{shelf}/boxes/{box}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string content = 2 [(google.api.field_behavior) = REQUIRED];
  string maker = 3 [(google.api.field_behavior) = IMMUTABLE];
  string etag = 4;
  int32 weight = 5;
  google.protobuf.Timestamp create_time = 6 [(google.api.field_behavior) = OUTPUT_ONLY];
  google.protobuf.Timestamp update_time = 7 [(google.api.field_behavior) = OUTPUT_ONLY];
  string uid = 8 [(google.api.field_behavior) = OUTPUT_ONLY];
}
message NameRequest { string name = 1; }
message CreateShelfRequest { string shelf_id = 1; Shelf shelf = 2 [(google.api.field_behavior) = REQUIRED]; }
message DeleteShelfRequest { string name = 1; bool force = 2; }
message CreateBoxRequest {
  string parent = 1 [(google.api.field_behavior) = REQUIRED];
  string box_id = 2;
  Box box = 3 [(google.api.field_behavior) = REQUIRED];
}
message ListBoxesRequest { string parent = 1; }
message ListBoxesResponse { repeated Box boxes = 1; }
message UpdateBoxRequest {
  Box box = 1 [(google.api.field_behavior) = REQUIRED];
  google.protobuf.FieldMask update_mask = 2;
  bool allow_missing = 3;
}
message MoveBoxRequest {
  string name = 1 [(google.api.resource_reference) = {type: "shelves.example.com/Box"}];
  string shelf = 2 [(google.api.resource_reference) = {type: "shelves.example.com/Shelf"}];
}
"""

BUGS = {
    "boxes on no shelf": "G132",
    "boxes updated onto no shelf": "G132",
    "boxes outlive their shelf": "G130",
    "one box goes with its shelf": "G130",
    "lists of no shelf": "G132",
    "shelves with boxes deleted": "G132",
    "shelves that begin alike": "G132",
    "moved and kept": "G130",
    "old etags": "G129",
    "another maker": "G135",
    "refused and stored": "G129",
    "never twice": "G102",
    "uids of creators": "G124",
    "uids of updaters": "G124",
    "made long ago": "G129",
    "made anew by updates": "G129",
    "changed before it was made": "G129",
    "changed at no time": "G129",
    "one etag for all": "G129",
    "an etag for each read": "G129",
    "new etags refused": "G129",
}
"""By what is wrong, the check that tells of it."""

Handler = Callable[[Any, grpc.aio.ServicerContext], Any]


def contract(folder: Path) -> Registry:
    """Return the contract, of a file in the folder."""
    file = folder / "shelves.proto"
    file.write_text(PROTO)
    return sources.load([file])


class Refusal(Exception):
    """What a call ends with instead of an answer."""


NOT_FOUND, ABORTED = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ABORTED
INVALID, EXISTS = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS


class Shelves:
    """All of it in memory."""

    def __init__(self, registry: Registry, bug: str = "") -> None:
        self._registry = registry
        self._bug = bug
        self._shelves: dict[str, Any] = {}
        self._boxes: dict[str, Any] = {}
        self._gone: set[str] = set()
        self._numbers = itertools.count(1)
        self._kept = {"name", "etag", "create_time", "update_time"} | ({"uid"} if bug != "uids of updaters" else set())

    def handlers(self) -> Mapping[str, Any]:
        """Return what answers to each path."""
        return {path: self._handler(method) for path, method in self._registry.methods.items()}

    def _handler(self, method: Any) -> Any:
        answer = getattr(self, method.name)

        async def handle(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            request = method.request_class.FromString(b"".join([data async for data in requests]))
            try:
                yield (answer(request) or method.response_class()).SerializeToString(deterministic=True)
            except Refusal as refusal:
                await context.abort(*refusal.args)

        return handle

    def _found(self, things: dict[str, Any], name: str) -> Any:
        if name not in things:
            raise Refusal(NOT_FOUND, "There is nothing of this name.")
        return things[name]

    def _id(self, chosen: str) -> str:
        if "/" in chosen:
            raise Refusal(INVALID, "An id has no slash.")
        return chosen or f"n{next(self._numbers)}"

    def CreateShelf(self, request: Any) -> Any:
        name = f"shelves/{self._id(request.shelf_id)}"
        if name in self._shelves:
            raise Refusal(EXISTS, "There is a shelf of this name.")
        if self._bug == "never twice" and name in self._gone:
            raise RuntimeError
        self._shelves[name] = type(request.shelf)(name=name, label=request.shelf.label)
        return self._shelves[name]

    def GetShelf(self, request: Any) -> Any:
        return self._found(self._shelves, request.name)

    def _on(self, shelf: str) -> list[Any]:
        start = shelf if self._bug == "shelves that begin alike" else f"{shelf}/"
        return [box for name, box in sorted(self._boxes.items()) if name.startswith(start)]

    def DeleteShelf(self, request: Any) -> Any:
        shelf = self._found(self._shelves, request.name)
        boxes = self._on(shelf.name)
        if boxes and not request.force and self._bug != "shelves with boxes deleted":
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "There are boxes on it.")
        for box in boxes[: {"boxes outlive their shelf": 0, "one box goes with its shelf": 1}.get(self._bug)]:
            del self._boxes[box.name]
        self._gone.add(shelf.name)
        del self._shelves[shelf.name]

    def CreateBox(self, request: Any) -> Any:
        name = f"{request.parent}/boxes/{self._id(request.box_id)}"
        if not request.box.content:
            raise Refusal(INVALID, "box.content is missing.")
        if self._bug != "boxes on no shelf":
            self._found(self._shelves, request.parent)
        if name in self._boxes:
            raise Refusal(EXISTS, "There is a box of this name.")
        return self._stored(name, request.box)

    def _stored(self, name: str, given: Any, before: Any = None) -> Any:
        """Keep a box, in place of the one before."""
        box = type(given)()
        box.CopyFrom(given)
        box.name, box.etag = name, "e" if self._bug == "one etag for all" else f"e{next(self._numbers):04}"
        if not before and not (self._bug == "uids of creators" and given.uid):
            box.uid = f"u{next(self._numbers)}"
        now = time.time_ns()
        if not before:
            box.create_time.FromNanoseconds(now // 1000 if self._bug == "made long ago" else now)
        elif self._bug == "made anew by updates":
            box.create_time.FromNanoseconds(now + 10**10)
        if not before or self._bug != "changed at no time":
            box.update_time.FromNanoseconds(now // 1000 if self._bug == "changed before it was made" else now)
        self._boxes[name] = box
        return box

    def GetBox(self, request: Any) -> Any:
        box = self._found(self._boxes, request.name)
        if self._bug == "an etag for each read":
            box.etag = f"e{next(self._numbers):04}"
        return box

    def ListBoxes(self, request: Any) -> Any:
        answer = self._registry.method("shelves.Shelves/ListBoxes").response_class()
        if self._bug != "lists of no shelf":
            self._found(self._shelves, request.parent)
        answer.boxes.extend(self._on(request.parent))
        return answer

    def UpdateBox(self, request: Any) -> Any:
        given, name = request.box, request.box.name
        if request.allow_missing and name not in self._boxes:
            if self._bug != "boxes updated onto no shelf":
                self._found(self._shelves, name.partition("/boxes/")[0])
            return self._stored(name, given)
        before = self._found(self._boxes, name)
        is_old = given.etag != before.etag
        if given.etag and (is_old or self._bug == "new etags refused") and self._bug != "old etags":
            raise Refusal(ABORTED, "The etag is another one.")
        paths = list(request.update_mask.paths) or [field.name for field, _ in given.ListFields()]
        box = type(before)()
        box.CopyFrom(before)
        for path in paths:
            if path not in box.DESCRIPTOR.fields_by_name:
                raise Refusal(INVALID, "The mask names no field.")
            if path == "maker" and given.maker != before.maker and self._bug != "another maker":
                raise Refusal(INVALID, "The maker stays.")
            if path not in self._kept:
                setattr(box, path, getattr(given, path))
        if self._bug == "refused and stored":
            self._boxes[name] = box
        if not box.content or box.weight < 0:
            raise Refusal(INVALID, "box.content is missing, or box.weight is below zero.")
        return self._stored(name, box, before)

    def DeleteBox(self, request: Any) -> Any:
        self._found(self._boxes, request.name)
        del self._boxes[request.name]

    def MoveBox(self, request: Any) -> Any:
        box = self._found(self._boxes, request.name)
        shelf = self._found(self._shelves, request.shelf)
        name = f"{shelf.name}/boxes/{box.name.rpartition('/')[2]}"
        if name in self._boxes and name != box.name:
            raise Refusal(EXISTS, "There is a box of this name.")
        if self._bug != "moved and kept":
            del self._boxes[box.name]
        return self._stored(name, box, box)
