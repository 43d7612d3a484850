"""Names that nobody has, and a server that says of each that it is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.taken_name import taken_name
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase, call_of
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import new_name_cases
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package shops;
service Shops { rpc OpenShop(OpenShopRequest) returns (Shop); }
message Shop { string name = 1; string owner = 2; }
message OpenShopRequest { string shop_id = 1; Shop shop = 2; string reference = 3; repeated string tags = 4; }
"""


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shops") / "shops.proto"
    file.write_text(PROTO)
    return sources.load([file])


def refused(call: Call, words: str, code: int = Code.ALREADY_EXISTS) -> Reply:
    return Reply(call=call, termination=Termination.SERVER, code=code, message=words)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("There is a shop of this id.", Code.ALREADY_EXISTS, "shop_id"),
        ("there is one of this reference", Code.ALREADY_EXISTS, "reference"),
        ("shop.name is taken", Code.ALREADY_EXISTS, "name"),
        ("name or reference is taken", Code.ALREADY_EXISTS, None),  # other names may make no difference
        ("it is there already", Code.ALREADY_EXISTS, None),
        ("the shop is there already", Code.ALREADY_EXISTS, None),
        ("there is one with these tags", Code.ALREADY_EXISTS, None),
        ("there is no such reference", Code.NOT_FOUND, None),
    ],
)
def test_the_one_name_that_is_taken_is_read_out_of_words(
    shops: Registry, words: str, code: int, expected: str | None
) -> None:
    method = shops.method("shops.Shops/OpenShop")
    way = taken_name(refused(call_of(method, b""), words, code))
    assert (way[-1].name if way else None) == expected


@pytest.mark.parametrize(
    ("words", "has_named", "expected"),
    [
        (lambda seen, name: f"there is one of this reference: {name}", False, True),
        (lambda seen, name: f"there is one of this reference: {name}" if name in seen else "", False, False),
        (lambda seen, name: f"there is one of this reference: {name}" if len(seen) < 3 else "", False, False),
        (lambda seen, name: f"there is one of this reference: {name}", True, False),  # it was taken before
    ],
)
def test_names_that_nobody_has_are_not_all_taken(
    shops: Registry, words: Callable[[set[str], str], str], has_named: bool, expected: bool
) -> None:
    method = shops.method("shops.Shops/OpenShop")
    expectations = Expectations(registry=shops)
    plan = Plan(registry=shops, methods=(method,), expectations=expectations, generators=Generators(shops))
    request: Any = method.request_class(reference="AB123456")
    data = request.SerializeToString()
    if has_named:
        plan.acceptance.keep(AcceptedRequest(method, data), b"")
    case = Case(id="", phase=Phase.BOUNDARY, method=method, calls=(call_of(method, data),), why="", expect=Expect.ANY)
    told = refused(case.calls[0], "there is one of this reference: AB123456")
    plan.taken_names.hear(case, CaseResult(replies=(told,)))
    seen: set[str] = {"AB123456"}

    def answered(call: Call) -> Reply:
        name = method.request_class.FromString(call.messages[0]).reference  # type: ignore[attr-defined]
        objection = words(seen, name)
        seen.add(name)
        if objection:
            return refused(call, objection)
        return Reply(call=call, termination=Termination.SERVER, code=0, responses=(b"",))

    suite, found = CheckSuite(all_checks(), expectations), list[str]()
    for one in new_name_cases.cases(method, plan):
        result = CaseResult(replies=tuple(map(answered, one.calls)))
        found += [finding.key for finding in suite.evaluate(one, result) if finding.code == "G133"]
    assert found == (["new names"] if expected else [])
