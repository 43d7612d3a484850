"""Values of well-known types, as matchers see them and as requests are made of them."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.matching.leaves import WELL_KNOWN

MASK: Any = WELL_KNOWN["google.protobuf.FieldMask"]


@pytest.mark.parametrize("written", ["b,a", "a,b", "rateLimits.max,retry,age", "a", "b,a,b", ""])
def test_a_mask_is_written_as_it_was_read(written: str) -> None:
    assert MASK.plain(MASK.read(written)) == written


def test_masks_of_the_same_paths_are_equal_in_whatever_order() -> None:
    one, other = MASK.read("b,a"), MASK.read("a,b")
    assert one == other == frozenset({"a", "b"})
    assert hash(one) == hash(other) == hash(frozenset({"a", "b"}))
    assert MASK.plain(frozenset({"b", "a"})) == "a,b"
