from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.collector import full_collections_paused, keep, let_go


@pytest.fixture
def generations() -> Iterator[list[int]]:
    """The generations that are collected meanwhile, with a collector that is eager to collect all of them."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    usual = gc.get_threshold()
    gc.freeze()
    gc.collect()  # from here on few objects are old, so that soon all are due
    gc.set_threshold(10, 2, 2)
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*usual)
    gc.unfreeze()


def test_meanwhile_only_what_is_new_is_collected(generations: list[int]) -> None:
    with full_collections_paused():
        generations.clear()
        kept = [[number] for number in range(2_000)]
        paused = [*generations]
    kept += [[number] for number in range(2_000)]
    assert 1 in paused, "new objects are"
    assert 2 not in paused
    assert 2 in generations[len(paused) :], "afterwards all are"


@given(st.lists(st.integers(0, 3)))
def test_the_collector_is_as_before_once_all_pauses_are_over(order: list[int]) -> None:
    """Pauses of several threads may end in any order."""
    before = gc.get_threshold()
    stacks = [ExitStack() for _ in range(4)]
    for number in order:
        stacks[number].enter_context(full_collections_paused())
    assert (gc.get_threshold() != before) == bool(order)
    for number in {*order}:
        assert gc.get_threshold() != before
        stacks[number].close()
    assert gc.get_threshold() == before
    assert gc.isenabled()


def test_what_is_kept_is_freed_when_nobody_refers_to_it() -> None:
    freed = threading.Event()

    class Thing:
        def __del__(self) -> None:
            freed.set()

    thing = Thing()
    keep()
    try:
        del thing
        assert freed.is_set()
    finally:
        gc.unfreeze()


def test_other_threads_get_their_turns_while_objects_are_let_go() -> None:
    left: list[int] = []

    class Thing:
        def __del__(self) -> None:
            left.append(len(things))

    things = [Thing() for _ in range(5)]
    let_go(things)
    assert left == [4, 3, 2, 1, 0], "each is freed before the next is touched"
