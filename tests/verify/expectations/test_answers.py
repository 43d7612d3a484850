"""What a stub expects: its own answer pleases it, and where all must be equal, no other one does."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from strategies import messages
from verifying import kitchen

from grpcmock.errors import Problems
from grpcmock.matching.patterns import Pattern
from grpcmock.responses.context import RenderContext
from grpcmock.responses.templates import Scope
from grpcmock.schema.codec import to_tree
from grpcmock.stubs.dump import literals
from grpcmock.stubs.model import Stub, Verify
from grpcmock.tree import Node
from grpcmock.verify.expectations.answers import ExpectationBuilder

REGISTRY = kitchen()
EVERYTHING = REGISTRY.message("kitchen.Everything")
METHOD = REGISTRY.method("kitchen.KitchenService/Unary")


def expected(
    tree: Any,
    compare: Literal["exact", "subset"] = "subset",
    ignore: tuple[str, ...] = (),
    response: Any = None,
    **context: Any,
) -> Pattern:
    problems = Problems()
    own = Node.of(response) if response is not None else None
    verify = Verify(compare=compare, ignore=ignore, response=own)
    stub = Stub(method=METHOD.full_name, name="stub", verify=verify)
    expectations = ExpectationBuilder(Scope(stub, METHOD, REGISTRY, problems))
    message = expectations.message(Node.of(tree), "response", RenderContext(**context))
    assert not problems.errors, [str(problem) for problem in problems]
    return message.pattern


@settings(max_examples=30)
@given(messages(EVERYTHING, depth=2), messages(EVERYTHING, depth=2))
def test_a_message_pleases_what_was_made_of_it(message: Message, other: Message) -> None:
    tree = literals(to_tree(message))
    assert expected(tree).holds(message)
    exact = expected(tree, "exact")
    assert exact.holds(message)
    if to_tree(other) != to_tree(message):
        assert not exact.holds(other)


@settings(max_examples=30)
@given(messages(EVERYTHING, depth=2))
def test_a_message_given_in_python_is_expected_as_well_as_its_tree(message: Message) -> None:
    for compare in ("exact", "subset"):
        assert expected(message, compare).holds(message)


TREE = {"f_string": "{{ request.f_string }}", "f_int32": "{{ request.f_int32 }}", "o_string": "{{ request.f_string }}"}


@pytest.mark.parametrize(
    ("tree", "came", "holds"),
    [
        (TREE, {"f_string": "other", "f_int32": 9, "o_string": ""}, True),
        (TREE, {"f_string": "", "f_int32": 9, "o_string": ""}, False),
        (TREE, {"f_string": "x", "f_int32": 9}, False),
        ({"f_int64": "{{ request.f_int64 }}"}, {}, True),  # rendered, it is the default, too
        ({"r_int32": "{{ range(1, 4) }}"}, {"r_int32": [1, 2, 3]}, True),
        ({"r_int32": "{{ range(1, 4) }}"}, {"r_int32": [7]}, False),  # nothing in it depends on the call
        ({"r_int32": "{{ range(request.f_int32) }}"}, {"r_int32": [7]}, True),
        ({"r_int32": "{{ range(request.f_int32) }}"}, {}, False),
        ({"r_int32": ["{{ request.f_int32 }}", 5]}, {"r_int32": [8, 5]}, True),
        ({"r_int32": ["{{ request.f_int32 }}", 5]}, {"r_int32": [8]}, False),
        ({"f_message": "{{ request.f_message }}"}, {"f_message": {"number": 1}}, True),
        ({"f_message": "{{ request.f_message }}"}, {}, False),
        ({"m_string_string": {"a": "{{ uuid() }}"}}, {"m_string_string": {"a": "b", "c": "d"}}, True),
        ({"m_string_string": {"a": "{{ uuid() }}"}}, {"m_string_string": {"c": "d"}}, False),
        ({"w_struct": {"n": "{{ request.f_int32 }}"}}, {"w_struct": {"n": 4, "m": 5}}, True),
        ({"w_struct": {"n": "{{ request.f_int32 }}"}}, {"w_struct": {"n": "4"}}, False),
        ({"w_value": "{{ request.f_string }}"}, {"w_value": "anything"}, True),
        ({"w_value": "{{ request.f_string }}"}, {"w_value": 3}, False),
        ({"w_timestamp": "{{ now() }}"}, {"w_timestamp": "2001-01-01T00:00:00Z"}, True),
        ({"w_timestamp": "{{ now() }}"}, {}, False),
        ({"o_string": None}, {}, True),
        ({"o_string": None}, {"o_string": ""}, False),
        ({"f_string": "{{ none if request.f_int32 else 'x' }}"}, {"f_string": "y"}, True),
        ("{{ request }}", {"f_int32": 99}, True),
    ],
)
def test_a_template_stands_for_any_value_of_its_type(tree: Any, came: dict[str, Any], holds: bool) -> None:
    request = EVERYTHING(f_string="x", f_int32=3)
    request.f_message.name = "n"  # type: ignore[attr-defined]
    from grpcmock.schema.codec import build

    message = build(Node.of(came), EVERYTHING, REGISTRY, Problems())
    assert expected(tree, request=request, requests=(request,)).holds(message) is holds


@pytest.mark.parametrize(
    ("ignore", "holds"),
    [
        (("f_message.number",), True),
        (("f_message",), True),
        (("fMessage.number",), True),
        (("r_message[0].name", "f_message.number"), True),
        (("f_string",), False),
    ],
)
def test_ignored_fields_are_not_looked_at(ignore: tuple[str, ...], holds: bool) -> None:
    tree = {"f_message": {"name": "a", "number": 1}, "f_string": "s"}
    message = EVERYTHING(f_string="s", f_message={"name": "a", "number": 2})
    for compare in ("exact", "subset"):
        assert expected(tree, compare, ignore).holds(message) is holds  # type: ignore[arg-type]


def test_ignored_fields_may_be_there_although_all_must_be_equal() -> None:
    message = EVERYTHING(f_string="s", r_message=[{"name": "a", "number": 1}], m_string_string={"a": "b"})
    tree = {"f_string": "s", "r_message": [{"name": "a"}]}
    assert not expected(tree, "exact").holds(message)
    assert expected(tree, "exact", ("m_string_string", "r_message.number")).holds(message)


ANSWER = {"f_string": "a", "f_int32": 7, "f_message": {"name": "n", "number": 1}, "m_string_int32": {"k": 1, "l": 2}}


@pytest.mark.parametrize("compare", ["subset", "exact"])
@pytest.mark.parametrize(
    ("response", "changes", "holds"),
    [
        ({"f_string": {"$regex": "^b"}}, {"f_string": "bc"}, True),
        ({"f_string": {"$regex": "^b"}}, {}, False),
        ({"fString": {"$regex": "^b"}}, {"f_string": "bc"}, True),
        ({"f_string": {"$regex": "^b"}}, {"f_string": "bc", "f_int32": 8}, False),
        ({"f_message": {"name": {"$size": 2}}}, {"f_message": {"name": "nn", "number": 1}}, True),
        ({"f_message": {"name": {"$size": 2}}}, {"f_message": {"name": "nn", "number": 2}}, False),
        ({"f_message": {"$exists": True}}, {"f_message": {"number": 9}}, True),
        ({"f_message": {"name": None}}, {"f_message": {"number": 1}}, True),
        ({"f_bool": {"$in": [True]}}, {"f_bool": True}, True),
        ({"f_bool": {"$in": [True]}}, {}, False),
        ({"$or": [{"f_int32": 8}, {"f_int32": 9}]}, {"f_int32": 9, "f_string": "x"}, True),
    ],
)
def test_a_pattern_of_ones_own_counts_in_place_of_what_is_answered(
    compare: Any, response: Any, changes: dict[str, Any], holds: bool
) -> None:
    came = EVERYTHING(**{**ANSWER, **changes})
    assert expected(ANSWER, compare, response=response).holds(came) is holds


def test_a_pattern_of_ones_own_counts_in_place_of_a_template() -> None:
    written = {"f_string": "{{ request.f_string }}"}
    pattern = expected(written, response={"f_string": {"$prefix": "b"}}, request=EVERYTHING())
    assert pattern.holds(EVERYTHING(f_string="bc"))
    assert not pattern.holds(EVERYTHING(f_string="c"))


def test_a_pattern_of_ones_own_reaches_into_maps() -> None:
    pattern = expected(ANSWER, response={"m_string_int32": {"k": {"$gt": 5}}})
    assert pattern.holds(EVERYTHING(**{**ANSWER, "m_string_int32": {"k": 6, "l": 2}}))
    assert not pattern.holds(EVERYTHING(**{**ANSWER, "m_string_int32": {"k": 6, "l": 3}}))


@pytest.mark.parametrize(
    "struct", [{"$gt": 1}, {"$gt": 1, "b": 2}, {"a": {"$x": 1, "b": 2}}, {"a": [{"$x": 1, "b": 2}]}]
)
def test_keys_of_a_struct_that_look_like_operators_are_data(struct: Any) -> None:
    assert expected({"w_struct": struct}).holds(EVERYTHING(w_struct=struct))
    assert not expected({"w_struct": struct}).holds(EVERYTHING(w_struct={"$gt": 2}))
