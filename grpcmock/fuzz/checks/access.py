"""Who may call at all: credentials that are missing or made up are refused by every method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check, Promise
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method

_WORDS = {Caller.NOBODY: "without credentials", Caller.GARBLED: "with credentials that nobody has"}

_LOOKED = frozenset(
    {Code.OK, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.ABORTED, Code.OUT_OF_RANGE}
)
"""Codes of a server that has looked at its data for somebody whom it doesn't know."""


_PATIENT = 0.3
"""A stream that has said nothing for so many seconds isn't about to refuse: before, a busy server may only be late."""


_GIVES = re.compile(
    r"(Log|Sign)_?([Ii]n|[Uu]p|[Oo]n)(With\w+|User)?|Authenticate\w*|Register(User|Account|Customer)?"
    r"|(Refresh|Renew|Exchange|Verify|Introspect|Request)?(Access|Refresh|Auth|Id|Session)?Token"
    r"|(Forgot|Reset|Recover)Password|(Verify|Confirm)(Email|Phone|Code|Otp|OTP)"
    r"|Ping|Health|HealthCheck|(Get)?Version|\w*J[Ww][Kk][Ss]"
)
_MAKES = re.compile(r"(Create|Issue|Get)(Access|Refresh|Auth|Id|Session)?Token")
"""Names of methods that give a token to whoever proves who they are, or a further one to those who are known."""

_SECRETS = re.compile(r"(.*_)?(password|passphrase|pin|otp|refresh_token|assertion|client_secret|credentials?)")
_TOKENS = re.compile(r"(?!(.*_)?(page|continuation)_token$)(.*_)?(token|jwt|session_id|api_key|access_key)")


def is_open(method: Method) -> bool:
    """Whether a method has to serve those who have no credentials yet, for that is where they come from, or says
    nothing of anybody: as far as its name and the fields of its messages tell."""
    if _GIVES.fullmatch(method.name):
        return True
    gives = _MAKES.fullmatch(method.name) or any(_TOKENS.fullmatch(one.name) for one in method.output.fields)
    return bool(gives) and any(_SECRETS.fullmatch(one.name) for one in method.input.fields)


def _auth_enforced(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        caller = reply.call.caller
        if caller in _WORDS and _was_served(reply) and not (reply.call.method and is_open(reply.call.method)):
            yield Finding(
                check="auth_enforced",
                expected=f"UNAUTHENTICATED or PERMISSION_DENIED for a call {_WORDS[caller]}",
                actual=said(reply),
                key=caller.value,
                causes=(f"calls {_WORDS[caller]} are served",),
            )
            return


def _was_served(reply: Reply) -> bool:
    if reply.termination is Termination.ENOUGH:
        return bool(reply.responses) or reply.seconds >= _PATIENT
    return reply.termination is Termination.SERVER and reply.code in _LOOKED


CHECKS = (
    Check(
        code="G142",
        name="auth_enforced",
        promises=(Promise.DENIED,),
        severity=Severity.CRITICAL,
        title="Without credentials, or with garbled ones, every method answers UNAUTHENTICATED or PERMISSION_DENIED.",
        concerns_security=True,
        evaluate=_auth_enforced,
        targeted=True,
    ),
)
