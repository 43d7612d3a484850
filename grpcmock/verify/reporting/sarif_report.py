"""A verification as SARIF: what fails, at its place in the stubs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.reports import sarif
from grpcmock.verify.reporting.terminal import result_lines
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.verify.results import Report, Result

_RULES = {
    "difference": "The server answers as the stub says.",
    "setup": "What a stub takes as given can be set up.",
    "not-run": "The server stays to be asked.",
}

_BROKEN = {
    Verdict.FAILED: "difference",
    Verdict.PENDING: "difference",
    Verdict.ERROR: "setup",
    Verdict.NOT_RUN: "not-run",
}


def to_sarif(report: Report) -> str:
    """Return the document: all that is wrong; what is known to be is suppressed."""
    return sarif.to_sarif(
        sarif.Run(
            tool="grpcmock verify",
            rules=[sarif.Rule(id=rule, text=text, tags=["contract"]) for rule, text in _RULES.items()],
            results=[_result(result) for result in report.results if result.verdict in _BROKEN],
            started=report.started,
            seconds=report.seconds,
            trouble=report.aborted,
            properties={"target": report.target},
        )
    )


def _result(result: Result) -> sarif.Result:
    return sarif.Result(
        rule=_BROKEN[result.verdict],
        message="\n".join(result_lines(result)),
        place=result.location,
        symbol=result.method,
        fingerprint=result.id,
        accepted="the baseline says that it is known to fail" if result.verdict is Verdict.PENDING else None,
    )
