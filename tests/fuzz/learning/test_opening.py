"""A run gets through the door of services that nobody wrote for it, by what they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import ordinary_services
import pytest
from ordinary_services import RefusedError, contract

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.stated_limits import limit_in
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning import demands
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import bound
from grpcmock.fuzz.model.cases import Call, Case, Phase
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.boundary_phase import parts
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.run.opening import Opening
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code


def answered(service: Any, call: Call) -> Reply:
    method = call.method
    assert method is not None
    request = method.request_class.FromString(call.messages[0])
    try:
        response = getattr(service, snake_case(method.name))(request)
    except RefusedError as error:
        return Reply(call=call, termination=Termination.SERVER, code=error.code, message=str(error))
    except AssertionError:
        return Reply(call=call, termination=Termination.SERVER, code=Code.UNKNOWN, message="assertion failed")
    return Reply(call=call, termination=Termination.SERVER, code=0, responses=(response.SerializeToString(),))


def all_answered(service: Any, calls: tuple[Call, ...]) -> list[Reply]:
    replies: list[Reply] = []
    for call in calls:
        replies.append(answered(service, bound(call, replies, calls)))
    return replies


async def opened(
    name: str, service: Any = None, turns: int = 3, *, until: Callable[[Plan], bool] = lambda _: False
) -> tuple[Plan, list[Case]]:
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
        if opening.is_done or until(plan):
            return plan, made
    raise AssertionError(f"{turns} turns are not enough")


@pytest.mark.parametrize("name", ordinary_services.SERVICES)
async def test_every_method_answers_ok_before_long(name: str) -> None:
    plan, made = await opened(name)
    assert set(plan.acceptance.first) == {method.path for method in plan.methods}
    tries = max(sum(case.method is method for case in made) for method in plan.methods)
    assert tries <= 80  # and most of them look for more that is taken
    again, same = await opened(name)
    assert [case.calls for case in made] == [case.calls for case in same]
    assert {path: one.data for path, one in again.acceptance.requests.items()} == {
        path: one.data for path, one in plan.acceptance.requests.items()
    }


@pytest.mark.parametrize("name", ordinary_services.SERVICES)
async def test_the_first_turn_opens_all_doors_and_asks_for_no_more(name: str) -> None:
    plan, made = await opened(name, turns=1, until=lambda _: True)
    assert set(plan.acceptance.first) == {method.path for method in plan.methods}
    _, whole = await opened(name)
    assert len(made) < len(whole) * 9 / 10


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


async def test_a_request_is_found_of_each_kind() -> None:
    plan, _ = await opened("Covers")
    path = "/ordinary.Covers/OpenCover"
    requests: list[Any] = [one.message for one in (plan.acceptance.first[path], *plan.acceptance.kinds[path])]
    assert {one.kind: bool(one.pet_name) for one in requests} == {1: False, 2: False, 3: True}


async def test_an_answer_that_is_no_message_stops_nothing() -> None:
    service: Any = ordinary_services.Orders()
    service.pay_order = _unreadable(service.pay_order)
    plan, _ = await opened("Orders", service)
    assert "/ordinary.Orders/PayOrder" in plan.acceptance.first


def _unreadable(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def answer(request: Any) -> Any:
        handler(request)  # it is done all the same
        return SimpleNamespace(SerializeToString=lambda: b"\x0a\x01\xff")

    return answer


async def test_boundaries_are_tried_behind_the_door() -> None:
    service = ordinary_services.Bookings()
    plan, _ = await opened("Bookings", service)
    method = contract().method("ordinary.Bookings/CreateBooking")
    cases = [case for part in parts(method, plan) for case in part if "/note=" in case.id]
    replies = [all_answered(service, case.calls)[-1] for case in cases if len(case.calls) == case.setup + 1]
    assert len(replies) > 5
    assert all(reply.is_ok for reply in replies)


async def test_two_of_a_kind_are_made_where_a_request_names_two() -> None:
    plan, _ = await opened("Wallets")
    sending = plan.acceptance.first["/ordinary.Wallets/SendMoney"]
    assert {need.target for need in sending.needs} == {("payer",), ("payee",)}
    payer: Any = next(need.made_by.message for need in sending.needs if need.target == ("payer",))
    assert payer.deposit > 0  # one that has nothing pays nobody
    explaining = plan.acceptance.first["/ordinary.Wallets/Explain"]
    assert [need.made_by.method.name for need in explaining.needs] == ["SendMoney"]
    assert {"note", "labels"} <= {field.name for field, _ in sending.fullest.ListFields()}


async def test_what_there_can_be_once_only_differs_from_call_to_call() -> None:
    service = ordinary_services.Wallets()
    plan, _ = await opened("Wallets", service)
    putting = plan.acceptance.first["/ordinary.Wallets/PutStall"]
    assert putting.own_id in {("place", "x"), ("place", "y")}
    replies = [all_answered(service, putting.calls(putting.data, salt=str(number)))[-1] for number in range(40)]
    assert all(reply.is_ok for reply in replies)


@pytest.mark.parametrize("bug", ["", "pays itself", "two currencies", "full list"])
async def test_faults_behind_the_door_are_met(bug: str) -> None:
    service = ordinary_services.Wallets(bug)
    plan, made = await opened("Wallets", service)
    method = contract().method("ordinary.Wallets/SendMoney")
    made += [case for part in parts(method, plan) for case in part]
    fresh = ordinary_services.Wallets(bug)
    codes = {reply.code for case in made for reply in all_answered(fresh, case.calls)}
    assert (Code.UNKNOWN in codes) is bool(bug)


@pytest.mark.parametrize(
    ("bug", "expected"),
    [("", ""), ("says less than it does", "41: OK"), ("says more than it does", "40: INVALID_ARGUMENT")],
)
async def test_a_server_is_held_to_the_limits_that_it_states(bug: str, expected: str) -> None:
    service = ordinary_services.Wallets(bug)
    plan, _ = await opened("Wallets", service)
    suite = CheckSuite(all_checks(), plan.expectations)
    method, found = contract().method("ordinary.Wallets/SendMoney"), list[str]()
    for part in parts(method, plan):
        for case in part:
            for one in (case, *case.sub_cases):
                result = CaseResult(replies=tuple(all_answered(service, one.calls)))
                plan.limits.hear(one, result)
                found += [finding.actual for finding in suite.evaluate(one, result) if finding.code == "G127"]
    assert any(actual.startswith(expected) for actual in found) if expected else not found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("name must have 1 to 80 characters", (1, 80)),
        ("the weight must be from 1 to 30,000 grams", (1, 30_000)),
        ("at most 5 tags", (None, 5)),
        ("there can be 50 shares", (None, 50)),
        ("must be at least 18, and at most 99", (18, 99)),
        ("limit must be between 1 and 50", (1, 50)),
        ("must not exceed 200", (None, 200)),
        ("the label has more than 4096 bytes", (None, 4096)),
        ("must have more than 4 letters", None),
        ("there are fewer than 2 parts", (2, None)),
        ("price must not be negative", (0, None)),
        ("price must be non-negative", (0, None)),
        ("price must not be negative or zero", None),
        ("value must be greater than 0", (1, None)),
        ("value must be greater than or equal to 2 and less than or equal to 9", (2, 9)),
        ("value must be less than 10", (None, 9)),
        ("must be greater than or equal to 0 and less than 10", (0, 9)),
        ("must be greater than 3 and less than or equal to 9", (4, 9)),
        ("1-10 letters", (1, 10)),
        ("on 2024-05-01", None),
        ("1 to 5 tags of 1 to 20 letters", None),
        ("must be a date such as 2024-05-01", None),
        ("version 1.2 to 3 is gone", None),
        ("'1 to 5' is no range", None),
        ("is too large", None),
    ],
)
def test_limits_are_read_out_of_words(words: str, expected: tuple[int | None, int | None] | None) -> None:
    assert limit_in(words) == expected


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
        ("invalid router-id format: abc", "192.0.2.1"),
        ("time: invalid duration 'abc'", "60s"),
        ("that is no CIDR", "192.0.2.0/24"),
        ("could not be parsed", "2024-05-01"),
        ("amount.currency must be EUR", "EUR"),
        ("zone should be UTC.", "UTC"),
        ("amount.currency_code must be EUR", "EUR"),
        ("unit should be kg.", "kg"),
        ("readers[0] must begin with user: or group:", "group:a1"),
        ("keys must start with 'sk_'", "sk_a1"),
        ("must be prefixed with arn:, urn: or id/.", "urn:a1"),
        ("Expecting value: line 1 column 1 (char 0)", "{}"),
        ("Extra data: line 1 column 2 (char 1)", "{}"),
        ("EOF while parsing a value at line 1 column 0", "{}"),
        ("invalid character 'a' looking for beginning of value", "{}"),
        ("'a' is an invalid start of a value. LineNumber: 0", "{}"),
        ("A JSONObject text must begin with '{' at 1", "{}"),
        ("Invalid isoformat string: 'a'", "2024-05-01T12:00:00Z"),
        ("invalid literal for int() with base 10: 'a'", "10"),
        ("time data 'a' does not match format '%Y-%m-%d %H:%M:%S.%f'", "2024-05-01 12:00:00.000000"),
        ("time data 'a' does not match format '%d.%m.%y'", "01.05.24"),
    ],
)
def test_texts_are_read_out_of_words(words: str, expected: str | None) -> None:
    found = list(demands.texts(words))
    assert (
        expected in found if expected is not None else any(len(one) == 4 and set(one) <= set("abcdef") for one in found)
    )


@pytest.mark.parametrize("words", ["must begin with a letter", "starts with a digit or a dash", "begin with uppercase"])
def test_what_a_text_begins_with_may_be_no_prefix(words: str) -> None:
    assert not [one for one in demands.texts(words) if one.endswith("a1")]


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


@pytest.mark.parametrize(
    ("key", "above"),
    [
        ("projects/a1/locations/a1/queues/a1", "projects/a1/locations/a1/queues/"),
        ("users/0123456789ab", "users/"),
        ("users/7", "users/"),
    ],
)
def test_another_resource_name_is_of_the_same_collections(key: str, above: str) -> None:
    made = {varied(key, str(number)) for number in range(8)}
    assert len(made) > 5
    assert all(one.startswith(above) and one != key and "/" not in one.removeprefix(above) for one in made)
