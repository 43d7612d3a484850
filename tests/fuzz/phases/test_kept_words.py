"""A server that states a limit in refusing what keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.field_paths import resolve
from grpcmock.fuzz.expectations.stated_limits import is_limit_alone, limit_of
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.limit_cases import LimitCases
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package posts;
import "google/protobuf/duration.proto";
service Posts { rpc Send(SendRequest) returns (SendResponse); }
message SendRequest {
  string postcode = 1;
  int64 price_cents = 2;
  repeated string readers = 3;
  google.protobuf.Duration kept = 4;
  int32 page_size = 5;
  int64 expires = 6;
  repeated int32 weekdays = 7;
  double weight = 8;
}
message SendResponse {}
"""


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("posts") / "posts.proto"
    file.write_text(PROTO)
    return sources.load([file])


def told(posts: Registry, field: str, value: Any, objection: Callable[[Any], str]) -> list[str]:
    """What is told of a server that objects in words, after one request with a value in a field."""
    method = posts.method("posts.Posts/Send")
    expectations = Expectations(registry=posts)
    plan = Plan(registry=posts, methods=(method,), expectations=expectations, generators=Generators(posts))
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        reply = Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))
        words = objection(method.request_class.FromString(call.messages[0]))
        return replace(reply, code=Code.INVALID_ARGUMENT, message=words, responses=()) if words else reply

    def made(case: Case) -> CaseResult:
        return CaseResult(replies=tuple(map(answered, case.calls)))

    data = method.request_class(**{field: value}).SerializeToString()
    first = Case(
        id="first", phase=Phase.BOUNDARY, method=method, calls=(call_of(method, data),), why="", expect=Expect.ANY
    )
    plan.limits.hear(first, made(first))
    cases = list(LimitCases(method, plan).cases())
    return [one.actual for case in cases for one in suite.evaluate(case, made(case)) if one.code == "G127"]


POSTCODE = "the postcode must have 3 to 10 characters"
WEIGHT = "weight must be more than 0 and at most 10"
RELATIVE = "price_cents is more than 50 above the last one"
READERS = "readers has more than 20 items"
KEPT = "kept is from 10 minutes to 31 days"


@pytest.mark.parametrize(
    ("field", "value", "objection", "expected"),
    [
        ("postcode", "SW1A 1", lambda one: POSTCODE if 3 <= len(one.postcode) <= 10 else "", "3: "),
        ("postcode", "SW1A 1", lambda one: POSTCODE, None),  # it may be minded by something else
        ("postcode", "SW1A 1", lambda one: POSTCODE if one.postcode else "", None),  # by the letters
        ("postcode", "SW1A 1", lambda one: POSTCODE if not one.postcode.isdigit() else "", None),
        ("postcode", "SW1A 1", lambda one: f"{POSTCODE}, digits alone" if len(one.postcode) <= 10 else "", None),
        ("price_cents", 7, lambda one: "price_cents must not be negative" if one.price_cents >= 0 else "", "0: "),
        ("price_cents", 0, lambda one: "price_cents must not be negative" if one.price_cents <= 0 else "", "0: "),
        ("price_cents", 7, lambda one: "price_cents must not be negative today" if one.price_cents else "", None),
        ("weight", 3, lambda one: WEIGHT if 2 < one.weight <= 10 else "", "5.0: "),
        ("weight", 0.5, lambda one: WEIGHT if one.weight < 1 else "", None),  # is below 1, and above 0
        ("weight", 2.5, lambda one: f"{WEIGHT}.5" if one.weight > 2 else "", None),
        ("price_cents", 40, lambda one: RELATIVE if one.price_cents > 30 else "", None),
        ("readers", ["a"], lambda one: READERS if len(one.readers) <= 20 else "", "1: "),
        ("readers", ["a"], lambda one: READERS if len(one.readers) <= 20 else "no such reader", "1: "),
        ("readers", ["a"], lambda one: READERS if one.readers else "", None),
        ("readers", ["a"], lambda one: "readers[0] has less than 3 characters" if len(one.readers) < 2 else "", None),
        ("weekdays", [9], lambda one: "weekdays[0]: must be from 1 to 7" if one.weekdays else "", None),
        ("weekdays", [9], lambda one: "weekdays must be from 1 to 7" if one.weekdays else "", None),
        ("weekdays", [9], lambda one: "weekdays: from 1 to 7 days" if len(one.weekdays) < 8 else "", None),
        ("weekdays", [9], lambda one: "weekdays: from 1 to 7 weekdays" if len(one.weekdays) < 8 else "", "1: "),
        ("kept", {"seconds": 3600}, lambda one: KEPT if one.kept.seconds >= 600 else "", "600: "),
        ("kept", {"seconds": 60}, lambda one: KEPT if one.kept.seconds < 600 else "", None),
        ("page_size", 0, lambda one: "The size of a page is from 0 to 9" if one.page_size < 1 else "", "0: "),
        ("page_size", 0, lambda one: "The size of a page is from 1 to 9" if one.page_size < 1 else "", None),
    ],
)  # fmt: skip
def test_what_keeps_a_limit_is_not_refused_in_its_words(
    posts: Registry, field: str, value: Any, objection: Callable[[Any], str], expected: str | None
) -> None:
    found = told(posts, field, value, objection)
    assert found[0].startswith(expected) if expected is not None else not found


@pytest.mark.parametrize(
    ("field", "words", "expected"),
    [
        ("kept", "is kept for at most 2 hours", (None, 7200)),
        ("kept", "at most 2 of them", None),
        ("expires", "must be at most 30 days from now", None),  # in another unit
        ("weight", "must be at least 0.5 and at most 30", None),  # of which one end isn't read
        ("weight", "must be at most 30", (None, 30)),
        ("price_cents", "must be at most 30", (None, 30)),
    ],
)
def test_units_of_time_tell_what_a_limit_is_of(
    posts: Registry, field: str, words: str, expected: tuple[int | None, int | None] | None
) -> None:
    descriptor: Any = posts.message("posts.SendRequest").DESCRIPTOR
    assert limit_of(descriptor.fields_by_name[field], words) == expected


@pytest.mark.parametrize(
    ("field", "words", "expected"),
    [
        ("postcode", POSTCODE, True),
        ("postcode", "the postcode must have 3 to 10 hexadecimal characters", False),
        ("price_cents", "price_cents must be from 1 to 50 euros", True),
        ("price_cents", "price_cents must be from 1 to 50 and be even", False),
        ("price_cents", "price_cents must be below that of others, at most 50", False),
    ],
)
def test_other_demands_are_seen_beside_a_limit(posts: Registry, field: str, words: str, expected: bool) -> None:
    descriptor: Any = posts.message("posts.SendRequest").DESCRIPTOR
    way = resolve(descriptor, field)
    assert way
    assert is_limit_alone(words, way) is expected
