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
    gathered = list(generator.combined_boundaries(boundaries, valid=valid))
    sub_cases = [boundary.id for combined in gathered for boundary in combined.boundaries]
    assert len(set(sub_cases)) == len(sub_cases)
    assert set(sub_cases) <= {one.id for one in boundaries if one.valid is valid and one.position is not None}
    assert all(len(combined.boundaries) > 1 for combined in gathered)
    if valid:
        assert not any(generator.broken(combined.message) for combined in gathered)


def test_a_gathering_holds_what_its_members_hold() -> None:
    generator = generators().of(registry().message("user.UserResponse"))
    found = list(generator.combined_boundaries(generator.boundaries(), valid=True))
    assert found
    for combined in found:
        for boundary in combined.boundaries:
            name = boundary.path
            if name.isidentifier():
                value, alone = getattr(combined.message, name), getattr(boundary.message, name)
                assert value == alone or (value != value and alone != alone)


def test_arms_of_a_oneof_and_a_message_with_its_own_fields_are_apart() -> None:
    generator = generators().of(registry().message("kitchen.Everything"))
    for combined in generator.combined_boundaries(generator.boundaries(), valid=True):
        paths = [boundary.path for boundary in combined.boundaries]
        assert len(set(paths)) == len(paths)
        assert not any(other.startswith((f"{path}.", f"{path}[")) for path in paths for other in paths)
