"""The difference of messages reads well, whatever differs."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.mock.diff import diff_lists, diff_messages


def user(**fields: Any) -> Message:
    return registry("user.proto").message("user.UserResponse")(**fields)


def batch(**fields: Any) -> Message:
    return registry("user.proto").message("user.BatchResult")(**fields)


@pytest.mark.parametrize(
    ("left", "right", "lines"),
    [
        (user(id=1), user(id=1), []),
        (
            user(id=1, name="Alice"),
            user(id=2, name="Alice"),
            ["1 field of user.UserResponse differs:", "  id  1  !=  2"],
        ),
        (
            user(id=1, name="Alice"),
            user(id=2, email="a@b"),
            [
                "3 fields of user.UserResponse differ:",
                "  id     1        !=  2",
                '  name   "Alice"  !=  absent',
                '  email  absent   !=  "a@b"',
            ],
        ),
        (
            batch(ids=[1, 2]),
            batch(ids=[1, 3, 4]),
            ["2 fields of user.BatchResult differ:", "  ids[1]  2       !=  3", "  ids[2]  absent  !=  4"],
        ),
        (
            user(id=1),
            batch(created=1),
            [
                "These are messages of different types: user.UserResponse and user.BatchResult.",
                '  left:  {"id": 1}',
                '  right: {"created": 1}',
            ],
        ),
    ],
)
def test_the_fields_that_differ(left: Message, right: Message, lines: list[str]) -> None:
    assert diff_messages(left, right) == lines


def test_long_diffs_are_cut() -> None:
    lines = diff_messages(batch(ids=range(100)), batch(ids=range(1, 101)))
    assert len(lines) == 42
    assert lines[-1] == "  … and 60 fields more"


def test_classes_of_two_pools_are_told() -> None:
    from grpcmock.schema.registry import Registry

    other = Registry(registry("user.proto").files).message("user.UserResponse")
    assert diff_messages(user(id=1), other(id=1))[0].startswith("All fields of user.UserResponse are the same, but")


def test_what_proto_json_does_not_show_is_told() -> None:
    unknown = user(id=1)
    unknown.MergeFromString(b"\x98\x06\x01")
    assert "fields that their type does not have" in diff_messages(user(id=1), unknown)[1]


def test_lists() -> None:
    assert diff_lists([user(id=1)], [user(id=1)]) == []
    assert diff_lists([user(id=1), user(id=2)], [user(id=3)]) == [
        "The left has 2, the right 1.",
        "[0] 1 field of user.UserResponse differs:",
        "  id  1  !=  3",
        '[1] only on the left:  {"id": 2}',
    ]
    assert diff_lists([], [user(id=2)])[-1] == '[0] only on the right: {"id": 2}'
    assert len(diff_lists([], [user(id=2)] * 100)) == 41


TREES = st.fixed_dictionaries(
    {}, optional={"id": st.integers(-3, 3), "name": st.text(max_size=3), "email": st.text(max_size=2)}
)


@given(TREES, TREES)
@settings(max_examples=50)
def test_a_diff_is_empty_exactly_if_the_messages_are_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    a, b = ParseDict(left, user()), ParseDict(right, user())
    assert (diff_messages(a, b) == []) == (a == b)
