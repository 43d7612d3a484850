# mypy: disable-error-code="arg-type, attr-defined"
"""What holds and what doesn't: the Patterns, Presence and Operators of the stub format, case by case."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import strategies
from hypothesis import HealthCheck, assume, given, settings
from support import registry

from grpcmock.errors import Problems
from grpcmock.matching import Pattern, compile_pattern
from grpcmock.schema import Registry, codec
from grpcmock.tree import Node

KITCHEN = registry("kitchen_sink.proto")
LEGACY = registry("legacy.proto")
EVERYTHING = "kitchen.Everything"


def build(tree: Any, name: str = EVERYTHING, protos: Registry = KITCHEN) -> Any:
    problems = Problems()
    message = codec.build(Node.of(tree), protos.message(name), protos, problems, partial=True)
    problems.raise_errors()
    return message


def pattern(tree: Any, name: str = EVERYTHING, protos: Registry = KITCHEN) -> Pattern:
    problems = Problems()
    compiled = compile_pattern(Node.of(tree), protos.message(name).DESCRIPTOR, protos, problems)
    problems.raise_errors()
    return compiled


def holds(tree: Any, message: Any, name: str = EVERYTHING, protos: Registry = KITCHEN) -> bool:
    compiled = pattern(tree, name, protos)
    sought = build(message, name, protos) if isinstance(message, dict) else message
    held = compiled.holds(sought)
    # The explanation tells the same: of as many conditions as were counted, and all of them hold if the pattern does.
    findings = compiled.explain(sought)
    assert sum(finding.count for finding in findings) == compiled.count
    assert all(finding.matched for finding in findings) is held
    assert compiled.matcher.matched_count(sought) == sum(finding.count for finding in findings if finding.matched)
    return held


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


NESTED = b64(b"\x0a\x02hi")
"""A kitchen.Nested {name: hi}."""

PLAIN = [
    # what the pattern says, what comes, whether it holds
    ({}, {}, True),
    ({}, {"f_int32": 1}, True),
    ({"f_int32": 1}, {"f_int32": 1}, True),
    ({"f_int32": 1}, {"f_int32": 2}, False),
    ({"fInt32": "1"}, {"f_int32": 1}, True),
    ({"f_int32": 0}, {}, True),
    ({"f_int64": 2**60}, {"f_int64": 2**60}, True),
    ({"f_int64": 2**60}, {"f_int64": 2**60 + 1}, False),
    ({"f_int64": str(2**60)}, {"f_int64": 2**60}, True),
    ({"f_uint64": 2**64 - 1}, {"f_uint64": 2**64 - 1}, True),
    ({"f_float": 0.1}, {"f_float": 0.1}, True),
    ({"f_double": 0.1}, {"f_double": 0.1}, True),
    ({"f_double": "NaN"}, {"f_double": "NaN"}, True),
    ({"f_float": float("nan")}, {"f_float": "NaN"}, True),
    ({"f_double": "NaN"}, {"f_double": 1}, False),
    ({"f_double": "Infinity"}, {"f_double": "Infinity"}, True),
    ({"f_bool": True}, {"f_bool": True}, True),
    ({"f_bool": False}, {}, True),
    ({"f_string": "yes"}, {"f_string": "yes"}, True),
    ({"f_string": "yes"}, {"f_string": "Yes"}, False),
    ({"f_bytes": b64(b"\xff")}, {"f_bytes": b64(b"\xff")}, True),
    ({"f_bytes": "_w"}, {"f_bytes": b64(b"\xff")}, True),
    ({"f_bytes": b"\xff"}, {"f_bytes": b64(b"\xff")}, True),
    ({"f_enum": "COLOR_RED"}, {"f_enum": 1}, True),
    ({"f_enum": 1}, {"f_enum": "COLOR_RED"}, True),
    ({"f_enum": 77}, {"f_enum": 77}, True),
    ({"size": "SIZE_LARGE"}, {"size": "SIZE_BIG"}, True),
    ({"another-name": "x"}, {"renamed": "x"}, True),
    # presence
    ({"o_int32": 0}, {}, False),
    ({"o_int32": 0}, {"o_int32": 0}, True),
    ({"o_int32": None}, {}, True),
    ({"o_int32": None}, {"o_int32": 0}, False),
    ({"f_int32": None}, {}, True),
    ({"f_int32": None}, {"f_int32": 1}, False),
    ({"f_message": {}}, {}, False),
    ({"f_message": {}}, {"f_message": {}}, True),
    ({"f_message": None}, {}, True),
    ({"f_message": None}, {"f_message": {}}, False),
    ({"f_message": {"number": 0}}, {}, False),
    ({"f_message": {"number": 0}}, {"f_message": {"name": "x"}}, True),
    ({"f_message": {"deeper": {"big": 5}}}, {"f_message": {"deeper": {"big": 5, "text": "t"}}}, True),
    ({"f_message": {"deeper": {"big": 5}}}, {"f_message": {"number": 5}}, False),
    ({"r_int32": None}, {}, True),
    ({"r_int32": None}, {"r_int32": [1]}, False),
    ({"m_string_int32": None}, {}, True),
    # oneofs
    ({"c_string": ""}, {"c_string": ""}, True),
    ({"c_string": ""}, {}, False),
    ({"c_string": ""}, {"c_int32": 0}, False),
    ({"c_string": None}, {"c_int32": 0}, True),
    ({"c_string": None}, {"c_string": ""}, False),
    ({"c_string": None, "c_int32": 3}, {"c_int32": 3}, True),
    ({"c_null": None}, {"c_null": None}, True),
    ({"c_null": None}, {}, False),
    # lists
    ({"r_int32": [1, 2]}, {"r_int32": [1, 2]}, True),
    ({"r_int32": [1, 2]}, {"r_int32": [2, 1]}, False),
    ({"r_int32": [1, 2]}, {"r_int32": [1, 2, 3]}, False),
    ({"r_int32": []}, {}, True),
    ({"r_int32": []}, {"r_int32": [0]}, False),
    ({"r_int32": [1, {"$gt": 5}]}, {"r_int32": [1, 6]}, True),
    ({"r_double": ["NaN", 1]}, {"r_double": ["NaN", 1]}, True),
    ({"r_message": [{"name": "a"}, {}]}, {"r_message": [{"name": "a", "number": 1}, {"name": "b"}]}, True),
    ({"r_message": [{"name": "a"}]}, {"r_message": [{"name": "b"}]}, False),
    ({"r_enum": ["COLOR_RED", 5]}, {"r_enum": [1, "COLOR_BLUE"]}, True),
    # maps
    ({"m_string_int32": {"a": 1}}, {"m_string_int32": {"a": 1, "b": 2}}, True),
    ({"m_string_int32": {"a": 0}}, {"m_string_int32": {"b": 2}}, False),
    ({"m_string_int32": {}}, {}, True),
    ({"m_int32_string": {1: "x"}}, {"m_int32_string": {"1": "x"}}, True),
    ({"m_int32_string": {"1": "x"}}, {"m_int32_string": {"1": "x"}}, True),
    ({"m_bool_bool": {True: False}}, {"m_bool_bool": {"true": False}}, True),
    ({"m_bool_bool": {"false": False}}, {"m_bool_bool": {"true": False}}, False),
    ({"m_string_string": {1: "x"}}, {"m_string_string": {"1": "x"}}, True),
    ({"m_string_string": {True: "x"}}, {"m_string_string": {"true": "x"}}, True),
    ({"m_string_string": {"a": {"$exists": False}}}, {"m_string_string": {"b": "x"}}, True),
    ({"m_string_message": {"a": {"name": "x"}}}, {"m_string_message": {"a": {"name": "x", "number": 1}}}, True),
    ({"m_string_message": {"a": {}}}, {"m_string_message": {"b": {}}}, False),
    ({"m_string_value": {"a": None}}, {"m_string_value": {"a": None}}, True),
    ({"m_string_value": {"a": None}}, {}, False),
    # well-known types
    ({"w_timestamp": "2030-01-31T12:00:00Z"}, {"w_timestamp": "2030-01-31T13:00:00+01:00"}, True),
    ({"w_timestamp": "2030-01-31T12:00:00.000Z"}, {"w_timestamp": "2030-01-31T12:00:00Z"}, True),
    ({"w_timestamp": "2030-01-31T12:00:00Z"}, {"w_timestamp": "2030-01-31T12:00:00.000000001Z"}, False),
    ({"w_timestamp": datetime(2030, 1, 1, tzinfo=UTC)}, {"w_timestamp": "2030-01-01T00:00:00Z"}, True),
    ({"w_duration": "1.5s"}, {"w_duration": "1.500s"}, True),
    ({"w_duration": timedelta(seconds=-1.5)}, {"w_duration": "-1.5s"}, True),
    ({"w_duration": "0s"}, {}, False),
    ({"w_field_mask": "a,b.c"}, {"w_field_mask": "b.c,a"}, True),
    ({"w_field_mask": "a,b.c"}, {"w_field_mask": "a"}, False),
    ({"w_field_mask": "user_name"}, {"w_field_mask": "userName"}, True),
    ({"w_int64": 5}, {"w_int64": "5"}, True),
    ({"w_int64": 0}, {}, False),
    ({"w_int64": None}, {}, True),
    ({"w_int64": {"$gt": 4}}, {"w_int64": "5"}, True),
    ({"w_float": 0.1}, {"w_float": 0.1}, True),
    ({"w_double": "NaN"}, {"w_double": "NaN"}, True),
    ({"w_bytes": {"$size": 1}}, {"w_bytes": b64(b"x")}, True),
    ({"w_string": {"$prefix": "a"}}, {"w_string": "ab"}, True),
    ({"w_string": {"$prefix": "a"}}, {}, False),
    ({"w_empty": {}}, {"w_empty": {}}, True),
    ({"w_empty": {}}, {}, False),
    ({"wr_int64": [1, {"$gt": 1}]}, {"wr_int64": ["1", "2"]}, True),
    ({"wr_timestamp": {"$some": {"$gt": "2000-01-01T00:00:00Z"}}}, {"wr_timestamp": ["2001-01-01T00:00:00Z"]}, True),
    # plain JSON
    ({"w_struct": {"a": 1}}, {"w_struct": {"a": 1, "b": 2}}, True),
    ({"w_struct": {"a": 1}}, {"w_struct": {"a": True}}, False),
    ({"w_struct": {"a": True}}, {"w_struct": {"a": 1}}, False),
    ({"w_struct": {"a": 1}}, {"w_struct": {"a": "1"}}, False),
    ({"w_struct": {"a": None}}, {"w_struct": {"a": None}}, True),
    ({"w_struct": {"a": None}}, {"w_struct": {}}, False),
    ({"w_struct": {"a": {"$exists": False}}}, {"w_struct": {}}, True),
    ({"w_struct": {"a": {"$exists": True}}}, {"w_struct": {"a": None}}, True),
    ({"w_struct": {}}, {"w_struct": {}}, True),
    ({"w_struct": {}}, {}, False),
    ({"w_struct": None}, {}, True),
    ({"w_struct": {"a": {"b": [1, {"$gt": 1}]}}}, {"w_struct": {"a": {"b": [1, 2], "c": 3}}}, True),
    ({"w_struct": {"a": {"$gt": 1}}}, {"w_struct": {"a": 2}}, True),
    ({"w_struct": {"a": {"$gt": 1}}}, {"w_struct": {"a": "2"}}, False),
    ({"w_struct": {"a": {"$gt": "a"}}}, {"w_struct": {"a": "b"}}, True),
    ({"w_struct": {"a": {"$gt": 0}}}, {"w_struct": {"a": True}}, False),
    ({"w_struct": {"a": {"$size": 2}}}, {"w_struct": {"a": [1, 2]}}, True),
    ({"w_struct": {"a": {"$size": 2}}}, {"w_struct": {"a": "xy"}}, True),
    ({"w_struct": {"a": {"$size": 2}}}, {"w_struct": {"a": 2}}, False),
    ({"w_struct": {"a": {"$some": 2}}}, {"w_struct": {"a": [1, 2]}}, True),
    ({"w_struct": {"a": {"$unordered": [2, {"$gt": 0}]}}}, {"w_struct": {"a": [1, 2]}}, True),
    ({"w_struct": {"a": {"$only": {"b": 1}}}}, {"w_struct": {"a": {"b": 1}}}, True),
    ({"w_struct": {"a": {"$only": {"b": 1}}}}, {"w_struct": {"a": {"b": 1, "c": 1}}}, False),
    ({"w_struct": {"a": {"$regex": "^x"}}}, {"w_struct": {"a": "xy"}}, True),
    ({"w_struct": {"a": {"$regex": "^x"}}}, {"w_struct": {"a": ["xy"]}}, False),
    ({"w_struct": {"a": {"$in": [1, "x", [1]]}}}, {"w_struct": {"a": [1]}}, True),
    ({"w_struct": {"a": {"$ne": 1}}}, {"w_struct": {}}, True),
    ({"w_struct": {"$keys": {"$prefix": "a"}}}, {"w_struct": {"ab": 1}}, True),
    ({"w_struct": {"$values": 1}}, {"w_struct": {"a": 1, "b": 2}}, False),
    ({"w_struct": {"$eq": {"$gt": 1}}}, {"w_struct": {"$gt": 1}}, True),
    ({"w_value": 1}, {"w_value": 1}, True),
    ({"w_value": None}, {"w_value": None}, True),
    ({"w_value": None}, {}, False),
    ({"w_value": {"$exists": False}}, {}, True),
    ({"w_value": {"$exists": False}}, {"w_value": None}, False),
    ({"w_value": {"a": 1}}, {"w_value": {"a": 1, "b": 1}}, True),
    ({"w_value": {"a": 1}}, {"w_value": [1]}, False),
    ({"w_list": [1, None]}, {"w_list": [1, None]}, True),
    ({"w_list": {"$first": "a"}}, {"w_list": ["a", 1]}, True),
    ({"wr_value": [None, {"$gt": 1}]}, {"wr_value": [None, 2]}, True),
    # Any
    (
        {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "number": {"$gt": 1}}},
        {"w_any": {"@type": "type.googleapis.com/kitchen.Nested", "number": 2, "name": "x"}},
        True,
    ),
    (
        {"w_any": {"@type": "kitchen.Nested", "number": 1}},
        {"w_any": {"@type": "example.com/kitchen.Nested", "number": 2}},
        False,
    ),
    ({"w_any": {"@type": "kitchen.Nested"}}, {"w_any": {"@type": "x/kitchen.Nested", "number": 2}}, True),
    ({"w_any": {"@type": "kitchen.Nested"}}, {"w_any": {"@type": "x/google.protobuf.Duration", "value": "1s"}}, False),
    ({"w_any": {"@type": "kitchen.Nested"}}, {}, False),
    ({"w_any": {}}, {"w_any": {"@type": "x/kitchen.Nested"}}, True),
    (
        {"w_any": {"@type": "google.protobuf.Duration", "value": {"$gt": "1s"}}},
        {"w_any": {"@type": "x/google.protobuf.Duration", "value": "2s"}},
        True,
    ),
    (
        {"w_any": {"$only": {"@type": "kitchen.Nested", "number": 2}}},
        {"w_any": {"@type": "x/kitchen.Nested", "number": 2, "name": "x"}},
        False,
    ),
    (
        {"w_any": {"$eq": {"@type": "kitchen.Nested", "number": 2}}},
        {"w_any": {"@type": "x/kitchen.Nested", "number": 2}},
        True,
    ),
    # recursion
    ({"f_self": {"f_self": {"f_int32": 3}}}, {"f_self": {"f_self": {"f_int32": 3}}}, True),
]


@pytest.mark.parametrize(("tree", "message", "expected"), PLAIN)
def test_plain_values(tree: Any, message: Any, expected: bool) -> None:
    assert holds(tree, message) is expected


S, N, R, M, F = "f_string", "f_int32", "r_int32", "m_string_int32", "f_double"

OPERATORS = [
    (S, {"$eq": "a"}, "a", True),
    (S, {"$ne": "a"}, "a", False),
    (S, {"$ne": "a"}, "b", True),
    ("o_string", {"$ne": "a"}, None, True),
    ("o_string", {"$nin": ["a"]}, None, True),
    ("o_string", {"$not": "a"}, None, True),
    ("o_string", {"$gt": ""}, None, False),
    ("o_string", {"$in": ["a", None]}, None, True),
    ("o_string", {"$eq": None}, None, True),
    ("o_string", {"$ne": None}, "", True),
    (S, {"$in": ["a", None]}, None, True),
    (S, {"$in": ["a", "b"]}, "b", True),
    (S, {"$in": []}, "b", False),
    (S, {"$nin": ["a", "b"]}, "c", True),
    (S, {"$exists": True}, "c", True),
    (S, {"$exists": True}, "", False),
    (S, {"$exists": False}, "", True),
    ("o_string", {"$exists": True}, "", True),
    (R, {"$exists": True}, [], False),
    (R, {"$exists": True}, [0], True),
    (M, {"$exists": False}, {}, True),
    ("f_message", {"$exists": True}, {}, True),
    (S, {"$not": {"$prefix": "a"}}, "ba", True),
    (S, {"$and": [{"$prefix": "a"}, {"$suffix": "b"}]}, "ab", True),
    (S, {"$or": [{"$prefix": "a"}, "b"]}, "b", True),
    (S, {"$or": [{"$prefix": "a"}, "b"]}, "c", False),
    (S, {"$prefix": "a", "$suffix": "b"}, "acb", True),
    (S, {"$prefix": "a", "$suffix": "b"}, "ac", False),
    (N, {"$gt": 1, "$lte": 3}, 3, True),
    (N, {"$gt": 1, "$lte": 3}, 1, False),
    (N, {"$gte": 1, "$lt": 3}, 1, True),
    (N, {"$gte": 1, "$lt": 3}, 3, False),
    ("f_uint64", {"$gt": 2**63}, str(2**63 + 1), True),
    (S, {"$gt": "a"}, "b", True),
    ("f_enum", {"$gte": "COLOR_GREEN"}, "COLOR_BLUE", True),
    ("f_enum", {"$lt": 0}, "COLOR_NEGATIVE", True),
    ("f_enum", {"$in": ["COLOR_RED", 5]}, "COLOR_BLUE", True),
    ("w_timestamp", {"$gt": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00.000000001Z", True),
    ("w_duration", {"$lt": "-1.4s"}, "-1.5s", True),
    (F, {"$gt": 1}, "NaN", False),
    (F, {"$approx": {"value": 1, "within": 0.1}}, 1.05, True),
    (F, {"$approx": {"value": 1, "within": 0.1}}, 1.2, False),
    (F, {"$approx": {"value": "NaN", "within": 0.1}}, "NaN", True),
    (F, {"$approx": {"value": "Infinity", "within": 0}}, "Infinity", True),
    ("f_float", {"$approx": {"value": 0.1, "within": 0}}, 0.1, True),
    ("f_float", {"$lte": 0.1}, 0.1, True),
    (S, {"$regex": "b+"}, "abbc", True),
    (S, {"$regex": "^b+$"}, "abbc", False),
    (S, {"$regex": "(?i)ÄB"}, "xäbx", True),
    (S, {"$glob": "a*c"}, "a/b\n/c", True),
    (S, {"$glob": "a*c"}, "abcd", False),
    (S, {"$glob": "a?c"}, "abc", True),
    (S, {"$glob": "[a-c]x"}, "bx", True),
    (S, {"$glob": "[!a-c]x"}, "bx", False),
    (S, {"$glob": "[]]"}, "]", True),
    (S, {"$glob": "a.c[^"}, "a.c[^", True),
    (S, {"$glob": "[^a]"}, "^", True),
    (S, {"$contains": "bc"}, "abcd", True),
    (S, {"$contains": "bc"}, "acbd", False),
    (S, {"$ignoreCase": "STRASSE"}, "Straße", True),
    (S, {"$size": 2}, "äö", True),
    (S, {"$size": {"$gt": 2}}, "äö", False),
    (S, {"$json": {"a": {"$gt": 1}}}, '{"a": 2, "b": 1}', True),
    (S, {"$json": {"a": 1}}, "{nonsense", False),
    (S, {"$json": [1, None, True]}, "[1.0, null, true]", True),
    (S, {"$json": {"a": {"$exists": False}}}, "{}", True),
    (S, {"$json": None}, "null", True),
    (S, {"$json": {"$gt": 2**70}}, str(2**70 + 1), True),
    (S, {"$json": 1}, "[" * 5000, False),
    ("f_bytes", {"$size": 2}, b64(b"ab"), True),
    ("f_bytes", {"$prefix": b64(b"a")}, b64(b"ab"), True),
    ("f_bytes", {"$prefix": b64(b"b")}, b64(b"ab"), False),
    ("f_bytes", {"$message": {"type": "kitchen.Nested", "pattern": {"name": "hi"}}}, NESTED, True),
    ("f_bytes", {"$message": {"type": "kitchen.Nested", "pattern": {"name": "ho"}}}, NESTED, False),
    ("f_bytes", {"$message": {"type": "kitchen.Nested"}}, NESTED, True),
    ("f_bytes", {"$message": {"type": "kitchen.Nested"}}, b64(b"\x07"), False),
    (R, {"$size": 2}, [1, 2], True),
    (R, {"$size": {"$in": [0, 2]}}, [1], False),
    (R, {"$first": 1, "$last": {"$gt": 1}}, [1, 2], True),
    (R, {"$first": 1}, [], False),
    (R, {"$first": {"$ne": 1}}, [], False),
    (R, {"$last": 1}, [1, 2], False),
    (R, {"$each": {"$gt": 0}}, [1, 2], True),
    (R, {"$each": {"$gt": 1}}, [1, 2], False),
    (R, {"$each": {"$gt": 1}}, [], True),
    (R, {"$some": 2}, [1, 2], True),
    (R, {"$some": {"$gt": 2}}, [1, 2], False),
    (R, {"$some": {"$ne": 2}}, [], False),
    (R, {"$all": [2, {"$gt": 1}]}, [1, 2], True),
    (R, {"$all": [2, 3]}, [1, 2], False),
    (R, {"$all": []}, [], True),
    (R, {"$unordered": [2, 1, 2]}, [1, 2, 2], True),
    (R, {"$unordered": [2, 1, 1]}, [1, 2, 2], False),
    (R, {"$unordered": [{"$gt": 0}, {"$gt": 1}, {"$gt": 2}]}, [3, 1, 2], True),
    (R, {"$unordered": [{"$gt": 1}, {"$gt": 1}, {"$gt": 2}]}, [3, 1, 2], False),
    (R, {"$unordered": [1]}, [1, 1], False),
    (R, {"$eq": [1, 2]}, [1, 2], True),
    (R, {"$ne": [1, 2]}, [2, 1], True),
    (R, {"$in": [[1], [2]]}, [2], True),
    (R, {"$not": {"$some": 2}}, [1, 3], True),
    ("r_string", {"$all": [{"$prefix": "a"}, {"$suffix": "b"}]}, ["ab"], True),
    ("r_message", {"$some": {"name": "a", "number": 1}}, [{"name": "a"}, {"number": 1}], False),
    ("r_message", {"$some": {"name": "a", "number": 1}}, [{"name": "a", "number": 1}], True),
    ("r_message", {"$unordered": [{"name": "a"}, {}]}, [{"name": "b"}, {"name": "a"}], True),
    (M, {"$size": 1}, {"a": 1}, True),
    (M, {"$keys": {"$prefix": "a"}}, {"ab": 1, "ac": 1}, True),
    (M, {"$keys": {"$prefix": "a"}}, {"ab": 1, "b": 1}, False),
    (M, {"$keys": "x", "$values": 1}, {}, True),
    (M, {"$values": {"$gt": 1}}, {"a": 2, "b": 1}, False),
    (M, {"$eq": {"a": 1}}, {"a": 1}, True),
    (M, {"$eq": {"a": 1}}, {"a": 1, "b": 1}, False),
    (M, {"$eq": {}}, {"a": 1}, False),
    ("m_int32_string", {"$keys": {"$gt": 4}}, {"5": "x"}, True),
    ("f_message", {"$only": {"name": "a"}}, {"name": "a"}, True),
    ("f_message", {"$only": {"name": "a"}}, {"name": "a", "number": 1}, False),
    ("f_message", {"$only": {"deeper": {"text": "x"}}}, {"deeper": {"text": "x", "big": 1}}, True),
    ("f_message", {"$only": {}}, {}, True),
    ("f_message", {"$only": {}}, {"number": 1}, False),
    ("f_message", {"$eq": {"deeper": {"text": "x"}}}, {"deeper": {"text": "x", "big": 1}}, False),
    ("f_message", {"$eq": {"deeper": {"text": "x"}}}, {"deeper": {"text": "x"}}, True),
    ("f_message", {"$eq": {"tags": ["a"]}}, {"tags": ["a"]}, True),
    ("f_message", {"$ne": {"name": "a"}}, {"name": "a", "number": 1}, True),
    ("f_message", {"$not": {"name": "a", "number": 1}}, {"name": "a"}, True),
    ("f_message", {"$not": {"name": "a"}}, None, True),
    ("f_message", {"$in": [{"name": "a"}, {"name": "b"}]}, {"name": "b"}, True),
    ("f_message", {"$in": [{"name": "a"}, {"name": "b"}]}, {"name": "b", "number": 1}, False),
    ("f_message", {"$or": [{"name": "a"}, {"number": 1}]}, {"number": 1}, True),
]


@pytest.mark.parametrize(("field", "operators", "value", "expected"), OPERATORS)
def test_operators(field: str, operators: Any, value: Any, expected: bool) -> None:
    assert holds({field: operators}, {} if value is None else {field: value}) is expected


OLD = [
    ({"count": 42}, {}, False),
    ({"count": 42}, {"count": 42}, True),
    ({"count": None}, {}, True),
    ({"level": "HIGH"}, {"level": 2}, True),
    ({"[legacy.nickname]": "x"}, {"[legacy.nickname]": "x"}, True),
    ({"[legacy.nickname]": None}, {}, True),
    ({"[legacy.scores]": {"$some": 3}}, {"[legacy.scores]": [3]}, True),
    ({"[legacy.extra]": {"note": "n"}}, {"[legacy.extra]": {"id": 1, "note": "n"}}, True),
    ({"[legacy.extra]": {}}, {}, False),
    ({"box": {"width": 3}}, {"box": {"width": 3}}, True),
    ({"pair": {"left": 1}}, {"text": "x"}, False),
    ({"item": [{"title": "t"}]}, {"item": [{"title": "t"}]}, True),
]


@pytest.mark.parametrize(("tree", "message", "expected"), OLD)
def test_proto2(tree: Any, message: Any, expected: bool) -> None:
    assert holds(tree, message, "legacy.Old", LEGACY) is expected


COUNTS = [
    ({}, 0),
    ({"f_int32": 1}, 1),
    ({"f_int32": None}, 1),
    ({"f_message": {}}, 1),
    ({"f_message": {"name": "a", "deeper": {"text": "x", "big": 1}}}, 3),
    ({"r_int32": [1, 2, 3]}, 3),
    ({"r_int32": []}, 1),
    ({"m_string_int32": {"a": 1, "b": 2}}, 2),
    ({"f_int32": {"$gt": 1, "$lt": 5}}, 2),
    ({"f_int32": {"$in": [1, 2, 3]}}, 1),
    ({"f_int32": {"$or": [1, {"$gt": 5, "$lt": 9}]}}, 1),
    ({"f_int32": {"$and": [{"$gt": 5}, {"$lt": 9}]}}, 2),
    ({"r_message": {"$all": [{"name": "a", "number": 1}, {"name": "b"}]}}, 3),
    ({"r_message": {"$each": {"name": "a", "number": 1}}}, 2),
    ({"r_message": {"$some": {"name": "a", "number": 1}}}, 2),
    ({"r_message": {"$first": {"name": "a"}, "$last": {"name": "b"}}}, 2),
    ({"r_message": {"$unordered": [{"name": "a"}, {"name": "b", "number": 2}]}}, 3),
    ({"f_message": {"$not": {"name": "a", "number": 1}}}, 2),
    ({"f_message": {"$only": {"name": "a", "number": 1}}}, 2),
    ({"f_message": {"$eq": {"name": "a", "number": 1}}}, 1),
    ({"f_message": {"$ne": {"name": "a", "number": 1}}}, 1),
    ({"r_int32": {"$size": {"$gt": 1, "$lt": 5}}}, 1),
    ({"m_string_int32": {"$keys": {"$gt": "a", "$lt": "z"}, "$values": 1}}, 2),
    ({"f_string": {"$json": {"a": 1, "b": 2}}}, 1),
    ({"w_struct": {"a": 1, "b": {"c": 2}}}, 2),
    ({"w_struct": {}}, 1),
    ({"w_any": {"@type": "kitchen.Nested", "name": "x"}}, 2),
    ({"$or": [{"f_int32": 1}, {"f_int32": 2}]}, 1),
]


@pytest.mark.parametrize(("tree", "count"), COUNTS)
def test_conditions_are_counted(tree: Any, count: int) -> None:
    assert pattern(tree).count == count


def test_operators_stand_at_the_root_too() -> None:
    assert holds({"$or": [{"f_int32": 1}, {"f_int32": 2}]}, {"f_int32": 2})
    assert not holds({"$only": {"f_int32": 1}}, {"f_int32": 1, "f_bool": True})
    assert holds({"$eq": {}}, {})
    assert not holds({"$eq": {}}, {"f_bool": True})


def test_a_long_permutation_is_found_in_good_time() -> None:
    size = 400
    patterns = [{"$lte": number} for number in range(size)]
    assert holds({"r_int32": {"$unordered": patterns}}, {"r_int32": list(reversed(range(size)))})
    assert not holds({"r_int32": {"$unordered": patterns}}, {"r_int32": [size, *range(size - 1)]})


def test_an_any_of_an_unknown_type_is_compared_by_its_bytes() -> None:
    message = KITCHEN.message(EVERYTHING)()
    message.w_any.type_url, message.w_any.value = "x/unknown.Type", b"\x01\x02"
    problems = Problems()
    tree = Node.of(codec.to_tree(message))
    compiled = compile_pattern(tree, message.DESCRIPTOR, KITCHEN, problems)
    assert not problems.errors and "unknown.Type" in str(problems.warnings[0])
    assert compiled.holds(message)
    message.w_any.value = b"\x01"
    assert not compiled.holds(message)


def test_an_any_that_does_not_decode_is_refused() -> None:
    message = KITCHEN.message(EVERYTHING)()
    message.w_any.type_url, message.w_any.value = "x/kitchen.Nested", b"\x07"
    assert not holds({"w_any": {"@type": "kitchen.Nested", "name": ""}}, message)


def test_values_out_of_the_range_of_protojson_match_what_they_are_shown_as() -> None:
    message = KITCHEN.message(EVERYTHING)()
    message.w_timestamp.seconds = 2**62
    message.w_duration.nanos = -(10**9)
    assert holds(codec.to_tree(message), message)


def test_a_message_may_stand_in_a_pattern() -> None:
    nested = KITCHEN.message("kitchen.Nested")(name="a")
    assert holds({"f_message": nested}, {"f_message": {"name": "a", "number": 1}})


EXPLAINED = [
    ({"f_int32": {"$gt": 5}}, {"f_int32": 1}, "request.f_int32", "> 5", "1"),
    ({"f_string": "a"}, {"f_string": "b"}, "request.f_string", '"a"', '"b"'),
    ({"f_enum": "COLOR_RED"}, {"f_enum": 5}, "request.f_enum", '"COLOR_RED"', '"COLOR_BLUE"'),
    ({"o_int32": 1}, {}, "request.o_int32", "1", "absent"),
    ({"o_int32": None}, {"o_int32": 7}, "request.o_int32", "absent", "7"),
    ({"f_message": {"name": "a"}}, {}, "request.f_message", '{name: "a"}', "absent"),
    ({"r_message": [{"name": "a"}]}, {"r_message": [{"name": "b"}]}, "request.r_message[0].name", '"a"', '"b"'),
    ({"r_int32": [1]}, {"r_int32": [1, 2]}, "request.r_int32", "[1]", "[1, 2]"),
    ({"m_string_int32": {"a": 1}}, {}, 'request.m_string_int32["a"]', "1", "absent"),
    ({"w_timestamp": "2030-01-01T00:00:00Z"}, {"w_timestamp": "2031-01-01T00:00:00Z"}, "request.w_timestamp",
     '"2030-01-01T00:00:00Z"', '"2031-01-01T00:00:00Z"'),
    ({"w_struct": {"a": {"$gt": 1}}}, {"w_struct": {"a": "x"}}, 'request.w_struct["a"]', "> 1", '"x"'),
    ({"f_string": {"$regex": "^a"}}, {"f_string": "b"}, "request.f_string", "matching /^a/", '"b"'),
    ({"f_bytes": "AA=="}, {"f_bytes": "AQ=="}, "request.f_bytes", '"AA=="', '"AQ=="'),
    ({"$only": {"f_int32": 0}}, {"f_string": "b"}, "request.f_string", "unset", '"b"'),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "message", "path", "wanted", "came"), EXPLAINED)
def test_a_refusal_says_what_was_wanted_and_what_came(
    tree: Any, message: Any, path: str, wanted: str, came: str
) -> None:
    (refused,) = (found for found in pattern(tree).explain(build(message)) if not found.matched)
    assert (refused.path, refused.expected, refused.actual) == (path, wanted, came)


PROTOS = [
    (KITCHEN, EVERYTHING),
    (LEGACY, "legacy.Old"),
    (registry("editions2023.proto"), "editions.y2023.Modern"),
]


@pytest.mark.parametrize(("protos", "name"), PROTOS)
def test_a_pattern_written_from_a_message_matches_exactly_that_message(protos: Registry, name: str) -> None:
    message_class = protos.message(name)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategies.messages(message_class), strategies.messages(message_class))
    def law(message: Any, other: Any) -> None:
        tree = codec.to_tree(message)
        assume("-0.0" not in str(tree))  # equal to a zero that isn't shown
        assume(not any(mark in str(tree) for mark in ("{{", "{%", "{#")))  # no pattern can say those plainly
        exact = pattern({"$eq": tree}, name, protos)
        assert exact.holds(message)
        assert exact.holds(other) is (codec.to_tree(other) == tree)
        fewer = message_class()
        fewer.CopyFrom(message)
        for field, value in message.ListFields():
            if field.is_repeated and not value:
                continue
            fewer.ClearField(field.name) if not field.is_extension else fewer.ClearExtension(field)
            assert not exact.holds(fewer), field.name
            break
        if "$" not in str(tree):
            assert holds(tree, message, name, protos)

    law()
