"""The rules that the contract states for requests: what breaks one is refused, and what keeps all is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.in_band import effective
from grpcmock.fuzz.model.wording import said, shape, unhandled
from grpcmock.fuzz.model.results import Ending
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.cases import Expect
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Evidence, Reply
    from grpcmock.fuzz.expectations.expectations import Terms
    from grpcmock.fuzz.model.cases import Trial

_ODD_REFUSALS = frozenset({Code.FAILED_PRECONDITION, Code.ABORTED, Code.DATA_LOSS})
"""Codes that hardly speak of a rule that was broken: there it is refused all the same."""

_OPAQUE = frozenset(
    {"page_token", "filter", "order_by", "etag", "next_page_token", "query", "cursor", "continuation_token"}
)
"""Fields of which only the server knows what they may hold, whatever the protos say (AIP-132, 154, 158, 160)."""

_MASK = "google.protobuf.FieldMask"


def _negative_rejected(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if trial.expect is not Expect.REFUSED:
        return
    reply = effective(evidence.last, terms)
    got, advice = _taken(reply), False
    if not got and reply.code in _ODD_REFUSALS and reply.ending is Ending.SERVER:
        got, advice = said(reply), True
    if not got:
        return
    broken = trial.rule or trial.why
    yield Finding(
        code="G125",
        expected=f"INVALID_ARGUMENT: the request breaks {broken}{_at(trial.path)}, and nothing else",
        got=got,
        path=trial.path,
        key=f"{trial.path} {trial.rule}",
        advice=advice,
    )


def _taken(reply: Reply) -> str:
    """Say how a call ended that should have been refused; empty if it was, whatever the reason."""
    if reply.is_ok or (reply.ending is Ending.ENOUGH and reply.responses):
        return said(reply)
    return ""


def _at(path: str) -> str:
    return f" at {path}" if path else ""


def _positive_accepted(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if trial.expect is not Expect.ACCEPTED:
        return
    reply = effective(evidence.last, terms)
    if (got := _refused(reply)) is None:
        return
    stated = terms.has_rules(trial.method.input)
    keeps = "anything but INVALID_ARGUMENT: the request keeps every rule that the contract states"
    yield Finding(
        code="G126",
        expected=keeps if stated else "a rule in the protos that says so: they state none for these requests",
        got=got,
        path=trial.path,
        key=shape(reply),
        advice=not stated,
    )


def _refused(reply: Reply) -> str | None:
    """Say how a valid request was refused; None if it wasn't, or if there may be a reason that no proto can state."""
    is_refused = reply.code == Code.INVALID_ARGUMENT and reply.ending is Ending.SERVER
    if not is_refused or reply.call.method is None:
        return None
    for data in reply.call.messages:
        if is_opaque(reply.call.method.request_class.FromString(data)):
            return None
    return said(reply)


def is_opaque(message: Message, depth: int = 4) -> bool:
    """Whether a request has a value that only the server can judge: a page token, a filter, a mask of fields."""
    for field, value in message.ListFields():
        if field.name in _OPAQUE:
            return True
        kind = field.message_type
        if kind is None:
            continue
        if kind.full_name == _MASK:
            return True
        if depth and not kind.GetOptions().map_entry:
            inner = value if field.is_repeated else (value,)
            if any(is_opaque(one, depth - 1) for one in inner):
                return True
    return False


def _boundary_pair(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    inside, past = effective(evidence.replies[0], terms), effective(evidence.replies[1], terms)
    refused, taken = _refused(inside), _taken(past)
    if refused is not None and not terms.has_rules(trial.method.input):
        refused = None
    if refused is None and not taken:
        return
    got = []
    if refused is not None:
        got.append(f"at the bound: {refused}")
    if taken:
        got.append(f"past the bound: {taken}")
    yield Finding(
        code="G127",
        expected=f"what is at the bound of {trial.rule or 'the rule'}{_at(trial.path)} taken, what is past it refused",
        got="; ".join(got),
        path=trial.path,
        key=f"{trial.path} {trial.rule}",
    )


def _error_in_band(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if not terms.status_fields or trial.expect is Expect.UNDECODABLE:
        return
    for reply in evidence.replies:
        told = effective(reply, terms)
        if told is reply:
            continue
        if not 0 <= told.code <= 16:
            yield Finding(code="G150", expected="a code from 0 to 16", got=said(told), key="code")
        elif unhandled(told):
            expected = "no UNKNOWN or INTERNAL, in the body as little as in the status: the request decodes"
            yield Finding(code="G150", expected=expected, got=said(told), key=shape(told))
        elif told.code == Code.INVALID_ARGUMENT and trial.expect is Expect.ACCEPTED and _refused(told) is not None:
            expected = "no INVALID_ARGUMENT in the body: the request keeps every rule that the contract states"
            yield Finding(
                code="G150",
                expected=expected,
                got=said(told),
                key=shape(told),
                advice=not terms.has_rules(trial.method.input),
            )


CHECKS = (
    Check(
        code="G125",
        name="negative_rejected",
        severity=Severity.HIGH,
        title="A request that breaks one rule of the contract is refused with INVALID_ARGUMENT or OUT_OF_RANGE.",
        judge=_negative_rejected,
    ),
    Check(
        code="G126",
        name="positive_accepted",
        severity=Severity.MEDIUM,
        title="A request that keeps all rules of the contract is not INVALID_ARGUMENT.",
        judge=_positive_accepted,
    ),
    Check(
        code="G127",
        name="boundary_pair",
        severity=Severity.HIGH,
        title="The value at a bound is taken, and the one past it is refused.",
        judge=_boundary_pair,
        aimed=True,
        covers=frozenset({"G125", "G126"}),
    ),
    Check(
        code="G150",
        name="error_in_band",
        severity=Severity.HIGH,
        title="An error told in the body of a response counts like a status.",
        judge=_error_in_band,
        covers=frozenset({"G126"}),
    ),
)
