"""Stubs tell the truth: where the mock that they make answers a request, the real server answers alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks import field_presence as presence
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.model.wording import said, unhandled
from grpcmock.fuzz.model.results import Ending
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.cases import Expect, Phase
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Evidence, Mocked, Reply
    from grpcmock.fuzz.expectations.expectations import Terms
    from grpcmock.fuzz.model.cases import Trial


def _mock_parity(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    mocked, reply = evidence.mocked, evidence.last
    if mocked is None or (trial.expect is not Expect.ACCEPTED and trial.phase is not Phase.EXAMPLES):
        return  # stubs don't check what they are asked; only of valid requests do they speak
    if reply.ending is not Ending.SERVER or unhandled(reply):
        return  # that is told by other checks
    by = f"as by the stub {mocked.stub}"
    if mocked.code != reply.code:
        expected = f"{Code(mocked.code).name}, {by}"
        yield Finding(code="G152", expected=expected, got=said(reply), key=f"status {mocked.code} {reply.name}")
    elif reply.is_ok:
        yield from _fields(mocked, reply, by)


def _fields(mocked: Mocked, reply: Reply, by: str) -> Iterator[Finding]:
    method = reply.call.method
    assert method is not None
    if mocked.responses and not reply.responses:
        yield Finding(code="G152", expected=f"responses, {by}", got="none", path="responses", key="responses")
        return
    promised, there = presence.paths(mocked.responses, method), presence.paths(reply.responses, method)
    if promised is None or there is None:
        return
    missing = {path for path in promised - there if presence.tells(path, method)}
    for path in _outermost(missing):
        where = f"response.{path}"
        yield Finding(code="G152", expected=f"{where}, {by}", got=f"{where} isn't there", path=where, key=f"no {path}")
    if mocked.responses:
        for path in _outermost(there - promised):
            where = f"response.{path}"
            expected = f"no {where}, {by}"
            got = f"{where} is there: tests against the mock never see it"
            yield Finding(code="G152", expected=expected, got=got, path=where, key=f"more {path}", advice=True)


def _outermost(paths: set[str]) -> list[str]:
    """Give the paths that stand below no other of them, in order."""
    return sorted(path for path in paths if not any(path.startswith((f"{other}.", f"{other}[].")) for other in paths))


CHECKS = (
    Check(
        code="G152",
        name="mock_parity",
        severity=Severity.HIGH,
        title="The mock from the stubs and the server answer a valid request with the same status and the same fields.",
        judge=_mock_parity,
    ),
)
