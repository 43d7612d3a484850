# mypy: disable-error-code="arg-type"
"""What a wrong pattern gets: every problem at once, each with its place, what was expected, and the next step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.errors import Location, Problems
from grpcmock.matching import compile_pattern, leaves
from grpcmock.tree import Node

KITCHEN = registry("kitchen_sink.proto")


def problems_of(tree: Any, **options: Any) -> list[str]:
    problems = Problems()
    compile_pattern(Node.of(tree), KITCHEN.message("kitchen.Everything").DESCRIPTOR, KITCHEN, problems, **options)
    return [str(problem) for problem in problems]


ERRORS = [
    # the pattern; what the one problem must say
    ({"f_strin": "x"}, ["request", "no field 'f_strin'", "Did you mean 'f_string'?"]),
    ({"f_message": {"nmae": "x"}}, ["request.f_message", "kitchen.Nested", "'name'"]),
    ({"f_int32": "x"}, ["request.f_int32", "an int32", "'x'"]),
    ({"f_int32": 2**40}, ["request.f_int32", "int32"]),
    ({"f_int32": True}, ["request.f_int32", "int32"]),
    ({"f_string": 5}, ["request.f_string", "a string", "quotes"]),
    ({"f_enum": "COLOR_READ"}, ["request.f_enum", "Did you mean 'COLOR_RED'?"]),
    ({"f_bool": "true"}, ["request.f_bool", "a bool"]),
    ({"f_bytes": "%%"}, ["request.f_bytes", "base64"]),
    ({"w_timestamp": "yesterday"}, ["request.w_timestamp", "RFC 3339"]),
    ({"w_duration": {"$gt": "1 hour"}}, ["request.w_duration.$gt", "'1.5s'"]),
    ({"w_int64": {"value": 5}}, ["request.w_int64", "int64"]),
    ({"f_message": 5}, ["request.f_message", "a message kitchen.Nested", "5"]),
    ({"r_int32": 5}, ["request.r_int32", "a list of int32s", "$some"]),
    ({"r_message": {"name": "x"}}, ["request.r_message", "a list", "$some"]),
    ({"m_string_int32": 5}, ["request.m_string_int32", "a map"]),
    ({"m_string_int32": {"a": None}}, ['request.m_string_int32["a"]', "null", "$exists: false"]),
    ({"m_int32_string": {"a": "x"}}, ["request.m_int32_string", "int32"]),
    ({"m_bool_bool": {"yes": True}}, ["request.m_bool_bool", "bool"]),
    ({"r_int32": [None]}, ["request.r_int32[0]", "null"]),
    ({"c_string": "x", "c_int32": 1}, ["request", "'c_string'", "'c_int32'", "oneof 'choice'"]),
    ({"f_int32": 1, "fInt32": 1}, ["request", "'f_int32'", "twice"]),
    ({"f_int32": {"$gtt": 1}}, ["request.f_int32", "no operator $gtt", "$gt"]),
    ({"f_int32": {"$prefix": "1"}}, ["request.f_int32", "no operator $prefix", "$gt, $gte, $in"]),
    ({"f_bool": {"$gt": False}}, ["request.f_bool", "a bool has no operator $gt", "$eq"]),
    ({"r_string": {"$contains": "x"}}, ["request.r_string", "$some: {$contains: …}"]),
    ({"w_struct": {"$prefix": "1"}}, ["request.w_struct", "a Struct", "$keys"]),
    ({"w_any": {"$size": 1}}, ["request.w_any", "$only"]),
    ({"f_int32": {"$in": 5}}, ["request.f_int32.$in", "a list"]),
    ({"f_int32": {"$in": [1, {"$gt": 5}]}}, ["request.f_int32.$in[1]", "$or"]),
    ({"f_int32": {"$in": [1, "x"]}}, ["request.f_int32.$in[1]", "int32"]),
    ({"f_int32": {"$or": []}}, ["request.f_int32.$or", "list of patterns"]),
    ({"f_int32": {"$and": {"$gt": 1}}}, ["request.f_int32.$and", "list of patterns"]),
    ({"f_int32": {"$exists": 1}}, ["request.f_int32.$exists", "true or false"]),
    ({"f_double": {"$approx": 5}}, ["request.f_double.$approx", "within"]),
    ({"f_double": {"$approx": {"value": 5, "within": -1}}}, ["within", "0 or more"]),
    ({"f_string": {"$regex": "a("}}, ["request.f_string.$regex", "missing )"]),
    ({"f_string": {"$regex": "(?=a)"}}, ["request.f_string.$regex", "(?="]),
    ({"f_string": {"$size": "x"}}, ["request.f_string.$size", "int64"]),
    ({"f_string": {"$size": -1}}, ["request.f_string.$size", "0 or more"]),
    ({"f_string": {"$json": {"a": {"$gt": None}}}}, ["$gt", "a number or a string"]),
    ({"f_bytes": {"$message": {"type": "kitchen.Nestet"}}}, ["$message.type", "kitchen.Nested"]),
    ({"f_bytes": {"$message": {"pattern": {}}}}, ["$message", "type"]),
    ({"f_bytes": {"$message": {"type": "kitchen.Nested", "pattern": {"nme": 1}}}}, ["$message.pattern", "'name'"]),
    ({"w_any": {"name": "x"}}, ["request.w_any", "@type"]),
    ({"w_any": {"@type": "kitchen.Nestet", "name": "x"}}, ["request.w_any.@type", "kitchen.Nested"]),
    ({"w_any": {"@type": "kitchen.Nested", "nme": "x"}}, ["request.w_any", "'name'"]),
    ({"w_any": {"@type": "google.protobuf.Duration", "seconds": 1}}, ["request.w_any", "'value'"]),
    ({"f_message": {"$only": 5}}, ["request.f_message.$only", "a mapping"]),
    ({"f_int32": 1, "$or": []}, ["request", "$and"]),
    ({"m_string_int32": {"a": 1, "$size": 1}}, ["request.m_string_int32", "$and"]),
    ({"f_string": "{{ row.x }}"}, ["request.f_string", "template", "each"]),
    ({"f_int32": "{{ row.x }}"}, ["request.f_int32", "template"]),
    ({"w_struct": {"a": "{{ row.x }}"}}, ['request.w_struct["a"]', "template"]),
    ({"f_string": {"$prefix": "{{ row.x }}"}}, ["request.f_string.$prefix", "template"]),
    (5, ["request", "a message kitchen.Everything"]),
    (None, ["request", "null"]),
]


@pytest.mark.parametrize(("tree", "words"), ERRORS)
def test_a_wrong_pattern_is_one_problem_that_says_what_was_expected(tree: Any, words: list[str]) -> None:
    (problem,) = problems_of(tree)
    for word in words:
        assert word in problem


def test_words_do_not_depend_on_which_field_was_seen_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "_SCALARS", {})
    listed = KITCHEN.message("kitchen.Everything").DESCRIPTOR.fields_by_name["r_int32"]
    assert leaves.scalar_kind(listed).name == "an int32"


def test_all_problems_are_reported_with_their_places() -> None:
    def at(value: Any, line: int) -> Node:
        return Node(value, "a.yaml", line, 5)

    keys = [at("f_int32", 1), at("nonsense", 2), at("f_enum", 3)]
    tree = Node({"f_int32": at("x", 1), "nonsense": at(1, 2), "f_enum": at("RED", 3)}, "a.yaml", 1, 1, keys)
    problems = Problems()
    compile_pattern(tree, KITCHEN.message("kitchen.Everything").DESCRIPTOR, KITCHEN, problems, stub="s")
    assert [problem.location for problem in problems] == [Location("a.yaml", line, 5) for line in (1, 2, 3)]
    assert {problem.stub for problem in problems} == {"s"}


def test_braces_that_a_row_brought_are_mere_text() -> None:
    assert not problems_of({"f_string": "{{ x }}"}, rendered=True)


def test_a_pattern_that_is_too_deep_is_a_problem() -> None:
    tree: Any = {}
    for _ in range(5000):
        tree = Node({"f_self": tree}, "a.yaml", 1, 1) if isinstance(tree, Node) else Node({}, "a.yaml", 1, 1)
    (problem,) = problems_of(tree)
    assert "100 levels" in problem


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_OPERATORS = ["$eq", "$in", "$nin", "$not", "$and", "$gt", "$approx", "$regex", "$glob", "$size", "$json", "$message",
              "$first", "$each", "$all", "$unordered", "$keys", "$only", "$exists", "$prefix", "$what"]  # fmt: skip
_FIELDS = [field.name for field in KITCHEN.message("kitchen.Everything").DESCRIPTOR.fields]
_KEYS = st.sampled_from(_OPERATORS) | st.sampled_from([*_FIELDS, "@type", "value", "type", "pattern", "within"])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | _LEAVES, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_KEYS, _TREES, max_size=3))
def test_no_pattern_whatsoever_raises(tree: Any) -> None:
    problems = Problems()
    message_class = KITCHEN.message("kitchen.Everything")
    pattern = compile_pattern(Node.of(tree), message_class.DESCRIPTOR, KITCHEN, problems)
    if not problems.errors:
        message = message_class(f_string="x", r_int32=[1], m_string_int32={"a": 1})
        held = pattern.holds(message)
        findings = pattern.explain(message)
        assert all(finding.matched for finding in findings) is held
        assert sum(finding.count for finding in findings) == pattern.count
