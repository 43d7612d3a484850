"""A run as one JSON document. ``docs/fuzz-reports.md`` describes its shape, which changes only with its version."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.coverage.totals import tree as coverage_tree
from grpcmock.fuzz.model.message_text import message_text
from grpcmock.fuzz.model.readable import all_decoded
from grpcmock.fuzz.replay import case_file as case_files
from grpcmock.fuzz.reporting.reproduction import forms
from grpcmock.schema.codec import DecodeError, decode, to_tree

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.reporting.history import History
    from grpcmock.schema import Method

VERSION = 1

_LARGEST = 1 << 16
"""Bytes of a message that is repeated in a report."""


def write(history: History) -> str:
    """Write the document."""
    return json.dumps(document(history), ensure_ascii=False, indent=2) + "\n"


def document(history: History) -> dict[str, Any]:
    """Give the document as plain values."""
    found: dict[str, Any] = history.secrets.hidden(
        {
            "version": VERSION,
            "summary": summary(history),
            "failures": [failure_tree(failure, history) for failure in history.failures],
            "remarks": [failure_tree(failure, history) for failure in history.remarks],
            "accepted": [failure_tree(failure, history) for failure in history.known],
            "warnings": [
                {
                    "code": one.finding.code,
                    "name": one.finding.check,
                    "method": one.method,
                    "path": one.finding.path,
                    "expected": one.finding.expected,
                    "actual": one.finding.actual,
                    "after_cases": one.after_cases,
                    "after_seconds": round(one.after_seconds, 3),
                }
                for one in history.warnings
            ],
            "phases": [
                {
                    "phase": span.phase.value,
                    "begin_seconds": round(span.begin, 4),
                    "seconds": round(span.end - span.begin, 4),
                    "cases": span.cases,
                    "calls": span.calls,
                }
                for span in history.phases
            ],
            "notices": [
                {"method": one.method.full_name if one.method else None, "message": one.message}
                for one in history.notices
            ],
            "coverage": coverage_tree(history.coverage),
        }
    )
    return found


def summary(history: History) -> dict[str, Any]:
    """Give the figures of a run."""
    started = history.started
    severities = Counter(find_check(failure.finding.check).severity.value for failure in history.failures)
    return {
        "target": history.target.address,
        "seed": started.seed if started else None,
        "started": history.began.isoformat(timespec="seconds"),
        "seconds": round(history.seconds, 3),
        "cases": history.cases,
        "calls": history.calls,
        "methods": len(started.methods) if started else 0,
        "checks": list(started.checks) if started else [],
        "failures": len(history.failures),
        "remarks": len(history.remarks),
        "by_severity": dict(severities),
        "accepted": len(history.known),
        "answered": {"done": history.reach.answered.done, "total": history.reach.answered.total},
        "untested": history.reach.too_little or None,
        "interrupted": history.interrupted or None,
        "not_begun": history.not_begun or None,
    }


def failure_tree(failure: Failure, history: History | None = None) -> dict[str, Any]:
    """Give one failure as plain values; with a *history*, with its reproducers."""
    finding, case = failure.finding, failure.case
    check = find_check(finding.check)
    calls = [_call(reply.call, reply) for reply in failure.result.replies[: len(case.calls)]] or [
        _call(call, None) for call in case.calls
    ]
    found: dict[str, Any] = {
        "id": failure.id,
        "code": check.code,
        "name": check.name,
        "severity": check.severity.value,
        "method": case.method.full_name,
        "phase": case.phase.value,
        "case": failure.first.id,
        "why": case.why,
        "path": finding.path or case.path,
        "rule": case.rule,
        "expected": finding.expected,
        "actual": finding.actual,
        "flaky": failure.is_flaky,
        "hits": failure.hits,
        "tries": failure.tries,
        "seen": failure.seen,
        "needs_data": failure.needs_data,
        "also_at": list(failure.others),
        "also": [{"code": one.code, "method": one.method, "path": one.path} for one in failure.also],
        "after_cases": failure.after_cases,
        "after_seconds": round(failure.after_seconds, 4),
        "fields": fields(failure),
        "request": calls[-1]["requests"][0] if calls and len(calls[-1]["requests"]) == 1 else None,
        "calls": calls,
        "repeat": case.repeat,
        "concurrent": case.concurrent,
        **({"together": case.together} if case.together else {}),
    }
    health = failure.result.health
    if not health.is_well:
        found["server"] = {"alive": health.alive, "exit_code": health.exit_code}
    if history is not None:
        found["reproducers"] = {
            "grpcurl": forms(failure, history, ("grpcurl",)).get("grpcurl", ("", ""))[0].rstrip() or None,
            "replay": f"grpcmock replay {failure.id}",
            "case_file": str(case_files.FOLDER / f"{failure.id}.json"),
        }
    return found


def fields(failure: Failure) -> int | None:
    """Count the fields that are set in the requests of the call that fails: the last one of the method that is tried.

    Requests of a stream that are alike count once. None if a request isn't a message.
    """
    case = failure.case
    call = next((call for call in reversed(case.calls) if call.method is case.method), case.calls[-1])
    if call.raw is not None or call.method is None:
        return None
    requests = all_decoded(call.method.request_class, set(call.messages))
    return sum(map(_set_fields, requests)) if requests is not None else None


def _set_fields(message: Message) -> int:
    """Count every field that is set, and those set inside it."""
    count = 0
    for field, value in message.ListFields():
        count += 1
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        count += sum(map(_set_fields, value)) if field.is_repeated else _set_fields(value)
    return count


def _call(call: Call, reply: Reply | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "path": call.path,
        "requests": [message(data, call.method) for data in call.messages],
    }
    if call.raw is not None:
        found["raw"] = True
    if call.metadata:
        found["metadata"] = [
            [key, base64.b64encode(value).decode() if isinstance(value, bytes) else value]
            for key, value in call.metadata
        ]
    if call.deadline is not None:
        found["deadline"] = call.deadline
    if call.unread:
        found["unread"] = call.unread
    if reply is not None:
        found |= {
            "status": reply.name,
            "message": reply.message,
            "termination": reply.termination.name.lower(),
            "seconds": round(reply.seconds, 6),
            "responses": [message(data, call.method, response=True) for data in reply.responses[:100]],
            "response_count": len(reply.responses),
        }
    return found


def message(data: bytes, method: Method | None, *, response: bool = False) -> dict[str, Any]:
    """Give one message: ``json`` where it can be said, ``base64`` where it is not too large, ``bytes`` its length."""
    found: dict[str, Any] = {"bytes": len(data)}
    if len(data) > _LARGEST:
        return found | {"shown": message_text(data, method, response=response)}
    if method is not None:
        message_class = method.response_class if response else method.request_class
        try:
            tree = to_tree(decode(message_class, data))
            json.dumps(tree, ensure_ascii=False).encode()
            found["json"] = tree
        except (DecodeError, ValueError, RecursionError):
            pass
    return found | {"base64": base64.b64encode(data).decode()}
