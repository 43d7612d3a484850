"""Programs of methods: what they name is made once, and the same calls come again, by turns and by chance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
from grpcmock.fuzz.model.cases import Binding, Case
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import method_programs
from grpcmock.schema import Method, sources

USERS = sources.load([Path(__file__).parents[3] / "benchmarks" / "mutants" / "protos"])
METHODS = tuple(sorted(USERS.methods.values(), key=lambda method: method.full_name))


def method(name: str) -> Method:
    return USERS.method(f"directory.v1.UserService/{name}")


@pytest.fixture
def plan() -> Plan:
    plan = Plan(
        registry=USERS, methods=METHODS, expectations=Expectations(registry=USERS), generators=Generators(USERS), seed=3
    )
    making = AcceptedRequest(method("CreateUser"), b"")
    need = Need(making, ("name",), ("name",))
    using = (AcceptedRequest(method(name), b"\x0a\x01a", (need,)) for name in ("GetUser", "DeleteUser"))
    for request in (making, *using):
        plan.acceptance.first[request.method.path] = request
    return plan


def programs(plan: Plan, name: str) -> dict[str, Case]:
    return {case.id.rpartition("/")[2]: case for case in method_programs.cases(method(name), plan)}


def test_a_method_of_which_no_request_is_known_has_none(plan: Plan) -> None:
    assert programs(plan, "ListUsers") == {}


def test_the_same_call_comes_again_on_the_same_thing(plan: Plan) -> None:
    made, *again = programs(plan, "GetUser")["again"].calls
    assert made.path.endswith("/CreateUser")
    assert len(again) == 3
    assert {call.bindings for call in again} == {(Binding(0, ("name",), ("name",)),)}


def test_methods_that_deal_with_the_same_things_take_turns(plan: Plan) -> None:
    calls = programs(plan, "GetUser")["with-DeleteUser"].calls
    names = [call.path.rpartition("/")[2] for call in calls]
    assert names == ["CreateUser", "GetUser", "DeleteUser", "GetUser", "DeleteUser", "GetUser"]
    assert Counter(call.bindings for call in calls[1:]).most_common(1)[0][1] == 5


def test_programs_by_chance_are_the_same_for_a_seed(plan: Plan) -> None:
    first, second = programs(plan, "DeleteUser"), programs(plan, "DeleteUser")
    assert first == second
    chance = [case for name, case in first.items() if name.startswith("methods-")]
    assert len({case.calls for case in chance}) > 1
    assert all(
        binding.call < index for case in chance for index, call in enumerate(case.calls) for binding in call.bindings
    )


@pytest.fixture
def pairs(plan: Plan) -> Plan:
    """A plan in which a method names two users, whose ids are chosen, and another makes notes of one."""
    making = AcceptedRequest(
        method("CreateUser"),
        method("CreateUser").request_class(user_id="abcd").SerializeToString(),
        own_id=("user_id",),
    )
    first, second = Need(making, ("name",), ("name",), ("user_id",)), Need(making, ("name",), ("etag",), ("user_id",))
    noting = AcceptedRequest(NOTING, b"", (Need(making, ("name",), ("parent",), ("user_id",)),))
    for request in (making, AcceptedRequest(method("DeleteUser"), b"", (first, second)), noting):
        plan.acceptance.first[request.method.path] = request
    return plan


NOTING = USERS.method("directory.v1.NoteService/CreateNote")


def test_two_of_a_kind_are_two(pairs: Plan) -> None:
    made, other, *_ = programs(pairs, "DeleteUser")["again"].calls
    ids = [made.method.request_class.FromString(call.messages[0]) for call in (made, other) if made.method is not None]
    assert ids[0] != ids[1]


def test_what_is_named_has_something_in_it(pairs: Plan) -> None:
    calls = programs(pairs, "DeleteUser")["filled-by-CreateNote"].calls
    assert [call.path.rpartition("/")[2] for call in calls] == [*["CreateUser", "CreateNote"] * 2, "DeleteUser"]
    *_, first, _, second, last = calls
    assert [binding.call for call in (first, second) for binding in call.bindings] == [0, 2]
    assert {binding.call for binding in last.bindings} == {0, 2}


def test_a_thing_that_another_method_would_make_is_the_one_that_there_is(plan: Plan) -> None:
    updating = AcceptedRequest(method("UpdateUser"), b"")
    need = Need(updating, ("name",), ("name",))
    plan.acceptance.first[updating.method.path] = updating
    plan.acceptance.first[method("DeleteUser").path] = AcceptedRequest(method("DeleteUser"), b"\x0a\x01a", (need,))
    program = method_programs.MethodProgram(method("GetUser"), plan, "shared")
    for name in ("GetUser", "DeleteUser"):
        program.add(plan.acceptance.first[method(name).path])
    made, *others = program.case("both").calls
    assert made.path.endswith("/CreateUser")
    assert [call.bindings for call in others] == [(Binding(0, ("name",), ("name",)),)] * 2
