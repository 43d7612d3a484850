"""Rules broken one at a time: each violation fails with exactly its rule."""

from __future__ import annotations

import pytest
from fuzz_worlds import NAMES, RULED, generators, registry

from grpcmock.errors import SchemaError
from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource
from grpcmock.fuzz.generation.violation import Violation


@pytest.mark.parametrize("name", NAMES)
def test_each_violation_breaks_its_rule_and_no_other(name: str) -> None:
    generator = generators().of(registry().message(name))
    for violation in generator.violations():
        for number in range(4):
            source = RandomSource("broken", name, violation.id, number)
            message = generator.generate(source, violation)
            broken = generator.broken(message)
            assert {(one.path, one.rule) for one in broken} == {(violation.path, violation.rule)}
            again = generator.generate(ReplaySource(source.choices), violation)
            assert again.SerializePartialToString(deterministic=True) == message.SerializePartialToString(
                deterministic=True
            )


@pytest.mark.parametrize("name", RULED)
def test_every_rule_of_a_field_can_be_broken(name: str) -> None:
    generator = generators().of(registry().message(name))
    found = {violation.path.split("[")[0].split(".")[0] for violation in generator.violations()}
    free = {
        "rules.Strings": {"example", "free"},
        "rules.Others": {"value", "list"},
        "rules.Book": {"name"},
        "rules.Together": {"start", "end", "share", "whole", "first", "second", "a", "b", "c"},
        "required.Badge": {"name"},
    }
    assert {field.name for field in generator.descriptor.fields} - found == free.get(name, set())


def test_rules_inside_of_lists_and_about_several_fields_together() -> None:
    found = {violation.id for violation in generators().of(registry().message("rules.Everything")).violations()}
    assert {"numbers.between~int32.gt_lte", "collections.tags[]~string.max_len", "together[]~order"} <= found
    assert {"others.choice~required", "together[]~message.oneof", "strings.email~string.email"} <= found


def test_violations_are_listed_alike_each_time() -> None:
    generator = generators().of(registry().message("rules.Collections"))
    assert generator.violations() == generator.violations()
    assert len(set(generator.violations())) == len(generator.violations())


def test_annotations_can_be_broken_too() -> None:
    found = generators().of(registry().message("rules.Book")).violations()
    assert {violation.rule for violation in found} == {"google.api.resource", "google.api.field_info"}


def test_a_violation_that_is_not_there_is_named_with_the_nearest() -> None:
    generator = generators().of(registry().message("rules.Numbers"))
    with pytest.raises(SchemaError, match=r"betwen~int32.gt_lte alone. Did you mean 'between~int32.gt_lte'"):
        generator.generate(RandomSource(1), Violation("betwen", "int32.gt_lte", ""))
