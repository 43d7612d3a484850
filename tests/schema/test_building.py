"""A tree of ProtoJSON becomes the message it says, or every problem in it is told with its place."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.errors import Location, Problem, Problems
from grpcmock.schema import Registry, codec
from grpcmock.schema.any_types import AMONG_PROTOS
from grpcmock.tree import Node

KITCHEN = registry()
EVERYTHING: Any = KITCHEN.message("kitchen.Everything")
NESTED: Any = KITCHEN.message("kitchen.Nested")
LEGACY = registry("legacy.proto")
OLD: Any = LEGACY.message("legacy.Old")
MODERN_FILES = registry("editions2023.proto")
MODERN: Any = MODERN_FILES.message("editions.y2023.Modern")


def attempt(
    tree: Any, message_class: Any = EVERYTHING, from_registry: Registry = KITCHEN, **options: Any
) -> tuple[Any, list[Problem]]:
    problems = Problems()
    message = codec.build(Node.of(tree), message_class, from_registry, problems, **options)
    return message, list(problems)


def build(tree: Any, message_class: Any = EVERYTHING, from_registry: Registry = KITCHEN, **options: Any) -> Any:
    message, problems = attempt(tree, message_class, from_registry, **options)
    assert not problems, list(map(str, problems))
    return message


GOOD = [
    ({}, EVERYTHING()),
    ({"f_int32": 7, "fInt64": "9007199254740993"}, EVERYTHING(f_int32=7, f_int64=2**53 + 1)),
    ({"another-name": "a"}, EVERYTHING(renamed="a")),
    ({"renamed": "a", "with1Digit": "b", "Leading": "c"}, EVERYTHING(renamed="a", with_1_digit="b", _leading="c")),
    ({"class": "a", "camelCase": "b"}, EVERYTHING(**{"class": "a"}, camelCase="b")),
    ({"f_message": {}}, EVERYTHING(f_message={})),
    (
        {
            "f_message": None,
            "f_int32": None,
            "r_string": None,
            "m_bool_bool": None,
            "m_string_value": None,
            "wr_value": None,
        },
        EVERYTHING(),
    ),
    ({"o_int32": 0}, EVERYTHING(o_int32=0)),
    ({"c_null": None}, EVERYTHING(c_null=0)),
    ({"c_string": None, "c_int32": 1}, EVERYTHING(c_int32=1)),
    (
        {"r_int32": [1, "2"], "r_message": [{"name": "x"}, {}]},
        EVERYTHING(r_int32=[1, 2], r_message=[{"name": "x"}, {}]),
    ),
    ({"m_int32_string": {1: "a", "2": "b"}}, EVERYTHING(m_int32_string={1: "a", 2: "b"})),
    ({"m_bool_bool": {True: False, "false": True}}, EVERYTHING(m_bool_bool={True: False, False: True})),
    ({"m_string_string": {7: "a", True: "b"}}, EVERYTHING(m_string_string={"7": "a", "true": "b"})),
    ({"m_string_message": {"a": {"number": 1}, "b": {}}}, EVERYTHING(m_string_message={"a": {"number": 1}, "b": {}})),
    ({"w_value": None}, EVERYTHING(w_value={"null_value": 0})),
    ({"w_int64": "5", "wr_int64": [0]}, EVERYTHING(w_int64={"value": 5}, wr_int64=[{}])),
    ({"w_string": None}, EVERYTHING()),
    ({"w_empty": {}}, EVERYTHING(w_empty={})),
    ({"w_any": {}}, EVERYTHING(w_any={})),
    ({"f_bytes": b"\x00\xff"}, EVERYTHING(f_bytes=b"\x00\xff")),
    ({"f_message": NESTED(name="x")}, EVERYTHING(f_message={"name": "x"})),
    ({"r_message": [NESTED(name="x")]}, EVERYTHING(r_message=[{"name": "x"}])),
    ({"r_string": EVERYTHING(r_string=["a", "b"]).r_string}, EVERYTHING(r_string=["a", "b"])),
    ({"r_message": EVERYTHING(r_message=[{"name": "a"}]).r_message}, EVERYTHING(r_message=[{"name": "a"}])),
    ({"m_string_int32": EVERYTHING(m_string_int32={"a": 1}).m_string_int32}, EVERYTHING(m_string_int32={"a": 1})),
    ({"f_string": EVERYTHING(w_timestamp={"seconds": 0}).w_timestamp}, EVERYTHING(f_string="1970-01-01T00:00:00Z")),
    ({"w_struct": {"a": NESTED(name="x")}}, EVERYTHING(w_struct={"a": {"name": "x"}})),
]


@pytest.mark.parametrize(("tree", "message"), GOOD, ids=[str(tree)[:50] for tree, _ in GOOD])
def test_a_tree_becomes_the_message_it_says(tree: Any, message: Any) -> None:
    assert build(tree) == message


BAD: list[tuple[Any, str, str, str | None]] = [
    ({"f_int": 1}, "f_int", "kitchen.Everything has no field 'f_int'.", "Did you mean 'f_int64'?"),
    ({"f_message": {"nmae": "x"}}, "f_message.nmae", "kitchen.Nested has no field 'nmae'.", "Did you mean 'name'?"),
    ({"w_empty": {"x": 1}}, "w_empty.x", "google.protobuf.Empty has no field 'x'.", "It has no fields."),
    ({5: 1}, "5", "kitchen.Everything has no field '5'.", None),
    (
        {"f_int32": "x"},
        "f_int32",
        "expected an int32 (a whole number from -2147483648 to 2147483647), not a string 'x'.",
        "",
    ),
    (
        {"r_message": [{}, {"tags": ["a", 2]}]},
        "r_message[1].tags[1]",
        "expected a string, not a number 2.",
        "Write it in quotes.",
    ),
    ({"m_string_int32": {"env": "x"}}, 'm_string_int32["env"]', "expected an int32", ""),
    ({"m_string_message": {"env": {"number": {}}}}, 'm_string_message["env"].number', "expected an int32", ""),
    ({"m_int32_string": {"a": "x"}}, 'm_int32_string["a"]', "in its key: expected an int32", ""),
    ({"m_bool_bool": {1: True}}, "m_bool_bool[1]", "in its key: expected a key that is a bool", ""),
    ({"m_int32_string": {1: "a", "1": "b"}}, 'm_int32_string["1"]', "the key is given twice.", ""),
    ({"m_string_int32": {"a": None}}, 'm_string_int32["a"]', "a map can't hold null.", ""),
    ({"m_string_int32": [1]}, "m_string_int32", "expected a map from strings to int32s, not a list.", ""),
    ({"r_int32": 1}, "r_int32", "expected a list of int32s, not a number 1.", ""),
    ({"r_int32": {"a": 1}}, "r_int32", "expected a list of int32s, not a mapping.", ""),
    ({"r_message": [None]}, "r_message[0]", "a list can't hold null.", ""),
    ({"f_message": "x"}, "f_message", "expected a mapping, for a message kitchen.Nested, not a string 'x'.", ""),
    ({"f_message": []}, "f_message", "expected a mapping, for a message kitchen.Nested, not a list.", ""),
    (
        {"f_int32": [1]},
        "f_int32",
        "expected an int32 (a whole number from -2147483648 to 2147483647), not a list.",
        "The field is not repeated.",
    ),
    (
        {"c_string": "a", "c_int32": 1},
        "",
        "c_string and c_int32 are members of one oneof (choice); only one can be set.",
        "",
    ),
    (
        {"c_string": "a", "c_null": None},
        "",
        "c_string and c_null are members of one oneof (choice); only one can be set.",
        "",
    ),
    ({"f_int32": 1, "fInt32": 1}, "", "field f_int32 is given twice.", ""),
    (
        {"f_enum": "COLOR_RD"},
        "f_enum",
        "expected a value of enum kitchen.Color, not a string 'COLOR_RD'.",
        "Did you mean 'COLOR_RED'?",
    ),
    ({"w_timestamp": "now"}, "w_timestamp", "expected a Timestamp", ""),
    ({"w_struct": {"a": [1, {"b": math.nan}]}}, 'w_struct["a"][1]["b"]', "expected a number that a Value can hold", ""),
    ({"w_any": {"value": 1}}, "w_any", "an Any needs the type of what it holds.", None),
    ({"w_any": {"@type": "x/no.Such"}}, "w_any.@type", "There is no message type 'no.Such'.", AMONG_PROTOS),
    ({"w_any": {"@type": "x/no.Such", "value": "hi there"}}, "w_any.@type", "There is no message", AMONG_PROTOS),
    ({"w_any": {"@type": "x/no.Such", "value": "aGk=", "a": 1}}, "w_any.@type", "There is no message", AMONG_PROTOS),
    ({"w_any": {"@type": "google.protobuf.Timestmp", "value": "aGk="}}, "w_any.@type", "There is no message", None),
    (
        {"w_any": {"@type": "kitchen.Nested", "nam": 1}},
        "w_any.nam",
        "kitchen.Nested has no field 'nam'.",
        "Did you mean 'name'?",
    ),
    (
        {"w_any": {"@type": "google.protobuf.Duration"}},
        "w_any",
        "an Any that holds a google.protobuf.Duration lacks its value.",
        None,
    ),
    ({"w_any": {"@type": "google.protobuf.Duration", "value": "x"}}, "w_any.value", "expected a Duration", ""),
    (
        {"w_any": {"@type": "google.protobuf.Duration", "value": "1s", "more": 1}},
        "w_any.more",
        "an Any that holds a google.protobuf.Duration has no field 'more'.",
        None,
    ),
    ({"w_any": 5}, "w_any", "expected a mapping with '@type', for a message google.protobuf.Any, not a number 5.", ""),
    ({"f_int32": object}, "f_int32", "expected an int32", ""),
    ([], "", "expected a mapping, for a message kitchen.Everything, not a list.", ""),
    (None, "", "expected a mapping, for a message kitchen.Everything, not null.", ""),
]


@pytest.mark.parametrize(("tree", "path", "text", "hint"), BAD, ids=[str(bad[0])[:50] for bad in BAD])
def test_what_does_not_fit_is_told_with_its_path(tree: Any, path: str, text: str, hint: str | None) -> None:
    _, [problem] = attempt(tree)
    assert problem.path == path
    assert problem.message.startswith(text)
    assert hint is None or problem.hint == hint


def test_an_any_of_an_unknown_type_is_its_bytes() -> None:
    message, problems = attempt({"w_any": {"@type": "no.Such", "value": "aGk="}})
    assert not problems
    assert (message.w_any.type_url, message.w_any.value) == ("type.googleapis.com/no.Such", b"hi")
    assert codec.to_tree(message) == {"w_any": {"@type": "type.googleapis.com/no.Such", "value": "aGk="}}


def test_all_problems_are_told_and_the_path_begins_as_asked() -> None:
    _, problems = attempt({"f_int32": "x", "f_message": {"a": 1, "b": 2}, "r_bool": [1, True, 2]}, path="response")
    paths = [
        "response.f_int32",
        "response.f_message.a",
        "response.f_message.b",
        "response.r_bool[0]",
        "response.r_bool[2]",
    ]
    assert [problem.path for problem in problems] == paths


def test_problems_know_the_places_of_values_and_keys() -> None:
    name = Node("nam", "s.yaml", 3, 5)
    value = Node("x", "s.yaml", 3, 10)
    other = Node(
        {"nam": value, "number": Node("y", "s.yaml", 4, 13)}, "s.yaml", 3, 5, [name, Node("number", "s.yaml", 4, 5)]
    )
    problems = Problems()
    codec.build(other, NESTED, KITCHEN, problems)
    assert [problem.location for problem in problems] == [Location("s.yaml", 3, 5), Location("s.yaml", 4, 13)]


# --- proto2 and editions ----------------------------------------------------------------------------------------------


def test_extensions_and_groups_are_fields() -> None:
    tree = {
        "[legacy.nickname]": "Bob",
        "[legacy.scores]": [1, 2],
        "[legacy.extra]": {"id": 1},
        "[legacy.Scope.scoped]": {"value": "7"},
        "box": {"width": 3},
        "item": [{"title": "a"}],
        "pair": {"left": 1},
    }
    message = build(tree, OLD, LEGACY)
    pool = LEGACY.pool
    assert message.Extensions[pool.FindExtensionByName("legacy.nickname")] == "Bob"
    assert message.Extensions[pool.FindExtensionByName("legacy.Scope.scoped")].value == 7
    assert message.box.width == 3
    assert codec.to_tree(message) == tree
    assert codec.decode(OLD, message.SerializeToString()) == message


def test_an_unknown_extension_names_the_nearest() -> None:
    _, [problem] = attempt({"[legacy.nickname2]": 1}, OLD, LEGACY)
    assert problem.hint == "Did you mean '[legacy.nickname]'?"


def test_an_extension_value_is_checked() -> None:
    _, problems = attempt({"[legacy.extra_level]": 9, "[legacy.nickname]": 1}, OLD, LEGACY)
    assert [problem.path for problem in problems] == ["[legacy.extra_level]", "[legacy.nickname]"]


@pytest.mark.parametrize(
    ("tree", "path", "name"),
    [
        ({"needed": {}}, "needed", "id"),
        ({"needed": {"id": 1, "inner": {"note": "x"}}}, "needed.inner", "id"),
        ({"needed": {"id": None}}, "needed", "id"),
    ],
)
def test_a_missing_required_field_is_told_unless_partial(tree: Any, path: str, name: str) -> None:
    _, [problem] = attempt(tree, OLD, LEGACY)
    assert (problem.path, problem.message) == (path, f"the required field {name} of legacy.Required is missing.")
    assert not attempt(tree, OLD, LEGACY, partial=True)[1]


def test_a_required_field_of_editions_is_required() -> None:
    _, [problem] = attempt({"strict": {}}, MODERN, MODERN_FILES)
    assert problem.rule == "missing-required"


def test_a_copied_message_that_lacks_a_required_field_is_told() -> None:
    _, [problem] = attempt({"needed": LEGACY.message("legacy.Required")()}, OLD, LEGACY)
    assert problem.rule == "missing-required"


def test_a_template_counts_for_a_required_field() -> None:
    build({"needed": {"id": "{{ x }}"}}, OLD, LEGACY, deferred=lambda node: "{{" in node.value)


@pytest.mark.parametrize(
    ("tree", "message_class", "source"),
    [({"level": 7}, OLD, LEGACY), ({"levels": [1, 7]}, OLD, LEGACY), ({"closed": 3}, MODERN, MODERN_FILES)],
)
def test_a_closed_enum_takes_declared_numbers_only(tree: Any, message_class: Any, source: Registry) -> None:
    _, [problem] = attempt(tree, message_class, source)
    assert "declared value of the closed enum" in problem.message
    assert "(1)" in problem.hint


def test_an_open_enum_takes_any_number() -> None:
    assert build({"open": 77}, MODERN, MODERN_FILES).open == 77


# --- Any, templates, messages of other pools --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "inside"),
    [
        ({"@type": "type.googleapis.com/kitchen.Nested", "name": "x"}, NESTED(name="x")),
        ({"name": "x", "@type": "kitchen.Nested"}, NESTED(name="x")),
        ({"@type": "google.protobuf.Int32Value", "value": 5}, KITCHEN.message("google.protobuf.Int32Value")(value=5)),
        ({"@type": "google.protobuf.Empty"}, KITCHEN.message("google.protobuf.Empty")()),
        ({"@type": "google.protobuf.Empty", "value": {}}, KITCHEN.message("google.protobuf.Empty")()),
        (NESTED(name="x"), NESTED(name="x")),
    ],
    ids=str,
)
def test_an_any_holds_what_its_type_says(tree: Any, inside: Any) -> None:
    message = build({"w_any": tree})
    assert message.w_any.type_url == f"type.googleapis.com/{inside.DESCRIPTOR.full_name}"
    unpacked = type(inside)()
    assert message.w_any.Unpack(unpacked)
    assert unpacked == inside


def test_an_any_of_a_special_type_may_hold_null() -> None:
    message = build({"w_any": {"@type": "google.protobuf.Value", "value": None}})
    assert codec.to_tree(message) == {"w_any": {"@type": "type.googleapis.com/google.protobuf.Value", "value": None}}


def test_templates_are_left_out_but_their_fields_are_looked_up() -> None:
    tree = {
        "f_int32": "{{ a }}",
        "f_message": "{{ b }}",
        "r_int32": [1, "{{ c }}"],
        "m_string_int32": {"k": "{{ d }}", "l": 2},
        "w_timestamp": "{{ e }}",
        "w_struct": {"a": "{{ f }}"},
        "w_any": {"@type": "{{ g }}", "whatever": 1},
        "wr_any": [{"@type": "google.protobuf.Duration", "value": "{{ h }}"}],
        "f_string": "plain",
        "nope": "{{ i }}",
    }
    message, [problem] = attempt(tree, deferred=lambda node: "{{" in node.value)
    assert problem.path == "nope"
    assert (message.f_string, message.r_int32, message.f_int32) == ("plain", [1], 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), ("x", "x"), (b"x", "eA=="), (None, "")],
)
def test_loosely_any_scalar_becomes_its_text_in_a_string_field(value: Any, text: str) -> None:
    assert build({"f_string": value}, loose=True).f_string == text
    if value is not None:
        tree = {"r_string": [value], "m_string_string": {"k": value}, "w_string": value}
        message = build(tree, loose=True)
        assert (message.r_string, dict(message.m_string_string), message.w_string.value) == ([text], {"k": text}, text)


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_even_loosely_only_scalars_become_text(value: Any) -> None:
    assert attempt({"f_string": value}, loose=True)[1]


def test_a_message_of_another_pool_is_copied_by_its_bytes() -> None:
    from grpcmock.schema import Registry

    other: Any = Registry(KITCHEN.files).message("kitchen.Nested")
    assert build({"f_message": other(name="x")}).f_message.name == "x"


def test_a_message_of_another_type_is_taken_by_its_fields() -> None:
    assert build({"f_message": NESTED.DESCRIPTOR.nested_types_by_name["Deeper"]._concrete_class()}).HasField(
        "f_message"
    )
    _, [problem] = attempt({"f_message": EVERYTHING(f_int32=1)})
    assert problem.path == "f_message.f_int32"


# --- bounds -----------------------------------------------------------------------------------------------------------


def nested(levels: int, field: str = "f_self") -> Node:
    node = Node({})
    for _ in range(levels):
        node = Node({field: node}, keys=[Node(field)])
    return node


def test_nesting_is_bounded_by_what_protobuf_decodes() -> None:
    problems = Problems()
    message = codec.build(nested(99), EVERYTHING, KITCHEN, problems)
    assert not list(problems)
    assert codec.decode(EVERYTHING, message.SerializeToString()) == message
    codec.build(nested(100), EVERYTHING, KITCHEN, problems)
    assert [problem.rule for problem in problems] == ["nested-too-deep"]


@pytest.mark.parametrize("field", ["f_self", "w_struct", "w_value"])
def test_a_tree_nested_without_end_is_a_problem_not_a_crash(field: str) -> None:
    problems = Problems()
    node = nested(100_000, "f_self")
    codec.build(Node({field: node}, keys=[Node(field)]), EVERYTHING, KITCHEN, problems)
    assert len(list(problems)) == 1
    # The garbage collector would take such a chain of nodes down recursively; that is not what is tested here.
    while node.value:
        node.value, node = {}, node.value["f_self"]


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*EVERYTHING.DESCRIPTOR.fields_by_name, "@type", "value"])
            | st.text(max_size=3)
            | st.integers(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES, st.booleans())
def test_no_tree_whatsoever_makes_it_raise(tree: Any, loose: bool) -> None:
    message, problems = attempt(tree, loose=loose)
    message.SerializeToString()
    assert all(problem.message for problem in problems)


def test_no_field_is_read_that_is_not_there() -> None:
    empty = Registry(descriptor_pb2.FileDescriptorSet(file=[{"name": "a", "message_type": [{"name": "A"}]}]))  # type: ignore[list-item]
    _, [problem] = attempt({"a": 1}, empty.message("A"), empty)
    assert str(problem) == "a: A has no field 'a'. It has no fields."
