"""Conversations about what servers say of things by themselves: uids, times, etags; each of them right or wrong."""

from __future__ import annotations

from typing import Any

import pytest
from shelves import contract

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
        {"G124": "UpdateBox", "G129": "UpdateBox"},
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
    "changed a moment before it was made": (
        {},
        [make({**BOX, "createTime": "2024-01-01T00:00:01.5Z", "updateTime": "2024-01-01T00:00:01Z"})],
    ),
    "two made, years apart": (
        {"G129": "CreateBox"},
        [make({**BOX, "createTime": YEARS_AGO, "updateTime": YEARS_AGO}), make(BOX, "b")],
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
