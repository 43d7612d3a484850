"""A failure in plain text: what was tried and why, what the contract demands, what came, and the smallest request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.client.details import decode_details
from grpcmock.fuzz.checks.registry import find_check
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.message_text import WIDEST, hex_text, message_text
from grpcmock.fuzz.model.wording import said

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method, Registry

_CALLERS = {
    Caller.NOBODY: "without credentials",
    Caller.GARBLED: "with garbled credentials",
    Caller.OTHER: "as the other identity",
}
_TELLING = 16
"""Characters of an answer that tells something by itself; a shorter one says little without what was expected."""

_LISTED = 4
"""So many calls and messages are shown one by one where there are more of them alike."""


def failure_lines(failure: Failure, registry: Registry | None = None) -> list[str]:
    """Give the lines of a failure, the heading first, the others indented."""
    finding, case, result = failure.finding, failure.case, failure.result
    check = find_check(finding.check)
    lines = [
        f"{finding.code} {check.name} ({check.severity.value})  {failure.method}  {failure.id}",
        f"  phase     {case.phase.value}: {failure.first.id}",
        f"  why       {case.why}",
        f"  expected  {finding.expected}",
        f"  actual    {finding.actual}",
    ]
    if failure.also:
        lines += also_lines(failure)
    if failure.is_flaky:
        lines.append(f"  seen      in {failure.hits} of {failure.tries} tries of the same case")
    if failure.needs_data:
        lines.append("  needs     perhaps, data that the server held then: these calls don't make all of it")
    if not result.health.alive and result.health.exit_code is None and not result.health.silent:
        lines.append("  server    takes no connections any more")
    lines += [f"  {line}" for line in case_lines(case, result, registry)]
    return lines


def gist(failure: Failure) -> str:
    """Return in few words what is wrong."""
    actual, expected = (" ".join(text.split()) for text in (failure.finding.actual, failure.finding.expected))
    return actual if len(actual) > _TELLING else f"{actual}, not {expected}"


def also_lines(failure: Failure) -> list[str]:
    """Return the lines that say where else a cause was seen, and by which checks."""
    of_code: dict[str, list[str]] = {}
    for one in failure.also:
        of_code.setdefault(one.code, []).append(one.method)
    told = [
        f"{named(methods)}" if code == failure.finding.code else f"{code} {find_check(code).name} {named(methods)}"
        for code, methods in sorted(of_code.items(), key=lambda pair: pair[0] != failure.finding.code)
    ]
    return [f"  {'also' if not index else '':9} {text}" for index, text in enumerate(told)]


def named(methods: Sequence[str]) -> str:
    """List methods by their full names: a service is said once where it stays the same, of many some are left out."""
    told, last = [], ""
    for method in methods[:_LISTED]:
        service, _, name = method.rpartition("/")
        told.append(name if service == last else method)
        last = service
    return ", ".join(told) + (f" and {len(methods) - _LISTED} more" if len(methods) > _LISTED else "")


def case_lines(case: Case, result: CaseResult, registry: Registry | None = None) -> list[str]:
    """Give the calls of a case with what came back, those that repeat shortened."""
    lines: list[str] = []
    calls = case.calls
    for index, call in enumerate(calls):
        made = result.replies[index].call if index < len(result.replies) else call
        if index and call == calls[index - 1] and index + 1 < len(calls) and call == calls[index + 1]:
            if not lines or lines[-1] != "…":
                lines.append("…")
            continue
        lines += call_lines(made)
        if index < len(result.replies):
            lines += reply_lines(result.replies[index], registry)
    if case.repeat > 1:
        lines.append(f"repeated  {case.repeat} times{' at once' if case.concurrent else ''}")
    if case.together:
        lines.append(f"at once   the last {case.together} calls")
    return lines


def call_lines(call: Call) -> list[str]:
    """Give a call: one line for each message, in ProtoJSON, or in hex where JSON can't say it."""
    name = call.method.name if call.method is not None else call.path
    if call.raw is not None:
        sent = b"".join(call.raw.chunks)
        return [f"request   {name}: raw HTTP/2, {len(sent)} bytes of data{': ' + hex_text(sent) if sent else ''}"]
    steps = [_step(action, call.method) for action in call.actions]
    if call.actions and call.actions[-1] == HALF_CLOSE and not any(isinstance(a, Cancel) for a in call.actions):
        steps.pop()
    if not steps:
        steps = ["(no message)"]
    extra = [f"deadline {call.deadline:g} s"] if call.deadline is not None else []
    extra += [f"metadata {key}" for key, _ in call.metadata]
    extra += [_CALLERS[call.caller]] if call.caller in _CALLERS else []
    extra += [f"compressed with {call.compression}"] if call.compression else []
    extra += [f"nothing is read for {call.unread:g} s"] if call.unread else []
    lines = [f"request   {name}: {steps[0]}", *(f"          {step}" for step in _short(steps[1:]))]
    if extra:
        lines[0] += f"  [{', '.join(extra)}]"
    return lines


def _short(steps: list[str]) -> Iterator[str]:
    yield from steps[:_LISTED]
    if len(steps) > _LISTED + 1:
        yield f"… {len(steps) - _LISTED - 1} more"
    yield from steps[_LISTED:][-1:]


def _step(action: Action, method: Method | None) -> str:
    match action:
        case Send():
            return message_text(action.data, method)
        case HalfClose():
            return "(half-close)"
        case Receive():
            return f"(wait for {action.count} response{'' if action.count == 1 else 's'})"
        case Headers():
            return "(wait for headers)"
        case Pause():
            return f"(wait {action.seconds:g} s)"
        case Cancel():
            return "(cancel)"


def reply_lines(reply: Reply, registry: Registry | None = None) -> list[str]:
    """Give what came back: the status, its details, the responses."""
    method = reply.call.method
    lines = [f"status    {said(reply)}"]
    rich = decode_details(reply.trailers, registry)
    for detail in rich.details if rich is not None else ():
        tree = detail.tree()
        name = str(tree.pop("@type", "")).rpartition("/")[2]
        lines.append(f"details   {name}: {json.dumps(tree, ensure_ascii=False)[:WIDEST]}")
    answers = [message_text(response, method, response=True) for response in reply.responses]
    lines += [f"response  {answer}" for answer in _short(answers)]
    return lines
