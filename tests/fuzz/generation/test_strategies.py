# mypy: disable-error-code="attr-defined"
"""The strategy of messages, alone and by ``st.from_type``."""

from __future__ import annotations

import subprocess
import sys
from random import Random
from typing import Any

import pytest
from fuzz_worlds import generators, registry
from google.protobuf import descriptor_pb2, duration_pb2, timestamp_pb2
from hypothesis import find, given, settings
from hypothesis import strategies as st

from grpcmock.errors import SchemaError
from grpcmock.fuzz import messages

User = registry().message("user.UserResponse")
Order = registry().message("rules.Order")


@settings(max_examples=30)
@given(messages(User, name=st.just("Ada"), id=st.none() | st.integers(1, 3)))
def test_fields_can_be_given(user: Any) -> None:
    assert isinstance(user, User)
    assert user.name == "Ada"
    assert user.id in (0, 1, 2, 3)


@settings(max_examples=30)
@given(messages(Order, only=["id", "lines", "labels"], exclude=["labels"]))
def test_fields_can_be_left_out(order: Any) -> None:
    assert {field.name for field, _ in order.ListFields()} <= {"id", "lines"}


@settings(max_examples=20)
@given(messages(Order, {"customer": messages(registry().message("rules.Customer"), city=st.just("Ys"))}, depth=1))
def test_strategies_nest_and_names_may_stand_in_a_mapping(order: Any) -> None:
    assert order.customer.city == "Ys"


@pytest.mark.parametrize("options", [{"only": ["nmae"]}, {"exclude": ["nmae"]}, {"nmae": st.none()}])
def test_a_field_that_is_not_there_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=r"user.UserResponse has no field 'nmae'. Did you mean 'name'\?"):
        messages(User, **options)


@settings(max_examples=25)
@given(messages(registry().message("rules.Numbers")))
def test_messages_are_valid(message: Any) -> None:
    assert not generators().of(type(message)).broken(message)


def test_any_message_if_validity_is_not_asked_for() -> None:
    numbers = registry().message("rules.Numbers")
    assert find(messages(numbers, valid=False), lambda m: m.between == 0) == numbers()


@settings(max_examples=20)
@given(st.from_type(Order), st.from_type(timestamp_pb2.Timestamp), st.from_type(descriptor_pb2.FileDescriptorProto))
def test_types_resolve_to_messages(order: Any, moment: Any, file: Any) -> None:
    assert isinstance(order, Order)
    assert isinstance(moment, timestamp_pb2.Timestamp)
    assert moment.ToJsonString()
    assert isinstance(file, descriptor_pb2.FileDescriptorProto)


@settings(max_examples=10)
@given(st.builds(dict, a=st.lists(st.from_type(duration_pb2.Duration), max_size=2)))
def test_they_serve_inside_of_other_strategies(made: Any) -> None:
    assert all(isinstance(one, duration_pb2.Duration) for one in made["a"])


def test_examples_shrink_to_what_matters() -> None:
    def large(order: Any) -> bool:
        return any(line.quantity > 3 for line in order.lines)

    found: Any = find(messages(Order), large, random=Random(1))
    assert [field.name for field, _ in found.ListFields()] == ["lines"]
    assert [line.quantity for line in found.lines] == [4]
    assert repr(messages(User)).startswith("messages(")


def test_a_strategy_registered_by_the_user_goes_before() -> None:
    special = registry().message("rules.Chunk")
    st.register_type_strategy(special, st.just(special(file_id="mine")))
    assert find(st.from_type(special), lambda _: True).file_id == "mine"  # type: ignore[attr-defined]


def test_importing_hypothesis_costs_nothing() -> None:
    code = (
        "import sys, hypothesis, grpcmock.fuzz.generation.hypothesis_plugin as r; r.register();"
        "print([n for n in ('grpc', 'google.protobuf', 'protovalidate', 'yaml') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
