"""The cases of the stateful phase: the same every time, valid, and only of methods that may be called."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pytest
from support import registry

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Caller, Case, Phase
from grpcmock.fuzz.phases.all_phases import cases_of, notices_of
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry

TOKEN = (("authorization", "Bearer ada-token"), ("x-tenant", "blue"))
OTHER = (("authorization", "Bearer bob-token"),)


@lru_cache
def generators(protos: Registry) -> Generators:
    return Generators(protos)  # what they have compiled serves every test


def plan(protos: Registry, *, without: Sequence[str] = (), **more: Any) -> Plan:
    methods = tuple(method for method in sorted(protos.methods.values(), key=str) if method.name not in without)
    return Plan(
        registry=protos,
        methods=methods,
        expectations=Expectations(registry=protos),
        generators=generators(protos),
        **more,
    )


def cases(made: Plan) -> list[Case]:
    return [case for method in made.methods for case in cases_of(Phase.STATEFUL, method, made)]


def test_the_same_seed_gives_the_same_cases(directory: Registry) -> None:
    def written(made: Plan) -> list[Any]:
        return [(one.id, [(call.path, call.actions, call.bindings) for call in one.calls]) for one in cases(made)]

    first = written(plan(directory, seed=7))
    assert written(plan(directory, seed=7)) == first
    assert written(plan(directory, seed=8)) != first
    assert len({name for name, _ in first}) == len(first)


def test_methods_that_are_left_out_are_not_called(directory: Registry) -> None:
    made = cases(plan(directory, without=["DeleteUser", "ListUsers"]))
    called = {call.method.name for case in made for call in case.calls if call.method is not None}
    assert "CreateUser" in called
    assert not called & {"DeleteUser", "ListUsers"}


@pytest.mark.parametrize("protos", ["directory", "plain"])
def test_bindings_lead_from_what_is_there_to_what_is_there(protos: str, request: pytest.FixtureRequest) -> None:
    for case in cases(plan(request.getfixturevalue(protos))):
        for index, call in enumerate(case.calls):
            for binding in call.bindings:
                assert binding.call < index
                earlier = case.calls[binding.call].method
                assert earlier is not None
                assert call.method is not None
                assert str(binding.source[0]) in earlier.output.fields_by_name
                assert str(binding.target[0]) in call.method.input.fields_by_name


def test_the_plain_user_service_has_cases_too() -> None:
    made = cases(plan(registry("user.proto")))
    names = {case.method.name for case in made}
    assert names == {"CreateUsers", "GetUser", "ListUsers", "LookupUsers"}
    creating = next(case for case in made if case.id.endswith("CreateUsers/read-back-0"))
    request = creating.calls[0].method.request_class.FromString(creating.calls[0].messages[0])  # type: ignore[union-attr]
    assert request.name  # type: ignore[attr-defined]
    assert request.email  # type: ignore[attr-defined]


def test_who_may_call_is_tried_only_with_credentials(directory: Registry) -> None:
    def callers(**credentials: Any) -> set[Caller]:
        made = plan(directory, without=["UpdateUser", "UpdateNote", "ImportUsers"], **credentials)
        reading = [method for method in made.methods if method.name in ("GetUser", "ListUsers")]
        found = [case for method in reading for case in cases_of(Phase.STATEFUL, method, made)]
        return {call.caller for case in found for call in case.calls}

    assert callers() == {Caller.OWN}
    assert callers(credentials=(("x-tenant", "blue"),)) == {Caller.OWN}
    assert callers(credentials=TOKEN) == {Caller.OWN, Caller.NOBODY, Caller.GARBLED}
    assert callers(credentials=TOKEN, second_identity=OTHER) == set(Caller)


def test_what_cannot_be_looked_at_is_said(directory: Registry) -> None:
    def said(made: Plan) -> list[str]:
        return [notice.partition(" ")[0] for notice in notices_of(Phase.STATEFUL, made)]

    assert said(plan(directory)) == ["auth_enforced", "object_authorization"]
    assert said(plan(directory, credentials=TOKEN)) == ["object_authorization"]
    assert said(plan(directory, credentials=TOKEN, second_identity=OTHER)) == []
    assert list(notices_of(Phase.RANDOM, plan(directory))) == []


def test_odd_texts_are_tried_where_no_rule_forbids_them(directory: Registry) -> None:
    made = plan(directory)
    creating = next(method for method in made.methods if method.name == "CreateNote")
    (blanks,) = (one for one in cases_of(Phase.STATEFUL, creating, made) if one.id.endswith("read-back-blanks"))
    (call,) = (call for call in blanks.calls if call.method is creating)
    note = creating.request_class.FromString(call.messages[0]).note  # type: ignore[attr-defined]
    assert note.title != note.title.strip()
    assert note.text
