"""Things that come and go, below parents that do: a small server, without a bug and with each of several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import grpc.aio
import pytest
from shelves import BUGS, Shelves, contract

from grpcmock.fuzz.checks.registry import all_checks
from grpcmock.fuzz.checks.suite import CheckSuite
from grpcmock.fuzz.execution.executor import Executor
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.model.cases import Case
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import scenarios
from grpcmock.fuzz.phases.stateful.resource_factory import ResourceFactory
from grpcmock.schema import Registry

_PLAIN = re.compile(r"read-back-")
"""Scenarios that have tests of their own."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return contract(tmp_path_factory.mktemp("shelves"))


def cases(registry: Registry) -> Iterator[Case]:
    expectations = Expectations(registry=registry)
    methods = tuple(registry.methods.values())
    plan = Plan(registry=registry, methods=methods, expectations=expectations, generators=Generators(registry), seed=3)
    factory = ResourceFactory(plan)
    for resource in factory.resources.all:
        for operation in resource.operations:
            for case in scenarios.cases(resource, operation, factory):
                if not _PLAIN.search(case.id):
                    yield case


async def found(registry: Registry, serving: Any, bug: str) -> dict[str, set[str]]:
    """Make all scenarios. Returns the checks that have something to say, with the cases in which they do."""
    suite = CheckSuite(all_checks(), Expectations(registry=registry))
    said: dict[str, set[str]] = {}
    async with serving(Shelves(registry, bug).handlers()) as target, grpc.aio.insecure_channel(str(target)) as channel:
        executor = Executor(channel)
        for case in cases(registry):
            for finding in suite.evaluate(case, await executor.run(case)):
                if not finding.is_warning:
                    said.setdefault(finding.code, set()).add(case.id.rpartition("/")[2])
    return said


async def test_a_right_server_breaks_no_law(serving: Any, registry: Registry) -> None:
    assert await found(registry, serving, "") == {}


@pytest.mark.parametrize(("bug", "code"), BUGS.items())
async def test_a_bug_breaks_one(bug: str, code: str, serving: Any, registry: Registry) -> None:
    assert code in await found(registry, serving, bug)
