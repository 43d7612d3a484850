# mypy: disable-error-code="attr-defined"
"""Shrinking: what the seeded driver found becomes as small as one would make it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fuzz_worlds import generators, registry
from hypothesis import given, settings

from grpcmock.fuzz.generation.choice_shrinking import shrink
from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource
from grpcmock.fuzz.generation.message_shrinking import minimize
from grpcmock.fuzz.generation.messages import messages

CASES: dict[str, tuple[str, Callable[[Any], bool], int]] = {
    "two fields that must meet": (
        "rules.Order",
        lambda m: any(n.quantity < 0 for n in m.lines) and m.total.units > 5,
        2,
    ),
    "a long string": ("user.UserResponse", lambda m: len(m.name) > 100, 1),
    "deep inside": ("rules.Tree", lambda m: any(c.HasField("parent") for c in m.children), 1),
    "an entry of a map": ("kitchen.Everything", lambda m: any(v.number for v in m.m_string_message.values()), 1),
    "an arm of a oneof": ("kitchen.Everything", lambda m: m.WhichOneof("choice") == "c_message", 1),
    "an undeclared number": ("kitchen.Everything", lambda m: m.f_enum not in (0, 1, 2, 5, -1), 1),
    "a character": ("user.CreateUserRequest", lambda m: "\x00" in m.name, 1),
    "many items": ("user.BatchResult", lambda m: len(m.ids) >= 10, 1),
    "a moment": ("kitchen.Everything", lambda m: m.w_timestamp.seconds < 0, 1),
    "an extension": ("legacy.Old", lambda m: any(f.name == "nickname" for f, _ in m.ListFields()), 1),
}


def _found(name: str, fails: Callable[[Any], bool]) -> tuple[Any, tuple[int, ...]]:
    generator = generators().of(registry().message(name))
    for number in range(5000):
        source = RandomSource("shrunk", number)
        if fails(generator.generate(source)):
            return generator, source.take()
    raise AssertionError("nothing to shrink")


@pytest.mark.parametrize("case", CASES)
def test_what_was_found_becomes_small(case: str) -> None:
    name, fails, fields = CASES[case]
    generator, choices = _found(name, fails)
    shrunk = shrink(generator, choices, fails, max_tries=300)
    assert fails(shrunk.message)
    assert fails(generator.generate(ReplaySource(shrunk.choices)))
    assert len(shrunk.message.ListFields()) <= fields
    assert shrunk.tries <= 300


def test_values_become_plain() -> None:
    generator, choices = _found("rules.Order", CASES["two fields that must meet"][1])
    message: Any = shrink(generator, choices, CASES["two fields that must meet"][1]).message
    assert (message.lines[0].quantity, message.total.units, len(message.lines)) == (-1, 6, 1)


def test_a_valid_message_stays_valid_and_a_violation_stays_the_same() -> None:
    generator = generators().of(registry().message("rules.Numbers"))
    for number in range(100):
        source = RandomSource("stays", number)
        if generator.generate(source).even:  # type: ignore[attr-defined]
            break
    shrunk = shrink(generator, source.take(), lambda m: m.even != 0, max_tries=200)
    assert not generator.broken(shrunk.message)
    violation = next(one for one in generator.violations() if one.path == "between")
    source = RandomSource("broken")
    generator.generate(source, violation)
    shrunk = shrink(generator, source.take(), lambda _: True, violation=violation, max_tries=200)
    assert {(one.path, one.rule) for one in generator.broken(shrunk.message)} == {("between", "int32.gt_lte")}


def test_what_does_not_fail_again_is_left_alone() -> None:
    generator = generators().of(registry().message("user.UserResponse"))
    source = RandomSource(3)
    message = generator.generate(source)
    shrunk = shrink(generator, source.choices, lambda _: False)
    assert (shrunk.message, shrunk.tries) == (message, 1)


def test_tries_are_bounded_and_no_message_is_tried_twice() -> None:
    generator, choices = _found("kitchen.Everything", lambda m: len(m.ListFields()) > 20)
    tried: list[bytes] = []

    def fails(message: Any) -> bool:
        tried.append(message.SerializePartialToString(deterministic=True))
        return len(message.ListFields()) > 8

    shrunk = shrink(generator, choices, fails, max_tries=60)
    assert len(tried) == shrunk.tries <= 60
    assert len(set(tried)) == len(tried)


@settings(max_examples=25)
@given(messages(registry().message("kitchen.Nested"), depth=2))
def test_minimizing_leaves_nothing_to_drop(message: Any) -> None:
    assert minimize(message, lambda _: True).ByteSize() == 0
    fields = {field.name for field, _ in message.ListFields()}
    kept = minimize(message, lambda m: {field.name for field, _ in m.ListFields()} == fields)
    assert {field.name for field, _ in kept.ListFields()} == fields
    assert kept.ByteSize() <= message.ByteSize()
    assert all(len(text) <= 1 for text in (kept.name, *kept.tags))
