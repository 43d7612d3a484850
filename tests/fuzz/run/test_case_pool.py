"""Cases in flight: all are taken up once, in an order that has nothing to do with how fast they are answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.fuzz.model.cases import Case, Expect, Measure, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Health, Reply, Termination
from grpcmock.fuzz.run.case_pool import CasePool
from grpcmock.fuzz.run.isolation import Isolation, isolation_of

METHODS = registry("user.proto").methods
WRITES, READS = METHODS["/user.UserService/CreateUsers"], METHODS["/user.UserService/GetUser"]

_SHAPES: dict[Isolation, Any] = {
    Isolation.EXCLUSIVE: (READS, Phase.STATEFUL, {}),
    Isolation.WITH_IDLE: (WRITES, Phase.WIRE, {"expect": Expect.SAME}),
    Isolation.READ_ONLY: (READS, Phase.WIRE, {"expect": Expect.SAME}),
    Isolation.WATCHING: (READS, Phase.BOUNDARY, {"mostly_idle": True, "measures": frozenset({Measure.EFFECTS})}),
    Isolation.UNFINISHED: (WRITES, Phase.BOUNDARY, {"mostly_idle": True, "measures": frozenset({Measure.EFFECTS})}),
    Isolation.ANY: (READS, Phase.RANDOM, {}),
    Isolation.MOSTLY_IDLE: (READS, Phase.WIRE, {"mostly_idle": True}),
}


def made(kinds: list[Isolation]) -> list[Case]:
    cases = []
    for number, kind in enumerate(kinds):
        method, phase, about = _SHAPES[kind]
        case = Case(id=str(number), phase=phase, method=method, calls=(call_of(method, b""),), why="", **about)
        assert isolation_of(case, ()) is kind
        cases.append(case)
    return cases


class World:
    """A server that takes a few turns of the loop for each case, and can be brought down."""

    def __init__(self, turns: dict[str, int], deadly: str = "", lasts: int = 0) -> None:
        self.open_ended: set[str] = set()
        self.is_gone = False
        self.revivals = 0
        self.silent: set[str] = set()
        self.taken: list[str] = []
        self.blamed: list[str] = []
        self.together: Counter[frozenset[Isolation]] = Counter()
        self._turns = turns
        self._deadly = deadly
        self._lasts = lasts
        self._down = False
        self._under_way: list[Case] = []

    async def run(self, case: Case) -> CaseResult:
        self._under_way.append(case)
        self.together[frozenset(isolation_of(one, ()) for one in self._under_way)] += 1
        for _ in range(self._turns.get(case.id, 1)):
            await asyncio.sleep(0)
        self._under_way.remove(case)
        self._lasts -= 1
        self._down = self._down or case.id == self._deadly or self._lasts == 0
        termination = Termination.LOST if self._down else Termination.SERVER
        return CaseResult(replies=(Reply(call=case.calls[0], termination=termination, code=14 if self._down else 0),))

    async def observe(self, case: Case) -> CaseResult:
        result = await self.run(case)
        return replace(result, health=await self.revive()) if self._down else result

    async def silent_service(self, result: CaseResult) -> str:
        return ""

    async def revive(self, silent: str = "") -> Health:
        self.revivals += 1
        was_down, self._down = self._down, False
        return Health(alive=not was_down, exit_code=1 if was_down else None)

    def take(self, outcomes: list[tuple[Case, CaseResult]]) -> None:
        for case, result in outcomes:
            self.taken.append(case.id)
            if result.health.exit_code is not None:
                self.blamed.append(case.id)


def run_all(cases: list[Case], turns: dict[str, int], *, workers: int = 4, deadly: str = "", lasts: int = 0) -> World:
    world = World(turns, deadly, lasts)

    async def all_of_them() -> None:
        pool = CasePool(world, world, evaluate=lambda *_: (), workers=workers)  # type: ignore[arg-type]
        for case in cases:
            world.take(await pool.add(case))
        world.take(await pool.drain())

    asyncio.run(all_of_them())
    return world


KINDS = st.lists(st.sampled_from(list(Isolation)), max_size=60)
TURNS = st.dictionaries(st.integers(0, 59).map(str), st.integers(0, 5))


@given(KINDS, TURNS, TURNS)
def test_all_are_taken_up_once_in_an_order_that_is_the_cases_own(
    kinds: list[Isolation], turns: dict[str, int], others: dict[str, int]
) -> None:
    cases = made(kinds)
    world = run_all(cases, turns)
    assert sorted(world.taken, key=int) == [case.id for case in cases]
    assert run_all(cases, others).taken == world.taken


@given(KINDS, TURNS)
def test_each_is_under_way_with_no_others_than_it_bears(kinds: list[Isolation], turns: dict[str, int]) -> None:
    for together in run_all(made(kinds), turns).together:
        others = together - {Isolation.MOSTLY_IDLE}
        assert len(others) <= 1
        assert together == {Isolation.EXCLUSIVE} or Isolation.EXCLUSIVE not in together


@pytest.mark.parametrize("kind", list(Isolation))
def test_with_one_worker_none_is_under_way_with_another(kind: Isolation) -> None:
    world = run_all(made([kind] * 20), {str(number): number % 3 for number in range(20)}, workers=1)
    assert world.taken == [str(number) for number in range(20)]
    assert world.together == {frozenset({kind}): 20}


@pytest.mark.parametrize("kind", list(Isolation))
@pytest.mark.parametrize("deadly", ["0", "7", "30"])
def test_the_case_that_brings_the_server_down_is_blamed_and_no_other(kind: Isolation, deadly: str) -> None:
    world = run_all(made([kind, Isolation.MOSTLY_IDLE] * 20), {"8": 3, "9": 4}, deadly=deadly)
    assert sorted(map(int, world.taken)) == list(range(40))
    assert world.blamed == [deadly]


@given(KINDS, TURNS, st.integers(1, 60))
def test_an_end_that_no_case_repeats_is_told_once(kinds: list[Isolation], turns: dict[str, int], lasts: int) -> None:
    world = run_all(made(kinds), turns, lasts=lasts)
    assert sorted(map(int, world.taken)) == list(range(len(kinds)))
    assert len(world.blamed) == (len(kinds) >= lasts)
