"""A run gets through the door of services that nobody wrote for it, by what they say."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import ordinary_services
import pytest
from ordinary_services import RefusedError, contract

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Call, Case, Phase
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.fuzz.phases.boundary_phase import parts
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema.naming import snake_case


def answered(service: Any, call: Call) -> Reply:
    method = call.method
    assert method is not None
    request = method.request_class.FromString(call.messages[0])
    try:
        response = getattr(service, snake_case(method.name))(request)
    except RefusedError as error:
        return Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error))
    return Reply(call=call, termination=Termination.SERVER, code=0, responses=(response.SerializeToString(),))


def all_answered(service: Any, calls: tuple[Call, ...]) -> list[Reply]:
    replies: list[Reply] = []
    for call in calls:
        replies.append(answered(service, bound(call, replies, calls)))
    return replies


async def opened(name: str, service: Any = None, turns: int = 1) -> tuple[Plan, list[Case]]:
    """Return the plan of a run on a service after its beginning, in so many turns at most, and what was made."""
    registry = contract()
    methods = tuple(method for method in registry.methods.values() if method.service == f"ordinary.{name}")
    expectations = Expectations(registry=registry)
    plan = Plan(registry=registry, methods=methods, expectations=expectations, generators=Generators(registry))
    service, made = service or ordinary_services.SERVICES[name](), list[Case]()

    async def make(case: Case) -> Reply:
        made.append(case)
        return all_answered(service, case.calls)[-1]

    opening = Opening(plan, Phase.BOUNDARY, make)
    for _ in range(turns):
        assert not opening.is_done
        await opening.go(())
        if opening.is_done:
            return plan, made
    raise AssertionError(f"{turns} turns are not enough")


@pytest.mark.parametrize("name", ordinary_services.SERVICES)
async def test_every_method_answers_ok_before_long(name: str) -> None:
    plan, made = await opened(name)
    assert set(plan.acceptance.first) == {method.path for method in plan.methods}
    tries = max(sum(case.method is method for case in made) for method in plan.methods)
    assert tries <= 60  # and most of them look for more that is taken
    again, same = await opened(name)
    assert [case.calls for case in made] == [case.calls for case in same]
    assert {path: one.data for path, one in again.acceptance.requests.items()} == {
        path: one.data for path, one in plan.acceptance.requests.items()
    }


async def test_what_there_was_no_time_for_is_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    name, *_ = ordinary_services.SERVICES
    _, whole = await opened(name)
    looks = count()
    monkeypatch.setattr("grpcmock.fuzz.run.opening.time", SimpleNamespace(monotonic=lambda: next(looks) / 3))
    plan, made = await opened(name, turns=100)
    assert set(plan.acceptance.first) == {method.path for method in plan.methods}
    assert len(made) >= len(whole) / 2


@pytest.mark.parametrize("name", ordinary_services.SERVICES)
async def test_what_was_learned_makes_what_it_needs_on_a_fresh_server(name: str) -> None:
    plan, _ = await opened(name)
    service = ordinary_services.SERVICES[name]()
    for accepted in plan.acceptance.requests.values():
        for salt in ("one", "two"):
            replies = all_answered(service, accepted.calls(accepted.data, salt=salt))
            assert replies[-1].is_ok or replies[-1].name == "ALREADY_EXISTS"


async def test_boundaries_are_tried_behind_the_door() -> None:
    service = ordinary_services.Bookings()
    plan, _ = await opened("Bookings", service)
    method = contract().method("ordinary.Bookings/CreateBooking")
    cases = [case for part in parts(method, plan) for case in part if "/note=" in case.id]
    replies = [all_answered(service, case.calls)[-1] for case in cases if len(case.calls) == case.setup + 1]
    assert len(replies) > 5
    assert all(reply.is_ok for reply in replies)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("must be a date such as 2024-05-01", "2024-05-01"),
        ("color must look like #a0b1c2", "#a0b1c2"),
        ("kind: one of single, double or suite", "double"),
        ("state must be one of [OPEN, CLOSED]", "CLOSED"),
        ("serial must be two capitals and six digits", "AB123456"),
        ("three capitals, a dash, four digits", "ABC-1234"),
        ("name must match ^[a-f]{4}$", None),
        ("name: items/ID is expected", "items/a1"),
        ("name must be shelves/{shelf}/books/{book}", "shelves/a1/books/a1"),
        ("say why, in three letters or more", "Exa"),
        ("barcode: 6 to 8 characters", "Exampl"),
        ("use 'metric' or 'imperial'", "imperial"),
    ],
)
def test_texts_are_read_out_of_words(words: str, expected: str | None) -> None:
    found = list(demands.texts(words))
    assert (
        expected in found if expected is not None else any(len(one) == 4 and set(one) <= set("abcdef") for one in found)
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("beds: 1 to 6", 1),
        ("factor must be between 0.5 and 2", 2),
        ("at least 18", 18),
        ("must be greater than 7", 8),
        ("at most 60 nights", 60),
        ("id must be positive", 1),
        ("27000 cents are due", 27000),
        ("nothing", None),
    ],
)
def test_numbers_are_read_out_of_words(words: str, expected: float | None) -> None:
    found = list(demands.numbers(words))
    assert expected in found if expected is not None else not found


@pytest.mark.parametrize("key", ["AB123456", "a-b-c-d", "abc", "p_00001", 7, 4021])
def test_another_key_has_the_same_form(key: Any) -> None:
    made = {varied(key, str(number)) for number in range(8)}
    assert len(made) > 5
    if isinstance(key, str):
        kinds = [(char.isdigit(), char.isupper(), char.islower()) for char in key]
        assert all([(c.isdigit(), c.isupper(), c.islower()) for c in one[: len(key)]] == kinds for one in made)
