"""A verification as JUnit XML, for the CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcmock.reports.junit import Case, Suite, Trouble, to_xml
from grpcmock.verify.reporting.terminal import result_lines
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.verify.results import Report, Result


NAME: Final = "grpcmock verify"


def to_junit(report: Report) -> str:
    """Return JUnit XML."""
    return to_xml(suites(report), NAME)


def suites(report: Report) -> list[Suite]:
    """Return a suite for each consumer and file, with a case for each stub."""
    found: dict[str, list[Result]] = {}
    for result in report.results:
        file = result.location.file if result.location else ""
        found.setdefault(result.consumer or file or "stubs", []).append(result)
    properties = [("target", report.target)] if report.target else []
    return [
        Suite(name=name, cases=tuple(map(_case, results)), started=report.started, properties=properties)
        for name, results in found.items()
    ]


def _case(result: Result) -> Case:
    text = "\n".join(result_lines(result))
    first = result.findings[0] if result.findings else None
    said = f"{first.path}: expected {first.expected}, actual {first.actual}" if first else result.reason
    more = len(result.findings) - 1
    failure = error = skipped = None
    match result.verdict:
        case Verdict.FAILED:
            failure = Trouble(f"{said}, and {more} more" if more > 0 else said, text, "difference")
        case Verdict.ERROR:
            error = Trouble(result.reason, text, "setup")
        case Verdict.NOT_RUN:
            error = Trouble(result.reason, text, "not-run")
        case Verdict.PENDING:
            skipped = f"pending: {said}"
        case Verdict.SKIPPED:
            skipped = result.reason
    return Case(
        name=result.name,
        classname=result.method.replace("/", "."),
        seconds=result.seconds,
        failure=failure,
        error=error,
        skipped=skipped,
        file=result.location.file if result.location else "",
        line=result.location.line if result.location else 0,
    )
