"""A verification in JSON, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.verify.results import Report, Result


def to_json(report: Report) -> str:
    """Return all that is known, as one JSON document."""
    document: dict[str, Any] = {
        "target": report.target,
        "started": report.started.isoformat() if report.started else None,
        "seconds": round(report.seconds, 6),
        "passed": report.passed,
        "counts": {verdict.value: report.counts.get(verdict, 0) for verdict in Verdict},
        "aborted": report.aborted,
        "warnings": [str(problem) for problem in report.warnings],
        "stale_baseline": list(report.stale_baseline),
        "results": [_result_document(result) for result in report.results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _result_document(result: Result) -> dict[str, Any]:
    return {
        "id": result.id,
        "name": result.name,
        "consumer": result.consumer or None,
        "method": result.method,
        "kind": result.kind,
        "file": result.location.file if result.location else None,
        "line": (result.location.line or None) if result.location else None,
        "given": result.given or None,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 6),
        "calls": [
            {
                "label": call.label,
                "requests": list(call.requests),
                "metadata": [list(pair) for pair in call.metadata],
                "responses": list(call.responses),
                "status": call.status,
                "findings": [
                    {"path": finding.path, "expected": finding.expected, "actual": finding.actual}
                    for finding in call.findings
                ],
                "seconds": round(call.seconds, 6),
            }
            for call in result.calls
        ],
    }
