"""Names that a server gave itself, and that it calls malformed later, or refuses for another reason."""

from __future__ import annotations

from typing import Any

import pytest
from shelves import contract

NAME = "shelves/s/boxes/a"
BOX = {"name": NAME, "content": "c"}
MALFORMED = "INVALID_ARGUMENT: name must look like shelves/{shelf}"


def make(name: str = NAME) -> Any:
    return ("CreateBox", {"parent": "shelves/s", "boxId": "a", "box": {"content": "c"}}, {**BOX, "name": name})


def get(answer: Any, name: str = NAME) -> Any:
    return ("GetBox", {"name": name}, answer)


def update(answer: Any) -> Any:
    return ("UpdateBox", {"box": {"name": NAME, "content": "d"}, "updateMask": "content"}, answer)


CASES: dict[str, tuple[dict[str, str], list[Any]]] = {
    "it is taken": ({}, [make(), get(BOX)]),
    "it is called malformed": ({"G129": "GetBox"}, [make(), get(MALFORMED)]),
    "by an update, which repeats it": (
        {"G129": "UpdateBox"},
        [make(), update(f"INVALID_ARGUMENT: {NAME} has the wrong format")],
    ),
    "something else is malformed": ({}, [make(), update("INVALID_ARGUMENT: content must match [a-c]")]),
    "it is refused for another reason": (
        {},
        [make(), get("INVALID_ARGUMENT: name is on a list of those that are blocked")],
    ),
    "another name": ({}, [make(), get(MALFORMED, "shelves/s/boxes/b")]),
    "one that the server doesn't give": ({}, [make(name="shelves/S/boxes/a"), get(MALFORMED)]),
    "one of what is gone": ({}, [make(), ("DeleteBox", {"name": NAME}, {}), get(MALFORMED)]),
}


@pytest.fixture(scope="module")
def judge(judging: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return judging(contract(tmp_path_factory.mktemp("shelves")), "shelves.")


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_conversation(case: str, judge: Any) -> None:
    expected, conversation = CASES[case]
    assert judge(*conversation) == expected
