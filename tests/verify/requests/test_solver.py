# mypy: disable-error-code="arg-type"
"""From patterns to messages that please them: what is fixed as it is, what is open filled in, by the plainest value."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import messages
from verifying import kitchen

from grpcmock.errors import Problems
from grpcmock.matching import compile_pattern
from grpcmock.matching.messages import Kinds
from grpcmock.matching.value_types import Place
from grpcmock.schema.codec import to_tree
from grpcmock.tree import Node
from grpcmock.verify.requests.solver import ConstraintSolver

EVERYTHING = kitchen().message("kitchen.Everything")


def found(pattern: Any) -> Message | None:
    """Give the first message that the solver finds, None if it finds none; each is held against the pattern."""
    registry, problems = kitchen(), Problems()
    compiled = compile_pattern(Node.of(pattern), EVERYTHING.DESCRIPTOR, registry, problems)
    assert not problems.errors, [str(problem) for problem in problems]
    solver = ConstraintSolver(registry)
    kind = Kinds.of(registry).message(EVERYTHING.DESCRIPTOR)
    natural = solver.natural(EVERYTHING)
    for number, plain in enumerate(solver.solve([(compiled.matcher, True)], kind, Place.ROOT, "request", natural)):
        message = solver.build(plain, EVERYTHING)
        if message is not None and compiled.holds(message):
            return message
        if number > 200:
            break
    return None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"f_int32": 7}, {"f_int32": 7}),
        ({"f_int32": {"$gt": 1000}}, {"f_int32": 1001}),
        ({"f_int32": {"$gt": 20, "$lt": 30, "$nin": [21, 22, 23]}}, {"f_int32": 24}),
        ({"f_int32": {"$in": [5, 6]}}, {"f_int32": 5}),
        ({"f_int32": {"$not": {"$gt": -5}}}, {"f_int32": -6}),
        ({"f_int32": {"$gt": 3, "$lt": 5}}, {"f_int32": 4}),
        ({"f_double": {"$gt": 0.25, "$lt": 0.5}}, {"f_double": 0.375}),
        ({"f_double": {"$approx": {"value": 2, "within": 0.1}, "$ne": 2}}, {"f_double": 1.95}),
        ({"f_uint32": {"$lt": 1}}, {}),
        ({"o_int32": None, "f_bool": True}, {"f_bool": True}),
        ({"o_int32": {"$or": [None, 3]}}, {}),
        ({"f_string": {"$prefix": "a-", "$suffix": "-z", "$size": 6}}, None),
        ({"f_string": {"$size": 3}}, None),
        ({"f_string": {"$regex": "^[0-9]{4}-[0-9]{2}$"}}, None),
        ({"f_string": {"$glob": "test-*-?[bc]"}}, {"f_string": "test-x-ab"}),
        ({"f_string": {"$ignoreCase": "ABC", "$ne": "ABC"}}, None),
        ({"f_string": {"$json": {"id": {"$gt": 4}, "tags": ["a"]}}}, {"f_string": '{"id": 5, "tags": ["a"]}'}),
        ({"f_string": {"$gt": "m"}}, None),
        ({"f_bytes": {"$prefix": "AQI=", "$size": 4}}, None),
        ({"f_bytes": {"$message": {"type": "kitchen.Nested", "pattern": {"number": {"$gt": 2}}}}}, {"f_bytes": "EAM="}),
        ({"f_enum": {"$gt": 1}}, {"f_enum": "COLOR_GREEN"}),
        ({"f_message": {"deeper": {"big": {"$gte": 9007199254740993}}}}, None),
        ({"f_message": {}}, None),
        ({"f_message": {"$only": {"number": 1}}}, {"f_message": {"number": 1}}),
        ({"$only": {"f_int32": 3}}, {"f_int32": 3}),
        ({"r_int32": [1, {"$gt": 5}]}, {"r_int32": [1, 6]}),
        ({"r_int32": {"$size": {"$gte": 2}, "$each": {"$gt": 5}, "$first": 9}}, {"r_int32": [9, 6]}),
        ({"r_int32": {"$all": [3, {"$gt": 100}], "$last": 4}}, None),
        ({"r_int32": {"$unordered": [2, 1]}}, {"r_int32": [2, 1]}),
        ({"r_int32": {"$not": {"$some": 3}, "$exists": True}}, None),
        ({"r_int32": {"$not": {"$each": {"$lt": 10}}}}, {"r_int32": [11]}),
        ({"r_int32": []}, {}),
        ({"r_message": {"$some": {"name": "x"}}}, {"r_message": [{"name": "x"}]}),
        ({"m_string_int32": {"a": {"$gt": 1}}}, {"m_string_int32": {"a": 2}}),
        ({"m_string_int32": {"$size": 2, "$values": {"$gt": 7}}}, None),
        ({"m_int32_string": {"$keys": {"$gt": 4}, "$size": 1}}, None),
        ({"m_string_string": {"$exists": False}}, {}),
        ({"m_string_string": {"$not": {"a": "b"}}}, None),
        ({"c_string": {"$prefix": "x"}}, {"c_string": "xvalue"}),
        ({"c_string": None, "c_int32": {"$exists": True}}, None),
        ({"w_timestamp": {"$gt": "2026-01-01T00:00:00Z"}}, {"w_timestamp": "2026-01-01T00:00:01Z"}),
        ({"w_duration": {"$lt": "1s", "$gte": "0.5s"}}, {"w_duration": "0.500s"}),
        ({"w_field_mask": "a,b"}, {"w_field_mask": "a,b"}),
        ({"w_struct": {"a": {"$gt": 3}, "b": {"c": [True]}}}, {"w_struct": {"a": 4.0, "b": {"c": [True]}}}),
        ({"w_value": {"$not": {"$exists": False}, "$ne": "value"}}, None),
        ({"w_value": None}, {"w_value": None}),
        ({"w_int64": {"$gt": 3}}, {"w_int64": "4"}),
        (
            {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "number": {"$lt": 0}}},
            {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "number": -1}},
        ),
        ({"w_any": {"$exists": True}}, None),
        ({"$or": [{"f_int32": {"$gt": 5, "$lt": 5}}, {"f_string": "b"}]}, {"f_string": "b"}),
        ({"$and": [{"f_int32": {"$gt": 5}}, {"f_int32": {"$lt": 7}}]}, {"f_int32": 6}),
        ({"$not": {"f_int32": 0, "f_string": ""}}, None),
    ],
)
def test_what_a_pattern_asks_for_is_found(pattern: Any, expected: Any) -> None:
    message = found(pattern)
    assert message is not None
    if expected is not None:
        assert to_tree(message) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        {"f_int32": {"$gt": 5, "$lt": 6}},
        {"f_int32": {"$in": []}},
        {"f_string": {"$size": 2, "$prefix": "abc"}},
        {"f_bool": {"$nin": [True, False]}},
        {"r_int32": {"$size": 1, "$all": [1, 2]}},
        {"r_int32": {"$first": 1, "$each": 2}},
        {"f_message": {"$and": [{"name": "a"}, {"name": "b"}]}},
        {"f_uint32": {"$lt": 0}},
        {"$not": {}},
    ],
)
def test_what_no_message_can_please_is_not_found(pattern: Any) -> None:
    assert found(pattern) is None


def _pattern(draw: st.DrawFn, value: Any) -> Any:
    """A pattern that this value pleases, some of it by operators."""
    if isinstance(value, dict):
        return {key: _pattern(draw, child) for key, child in value.items()}
    if isinstance(value, list):
        if value and draw(st.booleans()):
            index = draw(st.integers(0, len(value) - 1))
            return {"$size": {"$gte": len(value)}, "$some": value[index]}
        return [_pattern(draw, child) for child in value]
    if value is None or not draw(st.booleans()):
        return value
    return draw(st.sampled_from([{"$in": ["", value][-1:]}, {"$not": {"$ne": value}}, {"$or": [value]}]))


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    tree = to_tree(draw(messages(EVERYTHING, depth=2)))
    assert isinstance(tree, dict)
    # Plain JSON and Any have a form of their own for what would look like an operator.
    names = [name for name in tree if not name.startswith(("w_", "wr_", "m_"))]
    return tree, {name: _pattern(draw, tree[name]) for name in names}


@settings(max_examples=30)
@given(_pairs())
def test_where_some_message_pleases_one_is_found(pair: tuple[Any, Any]) -> None:
    _, pattern = pair
    assert found(pattern) is not None


@settings(max_examples=30)
@given(st.lists(st.integers(-50, 50), max_size=4), st.integers(-50, 50), st.integers(-50, 50))
def test_of_whole_numbers_whatever_is_left_is_found(excluded: list[int], low: int, high: int) -> None:
    left = [number for number in range(low + 1, high) if number not in excluded]
    message = found({"f_int32": {"$gt": low, "$lt": high, "$nin": excluded}})
    assert (message is not None) == bool(left)
