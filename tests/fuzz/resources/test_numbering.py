"""Numbers that count from one: conversations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package gallery;
service Gallery {
  rpc OpenRoom(OpenRoomRequest) returns (Room);
  rpc AddPicture(AddPictureRequest) returns (Picture);
  rpc AddLabel(AddLabelRequest) returns (Label);
  rpc AddFrame(AddFrameRequest) returns (Frame);
  rpc GetPicture(GetPictureRequest) returns (Picture);
  rpc UpdatePicture(UpdatePictureRequest) returns (Picture);
  rpc DeletePicture(GetPictureRequest) returns (Gone);
}
message OpenRoomRequest { string title = 1; }
message Room { string id = 1; string title = 2; }
message AddPictureRequest { string room_id = 1; string title = 2; }
message GetPictureRequest { string id = 1; string read_mask = 2; }
message UpdatePictureRequest { string id = 1; string title = 2; }
message Gone {}
message Picture {
  string id = 1;
  string room_id = 2;
  // Counts the pictures of the room, from 1.
  int32 number = 3;
  // 1 at first, and one more with each change.
  int32 version = 4;
  // Starts at 1. Unset until somebody has voted.
  int32 ordinal = 5;
  string title = 6;
}
message AddLabelRequest { string room_id = 1; string text = 2; }
message Label { string room_id = 1; int32 number = 2; string text = 3; }
message AddFrameRequest { string room_id = 1; string text = 2; }
// The first is 1.
message Frame {
  string room_id = 1;
  // The first is 1.
  int32 number = 2;
}
"""

Words = tuple[str, Any, Any]
ROOM: Words = ("OpenRoom", {"title": "r"}, {"id": "room-1", "title": "r"})


def picture(key: str, number: int, **fields: Any) -> Words:
    request = {"roomId": fields.pop("room", "room-1"), "title": key}
    return ("AddPicture", request, {"id": key, **request, "number": number, "version": 1, **fields})


def get(key: str, name: str = "GetPicture", *, mask: str = "", **fields: Any) -> Words:
    return (name, {"id": key, **({"readMask": mask} if mask else {})}, {"id": key, "roomId": "room-1", **fields})


def labels(*numbers: int, same: bool = False) -> list[Words]:
    said = list[Words]()
    for place, number in enumerate(numbers):
        request = {"roomId": "room-1", "text": "x" if same else f"x{place}"}
        said.append(("AddLabel", request, {**request, "number": number}))
    return said


def frames(*numbers: int, same: bool = False) -> list[Words]:
    return [
        ("AddFrame", {"roomId": "room-1", "text": "" if same else str(place)}, {"roomId": "room-1", "number": number})
        for place, number in enumerate(numbers)
    ]


GONE: Words = ("DeletePicture", {"id": "a"}, {})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "one after the other": (set(), [ROOM, picture("a", 1), picture("b", 2), picture("c", 3)]),
    "one is left out": (set(), [ROOM, picture("a", 1), picture("b", 4), picture("c", 5)]),
    "the same again": ({"G129"}, [ROOM, picture("a", 1), picture("b", 1)]),
    "less": ({"G129"}, [ROOM, picture("a", 2), picture("b", 1)]),
    "nothing, twice": ({"G129"}, [ROOM, picture("a", 0), picture("b", 0)]),
    "of one that is there already": (set(), [ROOM, picture("a", 1), picture("b", 2), picture("a", 1)]),
    "of another room": (
        set(),
        [ROOM, ("OpenRoom", {}, {"id": "room-2"}), picture("a", 1), picture("b", 1, room="room-2")],
    ),
    "of a room that others use": (set(), [picture("a", 1), picture("b", 1)]),
    "again after it was deleted": (set(), [ROOM, picture("a", 1), GONE, picture("b", 1)]),
    "where there may be none": (
        set(),
        [ROOM, picture("a", 1), picture("b", 2), get("b", number=2, version=1, title="b")],
    ),
    "without a comment": (set(), [ROOM, *labels(5, 3)]),
    "without a comment, from one": (set(), [ROOM, *labels(1, 2, 3)]),
    "without a comment, and seen to count": ({"G129"}, [ROOM, *labels(1, 2, 2)]),
    "without a comment, twice one": (set(), [ROOM, *labels(1, 1)]),
    "without a key": ({"G129"}, [ROOM, *frames(1, 1)]),
    "the same request again, which makes nothing more": (set(), [ROOM, *labels(1, 2), labels(1)[0]]),
    "without a key, the same request": (set(), [ROOM, *frames(1, 1, same=True)]),
    "without a key, the same request, and seen to count": ({"G129"}, [ROOM, *frames(1, 2, 1, same=True)]),
    "refused between": (set(), [ROOM, picture("a", 1), ("AddPicture", {}, "INVALID_ARGUMENT"), picture("b", 2)]),
    "a version goes up": (set(), [ROOM, picture("a", 1), get("a", "UpdatePicture", number=1, version=2)]),
    "a version stays": (set(), [ROOM, picture("a", 1), get("a", "UpdatePicture", number=1, version=1)]),
    "a version falls": ({"G129"}, [ROOM, picture("a", 1, version=3), get("a", "UpdatePicture", number=1, version=2)]),
    "a version falls to nothing": ({"G129"}, [ROOM, picture("a", 1), get("a", "UpdatePicture", number=1)]),
    "a number is lost": ({"G129"}, [ROOM, picture("a", 1), get("a", version=1)]),
    "a part is asked for": (set(), [ROOM, picture("a", 1), get("a", mask="title")]),
    "another one": (set(), [ROOM, picture("a", 1, version=3), get("b", number=2, version=1, title="b")]),
    "made anew": (set(), [ROOM, picture("a", 1, version=3), GONE, picture("a", 2, version=1)]),
}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("gallery") / "gallery.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, gallery: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert judging(gallery, "gallery.")(*said).keys() & {"G129"} == codes
