"""Stubs tell the truth: where the mock that they make answers a request, the real server answers alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks import field_presence
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.cases import Expect, Phase
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said, unhandled
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, MockAnswer, Reply


def _mock_parity(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    mock_answer, reply = result.mock_answer, result.last
    if mock_answer is None or (case.expect is not Expect.ACCEPTED and case.phase is not Phase.EXAMPLES):
        return  # stubs don't check what they are asked; only of valid requests do they speak
    if reply.termination is not Termination.SERVER or unhandled(reply):
        return  # that is told by other checks
    by = f"as by the stub {mock_answer.stub}"
    if mock_answer.code != reply.code:
        expected = f"{Code(mock_answer.code).name}, {by}"
        yield Finding(
            check="mock_parity", expected=expected, actual=said(reply), key=f"status {mock_answer.code} {reply.name}"
        )
    elif reply.is_ok:
        yield from _fields(mock_answer, reply, by)


def _fields(mock_answer: MockAnswer, reply: Reply, by: str) -> Iterator[Finding]:
    method = reply.call.method
    assert method is not None
    if mock_answer.responses and not reply.responses:
        yield Finding(
            check="mock_parity", expected=f"responses, {by}", actual="none", path="responses", key="responses"
        )
        return
    promised, there = field_presence.paths(mock_answer.responses, method), field_presence.paths(reply.responses, method)
    if promised is None or there is None:
        return
    missing = {path for path in promised - there if field_presence.tells(path, method)}
    for path in _outermost(missing):
        where = f"response.{path}"
        yield Finding(
            check="mock_parity", expected=f"{where}, {by}", actual=f"{where} isn't there", path=where, key=f"no {path}"
        )
    if mock_answer.responses:
        for path in _outermost(there - promised):
            where = f"response.{path}"
            expected = f"no {where}, {by}"
            actual = f"{where} is there: tests against the mock never see it"
            yield Finding(
                check="mock_parity", expected=expected, actual=actual, path=where, key=f"more {path}", is_warning=True
            )


def _outermost(paths: set[str]) -> list[str]:
    """Give the paths that stand below no other of them, in order."""
    return sorted(path for path in paths if not any(path.startswith((f"{other}.", f"{other}[].")) for other in paths))


CHECKS = (
    Check(
        code="G152",
        name="mock_parity",
        needs_rules=True,
        reads=frozenset({"stubs"}),
        severity=Severity.HIGH,
        title="The mock from the stubs and the server answer a valid request with the same status and the same fields.",
        evaluate=_mock_parity,
    ),
)
