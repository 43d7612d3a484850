"""A run as it goes: one JSON object on a line for each event."""

from __future__ import annotations

import base64
import json
from typing import IO, TYPE_CHECKING, Any

from grpcmock.fuzz.model.events import (
    CaseFinished,
    FailureFound,
    FailureRevised,
    Finished,
    MethodStopped,
    Notice,
    PhaseFinished,
    PhaseStarted,
    Started,
)
from grpcmock.fuzz.reporting.json_report import failure_tree

if TYPE_CHECKING:
    from grpcmock.fuzz.model.events import Event
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.reporting.history import History

_LARGEST = 4096
"""Bytes of a request that is repeated."""

_MOST = 10
"""So many messages of a stream, and calls of a case, are told one by one."""


class Lines:
    """Writes events to a file that is open already."""

    def __init__(self, opened: IO[str], history: History) -> None:
        self._opened: IO[str] | None = opened
        self._history = history

    def hear(self, event: Event) -> None:
        """Write one line. Once the file can't be written any more, nothing is."""
        if self._opened is None:
            return
        tree = self._history.secrets.hidden(event_tree(event))
        try:
            self._opened.write(json.dumps(tree, ensure_ascii=False, separators=(",", ":")) + "\n")
        except (OSError, ValueError):
            self._opened = None


def event_tree(event: Event) -> dict[str, Any]:
    """Give an event as plain values; ``event`` is its name."""
    match event:
        case CaseFinished():
            case = event.case
            return {
                "event": "case_finished",
                "id": case.id,
                "phase": case.phase.value,
                "method": case.method.full_name,
                "why": case.why,
                "expect": case.expect.value,
                "calls": [_call(reply) for reply in event.result.replies[:_MOST]],
                "call_count": len(event.result.replies),
                "findings": [
                    {"code": one.code, "warning": one.is_warning, "actual": one.actual, "path": one.path}
                    for one in event.findings
                ],
            }
        case FailureFound():
            return {"event": "failure_found", "failure": failure_tree(event.failure)}
        case FailureRevised():
            revised = {"event": "failure_revised", "failure": failure_tree(event.failure)}
            return revised | {"replaces": event.replaces or None}
        case Started():
            return {
                "event": "started",
                "target": event.target,
                "seed": event.seed,
                "methods": [method.full_name for method in event.methods],
                "phases": [phase.value for phase in event.phases],
                "checks": list(event.checks),
            }
        case PhaseStarted():
            return {"event": "phase_started", "phase": event.phase.value, "planned": event.planned}
        case PhaseFinished():
            return {
                "event": "phase_finished",
                "phase": event.phase.value,
                "cases": event.cases,
                "calls": event.calls,
                "seconds": round(event.seconds, 4),
            }
        case MethodStopped():
            return {"event": "method_stopped", "method": event.method.full_name, "reason": event.reason}
        case Notice():
            method = event.method.full_name if event.method is not None else None
            return {"event": "notice", "method": method, "message": event.message}
        case Finished():
            return {
                "event": "finished",
                "failures": [failure.id for failure in event.failures],
                "remarks": [failure.id for failure in event.remarks],
                "warnings": len(event.warnings),
                "cases": event.cases,
                "calls": event.calls,
                "seconds": round(event.seconds, 4),
                "interrupted": event.interrupted or None,
            }


def _call(reply: Reply) -> dict[str, Any]:
    call = reply.call
    messages = call.messages
    return {
        "path": call.path,
        "requests": [
            base64.b64encode(data).decode() if len(data) <= _LARGEST else {"bytes": len(data)}
            for data in messages[:_MOST]
        ],
        "request_count": len(messages),
        "status": reply.name,
        "message": reply.message[:1000],
        "termination": reply.termination.name.lower(),
        "response_count": len(reply.responses),
        "seconds": round(reply.seconds, 6),
    }
