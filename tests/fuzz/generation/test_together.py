"""Messages that hold many boundaries at once."""

from __future__ import annotations

import pytest
from fuzz_worlds import NAMES, generators, registry

NAMED = [name for name in NAMES if name not in ("required.Badge", "rules.Together")]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("valid", [True, False])
def test_each_boundary_is_in_one_message_and_valid_ones_make_a_valid_one(name: str, valid: bool) -> None:
    generator = generators().of(registry().message(name))
    boundaries = list(generator.boundaries())
    gathered = list(generator.gatherings(boundaries, valid=valid))
    members = [boundary.id for gathering in gathered for boundary in gathering.boundaries]
    assert len(set(members)) == len(members)
    assert set(members) <= {one.id for one in boundaries if one.valid is valid and one.place is not None}
    assert all(len(gathering.boundaries) > 1 for gathering in gathered)
    if valid:
        assert not any(generator.broken(gathering.message) for gathering in gathered)


def test_a_gathering_holds_what_its_members_hold() -> None:
    generator = generators().of(registry().message("user.UserResponse"))
    found = list(generator.gatherings(generator.boundaries(), valid=True))
    assert found
    for gathering in found:
        for boundary in gathering.boundaries:
            name = boundary.path
            if name.isidentifier():
                value, alone = getattr(gathering.message, name), getattr(boundary.message, name)
                assert value == alone or (value != value and alone != alone)


def test_arms_of_a_oneof_and_a_message_with_its_own_fields_are_apart() -> None:
    generator = generators().of(registry().message("kitchen.Everything"))
    for gathering in generator.gatherings(generator.boundaries(), valid=True):
        paths = [boundary.path for boundary in gathering.boundaries]
        assert len(set(paths)) == len(paths)
        assert not any(other.startswith((f"{path}.", f"{path}[")) for path in paths for other in paths)
