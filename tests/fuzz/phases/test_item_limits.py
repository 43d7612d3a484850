"""How long each item of a list may be, as a comment says or the server itself, and a server that doesn't keep to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.documented_limits import documented_item_limit
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases import item_limits
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package posts;
service Posts { rpc Write(WriteRequest) returns (WriteResponse); }
message WriteRequest {
  // One at least, ten at most, each of them a name of at most 30 characters.
  repeated string authors = 1;
  repeated string tags = 2;
  // At most 5 characters each.
  repeated string marks = 3;
  // Each of at most 5 characters, if it is printed.
  repeated string labels = 4;
  // At most 10 items.
  repeated string links = 5;
  // Up to 4; each item has 2 to 9 bytes.
  repeated bytes keys = 6;
  // Each at most 100.
  repeated string notes = 7;
  // Each of at most 9 characters.
  string title = 8;
}
message WriteResponse {}
"""


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("posts") / "posts.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("authors", (None, 30)),
        ("tags", None),
        ("marks", (None, 5)),
        ("labels", None),
        ("links", None),
        ("keys", (2, 9)),
        ("notes", None),
        ("title", None),
    ],
)
def test_what_comments_say_of_each_item(
    posts: Registry, field: str, expected: tuple[int | None, int | None] | None
) -> None:
    descriptor: Any = posts.message("posts.WriteRequest").DESCRIPTOR
    assert documented_item_limit(descriptor.fields_by_name[field], posts) == expected


def told(posts: Registry, refusal: Callable[[Any], str]) -> Iterator[str]:
    """Yield what is told of a server that refuses some requests, each in words of its own."""
    method = posts.method("posts.Posts/Write")
    expectations = Expectations(registry=posts)
    plan = Plan(registry=posts, methods=(method,), expectations=expectations, generators=Generators(posts))
    request: Any = method.request_class(authors=["ada"], tags=["red"])
    plan.acceptance.keep(AcceptedRequest(method=method, data=request.SerializeToString()), b"")
    suite = CheckSuite(all_checks(), expectations)

    def answered(call: Call) -> Reply:
        words = refusal(method.request_class.FromString(call.messages[0]))
        code = Code.INVALID_ARGUMENT if words else Code.OK
        responses = () if words else (b"",)
        return Reply(call=call, termination=Termination.SERVER, code=code, message=words, responses=responses)

    far = call_of(method, method.request_class(authors=["ada"], tags=["t" * 10_000]).SerializeToString())
    case = Case(id="long", phase=Phase.BOUNDARY, method=method, calls=(far,), why="", expect=Expect.ANY, path="tags")
    plan.limits.hear(case, CaseResult(replies=(answered(far),)))
    for case in (*item_limits.documented(method, plan), *item_limits.stated(method, plan)):
        result = CaseResult(replies=tuple(map(answered, case.calls)))
        yield from (one.actual for one in suite.evaluate(case, result) if one.code == "G127")


def authors(most: int, *, words: str = "an author is too long", first_only: bool = False) -> Callable[[Any], str]:
    return lambda request: words if any(len(one) > most for one in request.authors[: 1 if first_only else 9]) else ""


def tags(stated: int, most: int, *, first_only: bool = False) -> Callable[[Any], str]:
    def refusal(request: Any) -> str:
        for number, one in enumerate(request.tags[: 1 if first_only else 9]):
            if len(one) > most:
                return f"tags[{number}] must have 1 to {stated} characters"
        return ""

    return refusal


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (authors(30), []),
        (authors(99_999), []),  # who knows no limit at all may take the comment for advice
        (authors(29), ["an item of 30: INVALID_ARGUMENT: an author is too long"]),
        (authors(31), ["an item of 31: OK; a second item of 31: OK"]),
        (authors(30, first_only=True), ["a second item of 31: OK"]),
        (authors(9), []),  # what is refused may be something else
        (tags(20, 20), []),
        (tags(20, 21), ["an item of 21: OK; a second item of 21: OK"]),
        (tags(20, 20, first_only=True), ["a second item of 21: OK"]),
        (lambda one: "too many tags: at most 20 tags" if len("".join(one.tags)) > 20 else "", []),
    ],
)
def test_a_server_is_held_to_the_limit_in_both_items(
    posts: Registry, refusal: Callable[[Any], str], expected: list[str]
) -> None:
    assert list(told(posts, refusal)) == expected
