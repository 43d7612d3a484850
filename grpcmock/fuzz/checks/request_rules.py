"""The rules that the contract states for requests: what breaks one is refused, and what keeps all is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks import comment_words, stated_words
from grpcmock.fuzz.checks.check import Check, Promise
from grpcmock.fuzz.checks.in_band import effective
from grpcmock.fuzz.checks.objections import Refusal, refusal
from grpcmock.fuzz.checks.stated_words import at_path, taken
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said, shape, unhandled
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_REQUIRED = "proto.required"
_LACKING = re.compile(
    r"requir|missing|initiali[sz]ed|must be set|not set|deseriali[sz]|unmarshal|decode|pars", re.IGNORECASE
)

_ODD_REFUSALS = frozenset({Code.FAILED_PRECONDITION, Code.ABORTED, Code.DATA_LOSS})
"""Codes that hardly speak of a rule that was broken: there it is refused all the same."""

_BEHAVIOR = "google.api.field_behavior"


def _negative_rejected(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if (by_words := comment_words.BY_RULE.get(case.rule)) is not None:
        yield from by_words(case, result, expectations)
        return
    if case.expect is not Expect.REFUSED:
        return
    reply = effective(result.last, expectations)
    actual, warning = taken(reply), False
    if not actual and reply.code in _ODD_REFUSALS and reply.termination is Termination.SERVER:
        actual, warning = said(reply), True
    if not actual:
        return
    broken = ", ".join(dict.fromkeys(case.rule.split(", "))) or case.why
    # Some libraries, Python's among them, take messages without what proto2 requires.
    lacks = set(case.rule.split(", ")) == {_REQUIRED}
    by_library = lacks and not any(map(_asks_for_required, result.replies[: case.setup]))
    yield Finding(
        check="negative_rejected",
        expected=f"INVALID_ARGUMENT: the request breaks {broken}{at_path(case.path)}, and nothing else",
        actual=actual,
        path=case.path,
        key=f"{case.path} {case.rule}",
        causes=_unset(case) if case.rule == _BEHAVIOR else (),
        is_warning=warning or by_library,
        server_wide=by_library,
    )


def _asks_for_required(reply: Reply) -> bool:
    """Whether a server refuses a message for what isn't in it, in words that say so."""
    refused = reply.termination is Termination.SERVER and reply.code in (Code.INVALID_ARGUMENT, Code.INTERNAL)
    return refused and _LACKING.search(reply.message) is not None


def _unset(case: Case) -> tuple[str, ...]:
    """Return the causes where a request is taken that lacks what must be set: its method doesn't look, and so what the
    server keeps may lack it, too."""
    causes = [f"{case.method.full_name} takes what is incomplete"]
    if (field := _field(case.method.input, case.path)) is not None:
        causes.append(f"{field.full_name} unset")
    return tuple(causes)


def _field(descriptor: Descriptor, path: str) -> FieldDescriptor | None:
    """Return the field at a path such as ``item.tags[].name``; None if there is none."""
    field: FieldDescriptor | None = None
    current: Descriptor | None = descriptor
    for name in re.sub(r"\[[^\]]*\]", "", path).split("."):
        field = current.fields_by_name.get(name) if current is not None else None
        if field is None:
            return None
        current = field.message_type
    return field


def _positive_accepted(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if case.expect is not Expect.ACCEPTED:
        return
    reply = effective(result.last, expectations)
    found = refusal(reply, expectations, case.path, result.replies)
    if found is Refusal.NONE:
        return
    is_stated = found is Refusal.CONTRADICTION
    keeps = "anything but INVALID_ARGUMENT: the request keeps what the contract states of the very thing"
    yield Finding(
        check="positive_accepted",
        expected=keeps if is_stated else "a rule in the protos that says so: of what the server minds they state none",
        actual=said(reply),
        path=case.path,
        key=shape(reply),
        is_warning=not is_stated,
    )


def _boundary_pair(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if (by_words := stated_words.BY_RULE.get(case.rule)) is not None:
        yield from by_words(case, result, expectations)
        return
    inside, past = effective(result.replies[0], expectations), effective(result.replies[1], expectations)
    found = refusal(inside, expectations, case.path, result.replies)
    refused, is_taken = found is Refusal.CONTRADICTION, taken(past)
    if not refused and not is_taken:
        return
    actual = []
    if refused:
        actual.append(f"at the bound: {said(inside)}")
    if is_taken:
        actual.append(f"past the bound: {is_taken}")
    where = f"{case.rule or 'the rule'}{at_path(case.path)}"
    yield Finding(
        check="boundary_pair",
        expected=f"what is at the bound of {where} taken, what is past it refused",
        actual="; ".join(actual),
        path=case.path,
        key=f"{case.path} {case.rule}",
    )


def _error_in_band(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if not expectations.status_fields or case.expect is Expect.UNDECODABLE:
        return
    for reply in result.replies:
        told = effective(reply, expectations)
        if told is reply:
            continue
        if not 0 <= told.code <= 16:
            yield Finding(check="error_in_band", expected="a code from 0 to 16", actual=said(told), key="code")
        elif unhandled(told):
            expected = "no UNKNOWN or INTERNAL, in the body as little as in the status: the request decodes"
            yield Finding(check="error_in_band", expected=expected, actual=said(told), key=shape(told))
        elif case.expect is Expect.ACCEPTED and (found := refusal(told, expectations, case.path)) is not Refusal.NONE:
            expected = "no INVALID_ARGUMENT in the body: the request keeps every rule that the contract states"
            yield Finding(
                check="error_in_band",
                expected=expected,
                actual=said(told),
                key=shape(told),
                is_warning=found is not Refusal.CONTRADICTION,
            )


CHECKS = (
    Check(
        code="G125",
        name="negative_rejected",
        needs_rules=True,
        promises=(Promise.REFUSED,),
        severity=Severity.HIGH,
        title="A request that breaks one rule of the contract is refused with INVALID_ARGUMENT or OUT_OF_RANGE.",
        evaluate=_negative_rejected,
    ),
    Check(
        code="G126",
        name="positive_accepted",
        needs_rules=True,
        promises=(Promise.TAKEN,),
        severity=Severity.MEDIUM,
        title="A request that keeps all rules of the contract is not INVALID_ARGUMENT.",
        evaluate=_positive_accepted,
    ),
    Check(
        code="G127",
        name="boundary_pair",
        needs_rules=True,
        promises=(Promise.TAKEN, Promise.REFUSED),
        severity=Severity.HIGH,
        title="The value at a bound is taken, and the one past it is refused.",
        evaluate=_boundary_pair,
        targeted=True,
        supersedes=frozenset({"negative_rejected", "positive_accepted"}),
    ),
    Check(
        code="G150",
        name="error_in_band",
        needs_rules=True,
        severity=Severity.HIGH,
        title="An error told in the body of a response counts like a status.",
        evaluate=_error_in_band,
        supersedes=frozenset({"positive_accepted"}),
    ),
)
