"""The order of a run: the first parts of all phases, then the second ones, and each case once."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import registry

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import USUAL_PHASES, Phase
from grpcmock.fuzz.phases.all_phases import cases_of
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.schedule import slice_of, turns

USERS = registry("user.proto")
METHODS = tuple(sorted(USERS.methods.values(), key=lambda method: method.full_name))


def plan() -> Plan:
    return Plan(
        registry=USERS, methods=METHODS, expectations=Expectations(registry=USERS), generators=Generators(USERS), seed=3
    )


def test_every_case_is_made_once_and_no_phase_is_done_before_the_others_have_begun() -> None:
    phases, made, seen = tuple(Phase), plan(), []
    for course in turns(phases, made, max_cases=10):
        cases = list(course.take(()))
        assert {case.phase for case in cases} <= {course.phase}
        seen.append((course.phase, [case.id for case in cases]))
    ids = [trial_id for _, part in seen for trial_id in part]
    assert len(set(ids)) == len(ids)
    assert {phase for phase, _ in seen[: len(phases)]} == set(phases)
    fixed = [phase for phase in phases if phase is not Phase.RANDOM]
    expected = {case.id for phase in fixed for method in METHODS for case in cases_of(phase, method, plan())}
    assert {name for name in ids if not name.startswith("random/")} == expected


@given(sizes=st.lists(st.integers(min_value=0, max_value=60), max_size=40))
@settings(max_examples=15)
def test_a_turn_that_is_broken_off_goes_on_where_it_was(sizes: list[int]) -> None:
    phases, ids = (Phase.BOUNDARY, Phase.RANDOM, Phase.STATEFUL), []
    left = iter(sizes)
    for course in turns(phases, plan(), max_cases=10):
        ids += [case.id for case in islice(course.take(()), next(left, None))]
    whole = [case.id for course in turns(phases, plan(), max_cases=10) for case in course.take(())]
    assert sorted(ids) == sorted(whole)


@given(seconds=st.floats(min_value=10, max_value=1000))
def test_every_phase_comes_to_its_turn_before_the_time_is_up(seconds: float) -> None:
    left = seconds
    for _ in USUAL_PHASES:
        assert left > seconds / 6
        left -= slice_of(left)


@pytest.mark.parametrize("most", [0, 1, 5, 50])
def test_random_cases_end_at_their_number_for_each_method(most: int) -> None:
    counts: Counter[str] = Counter()
    for course in turns((Phase.RANDOM,), plan(), max_cases=most):
        assert course.planned is not None
        before = course.planned
        cases = list(course.take(()))
        assert course.planned == before - len(cases)
        counts.update(case.method.name for case in cases)
    assert counts == {method.name: most for method in METHODS if most}


def test_methods_take_turns_and_those_that_are_stopped_have_none() -> None:
    stopped = {METHODS[0]}
    cases = list(next(turns((Phase.BOUNDARY,), plan(), max_cases=1)).take(stopped))
    assert not any(case.method in stopped for case in cases)
    assert len({case.method for case in cases[: len(METHODS) - 1]}) == len(METHODS) - 1
