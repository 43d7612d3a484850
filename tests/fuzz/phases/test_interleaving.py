"""The order of cases: one of each sort, then the next of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grpcmock.fuzz.phases.interleaving import in_turns


def test_sorts_take_turns() -> None:
    assert list(in_turns(["a1", "a2", "a3", "b1", "c1", "c2"], key=lambda item: item[0])) == [
        "a1", "b1", "c1", "a2", "c2", "a3",
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers())))
def test_nothing_is_lost_and_each_sort_keeps_its_order(items: list[tuple[str, int]]) -> None:
    ordered = list(in_turns(items, key=lambda item: item[0]))
    for sort in "abc":
        assert [item for item in ordered if item[0] == sort] == [item for item in items if item[0] == sort]
    assert len(ordered) == len(items)
