"""Conversations about what servers say of things by themselves: uids, times, etags; each of them right or wrong."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from shelves import contract

from grpcmock.fuzz.resources.instants import SECOND, grain, instant, told
from grpcmock.schema import sources

MADE, LATER, LATEST = (f"2024-01-01T00:00:0{second}.123456Z" for second in (1, 2, 3))
YEARS_AGO = "2021-01-01T00:00:00Z"
GIVEN = {"uid": "0fc0ffee-0bad-4bad-8bad-0badc0ffee00", "createTime": "2001-02-03T04:05:06Z"}

BOX = {"name": "shelves/s/boxes/a", "content": "c", "etag": "e1", "uid": "u1", "createTime": MADE, "updateTime": MADE}
SHORT = {"content": "c"}
REMADE = {**BOX, "uid": "u2", "createTime": LATER, "updateTime": LATER}
OLD = {"name": "shelves/s/boxes/o", "content": "c", "createTime": YEARS_AGO}
CHANGED = {**BOX, "content": "d", "etag": "e2", "updateTime": LATEST}


def make(answer: Any, box_id: str = "a", **given: Any) -> Any:
    answer = {**answer, "name": f"shelves/s/boxes/{box_id}"}
    return ("CreateBox", {"parent": "shelves/s", "boxId": box_id, "box": {"content": "c", **given}}, answer)


def update(answer: Any, mask: str = "content", **given: Any) -> Any:
    return ("UpdateBox", {"box": {"name": BOX["name"], "content": "d", **given}, "updateMask": mask}, answer)


def get(answer: Any) -> Any:
    return ("GetBox", {"name": BOX["name"]}, answer)


CASES: dict[str, tuple[dict[str, str], list[Any]]] = {
    "all is as it should be": ({}, [make(BOX), get(BOX), update(CHANGED), get(CHANGED)]),
    # what a client gives
    "a uid that a client gave is passed over": ({}, [make(BOX, **GIVEN), get(BOX)]),
    "a uid that a client gave is kept": ({"G124": "CreateBox"}, [make({**BOX, "uid": GIVEN["uid"]}, **GIVEN)]),
    "it is seen when it is read": ({"G124": "CreateBox"}, [make(SHORT, **GIVEN), get({**BOX, "uid": GIVEN["uid"]})]),
    "an update takes over a time": (
        {"G124": "UpdateBox"},
        [make(BOX), update({**CHANGED, "createTime": GIVEN["createTime"]}, **GIVEN)],
    ),
    "such a value, and nobody gave it": ({}, [make({**BOX, "uid": GIVEN["uid"]}), get({**BOX, "uid": GIVEN["uid"]})]),
    # times
    "another uid": ({"G129": "GetBox"}, [make(BOX), get({**BOX, "uid": "u2"})]),
    "made anew by an update": ({"G129": "UpdateBox"}, [make(BOX), update({**CHANGED, "createTime": LATEST})]),
    "a database cuts off what is below a second": ({}, [make(BOX), get({**BOX, "createTime": MADE[:19] + "Z"})]),
    "another one of the same name": (
        {},
        [make(BOX), ("DeleteBox", {"name": BOX["name"]}, {}), make(REMADE), get(REMADE)],
    ),
    "changed before it was made": ({"G129": "UpdateBox"}, [make(BOX), update({**CHANGED, "updateTime": YEARS_AGO})]),
    "never changed": ({}, [make({**BOX, "updateTime": "1970-01-01T00:00:00Z"}), get(BOX)]),
    "changed a moment before it was made": (
        {},
        [make({**BOX, "createTime": "2024-01-01T00:00:01.5Z", "updateTime": "2024-01-01T00:00:01Z"})],
    ),
    "two made, years apart": (
        {"G129": "CreateBox"},
        [make({**BOX, "createTime": YEARS_AGO, "updateTime": YEARS_AGO}), make(BOX, "b")],
    ),
    "seconds taken for milliseconds": (
        {"G129": "CreateBox"},
        [make({**BOX, "createTime": "1970-01-20T22:13:20Z", "updateTime": "1970-01-20T22:13:20Z"})],
    ),
    "a clock that was never set": (
        {},
        [make({**BOX, "createTime": "1970-01-01T00:00:00Z", "updateTime": "1970-01-01T00:00:00Z"})],
    ),
    "what is listed may be old": (
        {},
        [
            make(BOX),
            ("ListBoxes", {"parent": "shelves/s"}, {"boxes": [BOX, OLD]}),
        ],
    ),
    "changed, and says that it wasn't": (
        {"G129": "UpdateBox"},
        [make(BOX), make({**BOX, "createTime": LATER}, "b"), update({**CHANGED, "updateTime": MADE})],
    ),
    "nothing was changed": (
        {},
        [make(BOX), make({**BOX, "createTime": LATER}, "b"), update({**BOX, "etag": "e2"}, content="c")],
    ),
    "a clock that stands still": ({}, [make(BOX), make(BOX, "b"), update({**CHANGED, "updateTime": MADE})]),
    "a clock of seconds": (
        {},
        [
            make({**BOX, "createTime": MADE, "updateTime": "2024-01-01T00:00:01Z"}),
            make({**BOX, "createTime": "2024-01-01T00:00:01.9Z"}, "b"),
            update({**CHANGED, "updateTime": "2024-01-01T00:00:01Z"}),
        ],
    ),
    # etags
    "changed, and the etag is the same": ({"G129": "UpdateBox"}, [make(BOX), update({**CHANGED, "etag": "e1"})]),
    "a weak etag may be the same": (
        {},
        [make({**BOX, "etag": "W/e"}), update({**CHANGED, "etag": "W/e"})],
    ),
    "the etag that it has is refused": (
        {"G129": "UpdateBox"},
        [make(BOX), get(BOX), update("ABORTED", etag="e1"), get(BOX)],
    ),
    "somebody else was faster": ({}, [make(BOX), get(BOX), update("ABORTED", etag="e1"), get({**BOX, "etag": "e2"})]),
    "refused for another reason": ({}, [make(BOX), get(BOX), update("FAILED_PRECONDITION", etag="e1"), get(BOX)]),
    "an old one is refused": ({}, [make(BOX), update(CHANGED), update("ABORTED", etag="e1"), get(CHANGED)]),
    "another etag at each read": (
        {"G129": "GetBox"},
        [make(BOX), *(get({**BOX, "etag": f"e{number}"}) for number in range(3))],
    ),
    "something else changes with it": (
        {},
        [make(BOX), *(get({**BOX, "etag": f"e{number}", "uid": ""}) for number in range(1, 3)), get(BOX)],
    ),
}


@pytest.fixture(scope="module")
def judge(judging: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return judging(contract(tmp_path_factory.mktemp("shelves")), "shelves.")


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_conversation(case: str, judge: Any) -> None:
    expected, said = CASES[case]
    assert judge(*said) == expected


def customer(key: int, created_at: str) -> dict[str, Any]:
    return {"id": str(key), "name": f"n{key}", "createdAt": created_at}


def create(key: int, created_at: str) -> Any:
    return ("CreateCustomer", {"name": f"n{key}"}, customer(key, created_at))


def read(key: int, created_at: str) -> Any:
    return ("GetCustomer", {"customerId": key}, {"customer": customer(key, created_at)})


PLAIN: dict[str, tuple[dict[str, str], list[Any]]] = {
    "times that stay": ({}, [create(1, MADE), create(2, LATER), read(1, MADE), read(2, LATER)]),
    "what has no memory makes them up": ({}, [create(1, MADE), create(2, YEARS_AGO), read(1, LATER), read(2, LATEST)]),
    "one changes, another stayed": (
        {"G129": "GetCustomer"},
        [create(1, MADE), create(2, LATER), read(1, MADE), read(2, YEARS_AGO)],
    ),
    "made years apart": (
        {"G129": "CreateCustomer"},
        [create(1, MADE), create(2, YEARS_AGO), read(1, MADE), read(2, YEARS_AGO)],
    ),
    "a client's own time": (
        {},
        [
            *(create(1, MADE), create(2, LATER), read(1, MADE), read(2, LATER)),
            ("EditCustomer", customer(1, YEARS_AGO), customer(1, YEARS_AGO)),
            read(1, YEARS_AGO),
        ],
    ),
    "no time at all": ({}, [create(1, "today"), create(2, "now"), read(1, "today"), read(2, "then")]),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_is_said_where_nothing_is_annotated(case: str, plain_judge: Any) -> None:
    expected, said = PLAIN[case]
    assert plain_judge(*said) == expected


TIMES: dict[str, tuple[str, str, int | None]] = {
    "seconds": ("number", "1704067201", 1_704_067_201 * SECOND),
    "milliseconds": ("number", "1704067201123", 1_704_067_201_123 * 10**6),
    "nanoseconds": ("number", "1704067201123456789", 1_704_067_201_123_456_789),
    "a small number": ("number", "86400", None),
    "a text": ("text", "2024-01-01T00:00:01.5Z", 1_704_067_201 * SECOND + SECOND // 2),
    "a text with its zone": ("text", "2024-01-01T02:00:01+02:00", 1_704_067_201 * SECOND),
    "a text without one": ("text", "2024-01-01T00:00:01", None),
    "another text": ("text", "yesterday", None),
    "a timestamp of nothing": ("time", "1970-01-01T00:00:00Z", None),
    "a timestamp": ("time", "2024-01-01T00:00:01Z", 1_704_067_201 * SECOND),
    "several": ("times", "", None),
    "nothing of this name": ("nothing", "", None),
}


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("moments") / "moments.proto"
    file.write_text(
        'syntax = "proto3"; import "google/protobuf/timestamp.proto";'
        "message Moments { int64 number = 1; string text = 2; google.protobuf.Timestamp time = 3;"
        " repeated google.protobuf.Timestamp times = 4; }"
    )
    return sources.load([file]).message("Moments")


@pytest.mark.parametrize("case", TIMES)
def test_times_however_they_are_written(case: str, moments: Any) -> None:
    name, written, expected = TIMES[case]
    message = json_format.ParseDict({name: written} if written else {}, moments())
    assert instant(message, name) == expected


@pytest.mark.parametrize(("time", "size"), [("01Z", SECOND), ("01.5Z", SECOND // 10), ("01.123Z", 10**6)])
def test_how_coarse_a_time_is(time: str, size: int) -> None:
    value = Timestamp()
    value.FromJsonString(f"2024-01-01T00:00:{time}")
    assert grain(value.ToNanoseconds()) == size
    assert told(value.ToNanoseconds()) == value.ToJsonString()
