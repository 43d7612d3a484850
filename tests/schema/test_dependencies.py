"""The import graph: what a file needs stands before it, what follows from it is found, circles are told once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from grpcmock.schema.dependencies import Dependencies

NAMES = "abcdefgh"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3, unique=True))


def reached(graph: dict[str, list[str]], start: str) -> set[str]:
    """Follow imports one step at a time until nothing new is found."""
    found = {start}
    while new := {other for name in found for other in graph.get(name, ())} - found:
        found |= new
    return found


@given(GRAPHS, st.sampled_from(NAMES))
def test_what_is_behind_a_file_is_all_that_it_reaches(graph: dict[str, list[str]], start: str) -> None:
    behind = Dependencies(graph).behind(start)
    assert set(behind) == reached(graph, start)
    assert len(behind) == len(set(behind))
    assert behind[-1] == start


@given(GRAPHS, st.sets(st.sampled_from(NAMES), max_size=3))
def test_upon_files_are_those_that_reach_them(graph: dict[str, list[str]], names: set[str]) -> None:
    reaching = {name for name in graph if reached(graph, name) & names}
    assert Dependencies(graph).upon(names) == reaching | names


@given(GRAPHS)
def test_circles_are_found_if_and_only_if_there_are_any(graph: dict[str, list[str]]) -> None:
    circles = Dependencies(graph).circles()
    in_one = {name for name in graph if any(name in reached(graph, other) for other in graph[name])}
    assert bool(circles) == bool(in_one)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert all(after in graph[before] for before, after in pairwise(circle))
        assert set(circle) <= in_one


@given(GRAPHS)
def test_without_circles_each_file_stands_after_its_imports(graph: dict[str, list[str]]) -> None:
    dependencies = Dependencies(graph)
    untouched = set(graph) - dependencies.upon(name for circle in dependencies.circles() for name in circle)
    for name in untouched:
        behind = dependencies.behind(name)
        for one in behind:
            assert all(behind.index(other) < behind.index(one) for other in graph.get(one, ()))
