# mypy: disable-error-code="arg-type"
"""Hints: values learned by name are tried, and what was recorded before they came goes on to mean the same."""

from __future__ import annotations

from typing import Any

from fuzz_worlds import registry

from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.generation.hints import MOST, Hints


def _ids(hints: Hints, count: int = 200) -> set[int]:
    generator: Any = Generators(registry(), hints=hints).of(registry().message("user.GetUserRequest"))
    return {generator.generate(RandomSource("hints", number)).id for number in range(count)}


def test_a_value_is_tried_where_its_name_fits() -> None:
    hints = Hints()
    assert hints.learn("id", 123_456)
    assert not hints.learn("id", 123_456)
    assert 123_456 in _ids(hints)
    assert 123_456 not in _ids(Hints())


def test_a_message_teaches_the_names_of_its_fields_and_its_own() -> None:
    hints = Hints()
    user = registry().message("user.UserResponse")
    hints.learn_message(user(id=987_654, name="Ada"))
    assert 987_654 in _ids(hints)
    order: Any = Generators(registry(), hints=hints).of(registry().message("rules.Line"))
    assert order
    books = registry().message("rules.Order").DESCRIPTOR.fields_by_name["customer_id"]
    hints.learn_message(registry().message("rules.Customer")(city="Ys"))
    assert hints.of(books) == []
    hints.learn("customer_id", 5)
    assert hints.of(books) == [5]


def test_full_names_reach_one_field_alone() -> None:
    hints = Hints()
    hints.learn("user.GetUserRequest.id", 77_777)
    assert 77_777 in _ids(hints)
    other = registry().message("user.UserResponse").DESCRIPTOR.fields_by_name["id"]
    assert hints.of(other) == []


def test_values_must_fit_the_type() -> None:
    hints = Hints()
    field = registry().message("user.GetUserRequest").DESCRIPTOR.fields_by_name["id"]
    assert hints.learn("id", 2**40)
    assert hints.learn("id", "text")
    assert not hints.learn("id", True)
    assert not hints.learn("id", "")
    assert hints.of(field) == []


def test_what_was_recorded_means_the_same_when_hints_have_grown() -> None:
    hints = Hints()
    generator = Generators(registry(), hints=hints).of(registry().message("rules.Order"))
    recorded = []
    for number in range(60):
        source = RandomSource("growing", number)
        message = generator.generate(source)
        recorded.append((source.take(), message.SerializeToString(deterministic=True)))
        hints.learn_message(message)
    for choices, data in recorded:
        assert generator.generate(ReplaySource(choices)).SerializeToString(deterministic=True) == data


def test_the_dictionary_is_bounded() -> None:
    hints = Hints()
    assert sum(hints.learn("id", number) for number in range(1, 100)) == MOST


def test_hints_that_break_a_rule_are_mended() -> None:
    hints = Hints()
    generator = Generators(registry(), hints=hints).of(registry().message("rules.Numbers"))
    hints.learn("between", 5)
    hints.learn("between", 1002)
    made: list[Any] = [generator.generate(RandomSource("fixed", number)) for number in range(100)]
    assert not any(generator.broken(message) for message in made)
