"""Whatever bytes a server answers with, checks judge what was seen, and none falls over it."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ordinary_services import contract
from support import registry

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.all_phases import cases_of
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful.state_machine import failing_case, state_machine
from grpcmock.schema import Method
from grpcmock.status import Code

CONTRACTS = {"with streams": registry("user.proto"), "everyday": contract(), "of proto2": registry("legacy.proto")}
PHASES = (Phase.BOUNDARY, Phase.EXAMPLES, Phase.WIRE, Phase.STATEFUL)
MOST = 60
"""So many cases of a method in a phase."""

ROUNDS = 3
"""So often is made what would be repeated more often."""

BYTES = st.binary(max_size=24) | st.sampled_from([b"\x0a\x7f", b"\x0a\x01\xff", b"\xff" * 11])
"""Any, and by themselves: cut off, a text that isn't UTF-8, and no field at all."""

SEEDS = st.integers(min_value=0, max_value=50)
"""For responses that are as they should be, so that something is known when those come that aren't."""

ENDS = st.sampled_from([Code.OK, Code.OK, Code.OK, Code.NOT_FOUND, Code.INVALID_ARGUMENT, 99])
ANSWERS = st.lists(st.tuples(ENDS, st.lists(SEEDS | BYTES, max_size=3)), min_size=1, max_size=8)


@lru_cache
def plan_of(name: str) -> Plan:
    protos = CONTRACTS[name]
    return Plan(
        registry=protos,
        methods=tuple(sorted(protos.methods.values(), key=lambda method: method.full_name)),
        expectations=Expectations(registry=protos, documented=documented(protos)),
        generators=Generators(protos),
        seed=3,
    )


@lru_cache
def cases(name: str) -> tuple[tuple[Case, ...], ...]:
    """By phases, so that each is tried as often as the others."""
    plan = plan_of(name)
    made = ([islice(cases_of(phase, method, plan), MOST) for method in plan.methods] for phase in PHASES)
    return tuple(found for parts in made if (found := tuple(chain.from_iterable(parts))))


def response(method: Method | None, seed: int | bytes, plan: Plan) -> bytes:
    if isinstance(seed, bytes) or method is None:
        return bytes(seed)
    return plan.generators.of(method.output).generate(RandomSource(seed)).SerializePartialToString()


def seen(case: Case, answers: list[tuple[int, list[int | bytes]]], plan: Plan) -> CaseResult:
    replies: list[Reply] = []
    given = cycle(answers)
    for _ in range(min(case.repeat, ROUNDS)):
        made: list[Reply] = []
        for call, (code, seeds) in zip(case.calls, given, strict=False):
            call = bound(call, made, case.calls)
            responses = tuple(response(call.method, one, plan) for one in seeds)
            made.append(Reply(call=call, termination=Termination.SERVER, code=code, responses=responses, sent=1))
        replies += made
    return CaseResult(replies=tuple(replies))


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_check_falls_over_what_a_server_answers(name: str) -> None:
    plan = plan_of(name)
    suite = CheckSuite(all_checks(), plan.expectations)

    @settings(max_examples=150, deadline=None)
    @given(case=st.one_of(*map(st.sampled_from, cases(name))), answers=ANSWERS)
    def judged(case: Case, answers: Any) -> None:
        suite.evaluate(case, seen(case, answers, plan))

    judged()


def test_checks_of_all_sorts_are_tried() -> None:
    targets = {target for name in CONTRACTS for found in cases(name) for case in found for target in case.targets}
    assert targets >= {"read_after_write", "concurrency", "cancellation_honored"}, targets


def test_the_state_machine_goes_on_without_what_it_knew() -> None:
    def perform(call: Call) -> Reply:
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"\x0a\x7f",), sent=1)

    machine = state_machine(CONTRACTS["everyday"], perform, checks=("response_constraints",))
    assert failing_case(machine, examples=5, steps=5) is None


def test_extensions_in_answers_are_left_out_where_they_change_by_themselves() -> None:
    """That is so where replies to the same calls are compared."""
    plan = plan_of("of proto2")
    suite = CheckSuite(all_checks(), plan.expectations)
    method = plan.registry.method("legacy.LegacyService/Get")
    call = call_of(method, b"\x08\x01")
    target = frozenset({"concurrency"})
    case = Case(id="t", phase=Phase.BOUNDARY, method=method, calls=(call,), why="", targets=target, repeat=3)
    scores = [b"\xa8\x06\x01", b"\xa8\x06\x02", b"\xa8\x06\x03"]
    replies = [Reply(call=call, termination=Termination.SERVER, code=0, responses=(data,)) for data in scores]
    assert not [one for one in suite.evaluate(case, CaseResult(replies=tuple(replies))) if one.check == "concurrency"]
