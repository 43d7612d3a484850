"""Names that came with a mistake only, and a server that keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.model.cases import Call
from grpcmock.fuzz.model.results import CaseResult, Reply, Termination
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import refused_name_cases
from grpcmock.schema import Registry, sources
from grpcmock.status import Code

PROTO = """\
syntax = "proto3";
package shops;
service Shops { rpc OpenShop(OpenShopRequest) returns (Shop); }
enum Kind { NONE = 0; BAKERY = 1; }
message Shop { string name = 1; }
message OpenShopRequest { string reference = 1; Kind kind = 2; int32 rooms = 3; string owner = 4; }
"""


class Street:
    """Opens shops, each of its own reference; *keeps* the references of those that it refuses, or is otherwise odd."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.references: set[str] = set()
        self.owners: set[str] = set()

    def answer(self, call: Call) -> Reply:
        method = call.method
        assert method is not None
        request: Any = method.request_class.FromString(call.messages[0])
        code = self._code(request)
        if code == Code.OK:
            self.references.add(request.reference)
            self.owners.add(request.owner)
        responses = (b"",) if code == Code.OK else ()
        return Reply(call=call, termination=Termination.SERVER, code=code, message="no", responses=responses)

    def _code(self, request: Any) -> Code:
        if request.kind > 1 or request.rooms < 0 or len(request.owner) > 100:
            if self.way == "keeps":
                self.references.add(request.reference)
            return Code.INTERNAL if self.way == "fails" else Code.INVALID_ARGUMENT
        if request.reference in self.references or (self.way == "one owner" and request.owner in self.owners):
            return Code.ALREADY_EXISTS
        return Code.RESOURCE_EXHAUSTED if self.way == "full" and len(self.references) > 1 else Code.OK


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("shops") / "shops.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("right", []),
        ("keeps", ["refused names"]),
        ("one owner", []),  # the other thing that there may be once only has taken it
        ("full", []),
        ("fails", []),  # what became of it nobody knows
    ],
)
def test_what_came_with_a_mistake_is_free(shops: Registry, way: str, expected: list[str]) -> None:
    method = shops.method("shops.Shops/OpenShop")
    expectations = Expectations(registry=shops)
    plan = Plan(registry=shops, methods=(method,), expectations=expectations, generators=Generators(shops))
    request: Any = method.request_class(reference="AB123456", kind=1, owner="Ann")
    plan.acceptance.keep(AcceptedRequest(method, request.SerializeToString(), own_id=("reference",)), b"")
    (case,) = refused_name_cases.cases(method, plan)
    street = Street(way)
    result = CaseResult(replies=tuple(map(street.answer, case.calls)))
    found = CheckSuite(all_checks(), expectations).evaluate(case, result)
    assert [finding.key for finding in found if finding.code == "G131"] == expected
    again = CaseResult(replies=tuple(map(street.answer, case.calls)))  # all names are taken by now
    found = CheckSuite(all_checks(), expectations).evaluate(case, again)
    assert not [finding for finding in found if finding.code == "G131"]


@pytest.mark.parametrize("own_id", [None, ("owner",)])
def test_only_names_that_are_known_are_tried(shops: Registry, own_id: Any) -> None:
    method = shops.method("shops.Shops/OpenShop")
    expectations = Expectations(registry=shops)
    plan = Plan(registry=shops, methods=(method,), expectations=expectations, generators=Generators(shops))
    assert not list(refused_name_cases.cases(method, plan))
    request: Any = method.request_class(reference="AB123456")
    plan.acceptance.keep(AcceptedRequest(method, request.SerializeToString(), own_id=own_id), b"")
    assert not list(refused_name_cases.cases(method, plan))


@pytest.mark.parametrize(("rooms", "count"), [(7, 0), (999_999, 0), (525_200_000, 1)])
def test_of_few_numbers_any_may_be_taken(shops: Registry, rooms: int, count: int) -> None:
    method = shops.method("shops.Shops/OpenShop")
    plan = Plan(
        registry=shops,
        methods=(method,),
        expectations=Expectations(registry=shops),
        generators=Generators(shops),
    )
    request: Any = method.request_class(rooms=rooms, kind=1, owner="Ann")
    plan.acceptance.keep(AcceptedRequest(method, request.SerializeToString(), own_id=("rooms",)), b"")
    assert len(list(refused_name_cases.cases(method, plan))) == count
