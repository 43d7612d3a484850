"""The stateful phase: calls that build on each other, on the resources that the contract tells of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.callers import is_credential
from grpcmock.fuzz.phases.stateful import (
    asked_order_programs,
    batch_programs,
    catalog_programs,
    child_programs,
    content_programs,
    credential_cases,
    criteria_programs,
    effect_programs,
    flag_programs,
    free_again_programs,
    freeing_programs,
    given_once_programs,
    keyed_programs,
    lending_programs,
    listing_programs,
    method_programs,
    new_name_cases,
    one_programs,
    operation_programs,
    order_programs,
    promise_programs,
    race_programs,
    random_sequences,
    range_programs,
    refused_name_cases,
    refused_programs,
    scenarios,
    search_programs,
    selection_programs,
    size_programs,
    state_programs,
    stream_programs,
    taken_programs,
    version_programs,
    view_programs,
)
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


_FIRST = 16
_PROGRAMS = (4, 10)
"""So many programs of methods come in a turn."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the cases of one method: who may call it, and what is known to go wrong; programs of methods, once more
    values are known; and then programs of resources by chance."""
    cases, programs = _cases(method, plan), method_programs.cases(method, plan)
    yield islice(cases, _FIRST)
    few, more = _PROGRAMS
    yield chain(selection_programs.cases(method, plan, "selected-again-by"), islice(programs, few))
    yield islice(programs, more)
    yield chain(programs, cases)


def _cases(method: Method, plan: Plan) -> Iterator[Case]:
    yield from credential_cases.cases(method, plan)
    yield from new_name_cases.cases(method, plan)
    yield from promise_programs.cases(method, plan)
    yield from state_programs.cases(method, plan)
    yield from one_programs.cases(method, plan)
    yield from child_programs.cases(method, plan)
    yield from version_programs.cases(method, plan)
    yield from race_programs.cases(method, plan)
    yield from freeing_programs.cases(method, plan)
    yield from free_again_programs.cases(method, plan)
    yield from given_once_programs.cases(method, plan)
    yield from refused_name_cases.cases(method, plan)
    yield from lending_programs.cases(method, plan)
    yield from effect_programs.cases(method, plan)
    yield from refused_programs.cases(method, plan)
    yield from taken_programs.cases(method, plan)
    yield from flag_programs.cases(method, plan)
    yield from batch_programs.cases(method, plan)
    yield from content_programs.cases(method, plan)
    yield from selection_programs.cases(method, plan)
    yield from order_programs.cases(method, plan)
    yield from listing_programs.cases(method, plan)
    yield from asked_order_programs.cases(method, plan)
    yield from criteria_programs.cases(method, plan)
    yield from stream_programs.cases(method, plan)
    yield from view_programs.cases(method, plan)
    yield from operation_programs.cases(method, plan)
    yield from range_programs.cases(method, plan)
    factory = _factory(plan)
    yield from catalog_programs.cases(method, plan, factory.resources)
    yield from search_programs.cases(method, factory)
    yield from search_programs.beside_criteria(method, factory)
    yield from search_programs.of_nothing(method, factory)
    yield from size_programs.cases(method, factory)
    known = factory.resources.by_path.get(method.path)
    if known is None:
        yield from keyed_programs.cases(method, plan, frozenset(factory.resources.by_path))
        return
    resource, operation = known
    yield from scenarios.cases(resource, operation, factory)
    yield from random_sequences.cases(resource, operation, factory)


def notices(plan: Plan) -> Iterator[str]:
    """Yield what can't be looked at in this run, and why."""
    if not any(is_credential(key) for key, _ in plan.credentials):
        yield "auth_enforced didn't run: no credentials are configured. Give them with -H 'authorization: …'"
    if not plan.credentials or not plan.second_identity:
        yield "object_authorization didn't run: it takes -H and --second-identity 'authorization: …'"
    if untold := list(_untold(plan)):
        where = "" if not _factory(plan).resources.all else f" of {', '.join(untold)}"
        yield (
            f"no resources were told from the names of methods{where}: write down with --links which methods belong "
            "together"
        )


def _untold(plan: Plan) -> Iterator[str]:
    """Yield the services of which no resource is told, though they have several methods."""
    resources = _factory(plan).resources
    told = {operation.method.service for resource in resources.all for operation in resource.operations}
    counts = Counter(method.service for method in plan.methods)
    if not resources.all:
        yield from counts
        return
    yield from (service for service, count in counts.items() if count > 1 and service not in told)


@lru_cache(4)
def _factory(plan: Plan) -> ResourceFactory:
    return ResourceFactory(plan)
