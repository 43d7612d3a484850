"""How many messages come back: exactly one where the method says so, and none with an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult


def _response_count(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        method, count = reply.call.method, len(reply.responses)
        if method is None or method.kind.server_streams or count == 1 or reply.call.raw is not None:
            continue
        if reply.is_ok:
            yield Finding(
                check="response_count",
                expected="exactly one response with OK",
                actual=f"{count} responses",
                key="ok",
                method=method,
            )
            return
        if count > 1:
            expected = "one response, then the end of the call"
            yield Finding(
                check="response_count",
                expected=expected,
                actual=f"{count} responses, then {said(reply)}",
                key="many",
                method=method,
            )
            return


def _after_error(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        method = reply.call.method
        if method is None or method.kind.server_streams or not reply.code or len(reply.responses) != 1:
            continue
        if reply.termination is Termination.SERVER and reply.call.raw is None:
            expected = "no response beside an error: callers that see one and not the other go wrong"
            yield Finding(
                check="after_error",
                expected=expected,
                actual=f"{'a response' if any(reply.responses) else 'an empty response'}, and {said(reply)}",
                key="message",
                method=method,
                # grpcio sends what a handler returns that has set the code of an error, as its examples do.
                is_warning=not any(reply.responses),
                server_wide=not any(reply.responses),
            )
            return


CHECKS = (
    Check(
        code="G110",
        name="response_count",
        severity=Severity.HIGH,
        title="A method that doesn't stream its answer gives exactly one response with OK.",
        evaluate=_response_count,
    ),
    Check(
        code="G140",
        name="after_error",
        severity=Severity.MEDIUM,
        title="A call that fails carries no response.",
        evaluate=_after_error,
    ),
)
