"""Trials under way: all are taken up once, in an order that has nothing to do with how fast they are answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.fuzz.run.isolation import Company, company
from grpcmock.fuzz.model.results import Ending, Evidence, Health, Reply
from grpcmock.fuzz.run.case_pool import Flight
from grpcmock.fuzz.model.cases import Expect, Phase, Trial, call_of

METHODS = registry("user.proto").methods
WRITES, READS = METHODS["/user.UserService/CreateUsers"], METHODS["/user.UserService/GetUser"]

_SHAPES: dict[Company, Any] = {
    Company.NONE: (READS, Phase.STATEFUL, {}),
    Company.IDLERS: (WRITES, Phase.WIRE, {"expect": Expect.SAME}),
    Company.READERS: (READS, Phase.WIRE, {"expect": Expect.SAME}),
    Company.WATCHERS: (READS, Phase.BOUNDARY, {"waits": True, "aims": frozenset({"G107"})}),
    Company.LEAVERS: (WRITES, Phase.BOUNDARY, {"waits": True, "aims": frozenset({"G109"})}),
    Company.ANY: (READS, Phase.RANDOM, {}),
    Company.WAITING: (READS, Phase.WIRE, {"waits": True}),
}


def made(kinds: list[Company]) -> list[Trial]:
    trials = []
    for number, kind in enumerate(kinds):
        method, phase, about = _SHAPES[kind]
        trial = Trial(id=str(number), phase=phase, method=method, calls=(call_of(method, b""),), why="", **about)
        assert company(trial, ()) is kind
        trials.append(trial)
    return trials


class World:
    """A server that takes a few turns of the loop for each trial, and can be brought down."""

    def __init__(self, turns: dict[str, int], deadly: str = "", lasts: int = 0) -> None:
        self.open_ended: set[str] = set()
        self.is_gone = False
        self.revivals = 0
        self.taken: list[str] = []
        self.blamed: list[str] = []
        self.together: Counter[frozenset[Company]] = Counter()
        self._turns = turns
        self._deadly = deadly
        self._lasts = lasts
        self._down = False
        self._under_way: list[Trial] = []

    async def run(self, trial: Trial) -> Evidence:
        self._under_way.append(trial)
        self.together[frozenset(company(one, ()) for one in self._under_way)] += 1
        for _ in range(self._turns.get(trial.id, 1)):
            await asyncio.sleep(0)
        self._under_way.remove(trial)
        self._lasts -= 1
        self._down = self._down or trial.id == self._deadly or self._lasts == 0
        ending = Ending.LOST if self._down else Ending.SERVER
        return Evidence(replies=(Reply(call=trial.calls[0], ending=ending, code=14 if self._down else 0),))

    async def observe(self, trial: Trial) -> Evidence:
        evidence = await self.run(trial)
        return replace(evidence, health=await self.revive()) if self._down else evidence

    async def revive(self) -> Health:
        self.revivals += 1
        was_down, self._down = self._down, False
        return Health(alive=not was_down, exit_code=1 if was_down else None)

    async def take(self, trial: Trial, evidence: Evidence) -> None:
        self.taken.append(trial.id)
        if evidence.health.exit_code is not None:
            self.blamed.append(trial.id)


def fly(trials: list[Trial], turns: dict[str, int], *, workers: int = 4, deadly: str = "", lasts: int = 0) -> World:
    world = World(turns, deadly, lasts)

    async def all_of_them() -> None:
        flight = Flight(world, world, judge=lambda *_: (), take=world.take, workers=workers)  # type: ignore[arg-type]
        for trial in trials:
            await flight.add(trial)
        await flight.land()

    asyncio.run(all_of_them())
    return world


KINDS = st.lists(st.sampled_from(list(Company)), max_size=60)
TURNS = st.dictionaries(st.integers(0, 59).map(str), st.integers(0, 5))


@given(KINDS, TURNS, TURNS)
def test_all_are_taken_up_once_in_an_order_that_is_the_trials_own(
    kinds: list[Company], turns: dict[str, int], others: dict[str, int]
) -> None:
    trials = made(kinds)
    world = fly(trials, turns)
    assert sorted(world.taken, key=int) == [trial.id for trial in trials]
    assert fly(trials, others).taken == world.taken


@given(KINDS, TURNS)
def test_each_is_under_way_with_no_others_than_it_bears(kinds: list[Company], turns: dict[str, int]) -> None:
    for together in fly(made(kinds), turns).together:
        others = together - {Company.WAITING}
        assert len(others) <= 1
        assert together == {Company.NONE} or Company.NONE not in together


@pytest.mark.parametrize("kind", list(Company))
def test_with_one_worker_none_is_under_way_with_another(kind: Company) -> None:
    world = fly(made([kind] * 20), {str(number): number % 3 for number in range(20)}, workers=1)
    assert world.taken == [str(number) for number in range(20)]
    assert world.together == {frozenset({kind}): 20}


@pytest.mark.parametrize("kind", list(Company))
@pytest.mark.parametrize("deadly", ["0", "7", "30"])
def test_the_trial_that_brings_the_server_down_is_blamed_and_no_other(kind: Company, deadly: str) -> None:
    world = fly(made([kind, Company.WAITING] * 20), {"8": 3, "9": 4}, deadly=deadly)
    assert sorted(map(int, world.taken)) == list(range(40))
    assert world.blamed == [deadly]


@given(KINDS, TURNS, st.integers(1, 60))
def test_an_end_that_no_trial_repeats_is_told_once(kinds: list[Company], turns: dict[str, int], lasts: int) -> None:
    world = fly(made(kinds), turns, lasts=lasts)
    assert sorted(map(int, world.taken)) == list(range(len(kinds)))
    assert len(world.blamed) == (len(kinds) >= lasts)
