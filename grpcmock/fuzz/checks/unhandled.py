"""Requests that decode are handled: no crash, and no status that gRPC makes of an exception nobody caught."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check, Promise
from grpcmock.fuzz.model.asked_error import asks_for_error
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import cause, said, shape, unhandled
from grpcmock.fuzz.wire.non_canonical import WRONG_TYPE

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Health, LastWords
    from grpcmock.schema import Method


def _server_crash(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    health = result.health
    first = next((reply for reply in result.replies if reply.termination in (Termination.LOST, *_hung(health))), None)
    # A raw request may break HTTP/2 itself, for which a server may well drop the connection; an error that was asked
    # for may be one that no client can read, such as the code -1.
    lost = [
        reply
        for reply in result.replies
        if reply.termination is Termination.LOST and reply.call.raw is None and not asks_for_error(reply.call)
    ]
    if health.exit_code is not None:
        how = f"signal {-health.exit_code}" if health.exit_code < 0 else f"exit code {health.exit_code}"
        whose = "" if health.ended_by_itself else ", as if it was ended from outside"
        actual = f"the server ended with {how}{whose}"
        if health.last_words is not None:
            words = health.last_words
            actual = f"{words}; {actual}" if words.is_error else f"{actual}; the last that it wrote is: {words}"
    elif health.silent:
        what = said(first) if first is not None else "no answer"
        actual = f"{what}; and nothing of {health.silent} answers any more, though it did before"
    elif not health.alive:
        actual = "the server took no connections any more: this call ended it, or one shortly before, or somebody"
        if any(reply.was_cut_off for reply in lost):
            actual = "the connection was lost while the call was under way, and the server took none any more"
    elif lost:
        actual = f"the connection was lost: {lost[-1].message or lost[-1].debug}"
    else:
        return
    method = first.call.method if first is not None else None
    yield Finding(
        check="server_crash",
        server_down=True,
        expected="a status, and a server that lives on",
        actual=actual,
        key="crash",
        causes=_causes(health.last_words, method or case.method),
        method=method,
    )


def _hung(health: Health) -> tuple[Termination, ...]:
    return (Termination.DEADLINE, Termination.OVERDUE) if health.silent else ()


_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|\d+")


def _causes(words: LastWords | None, method: Method) -> tuple[str, ...]:
    """Tell what is behind a crash: the same error at the same place, but for the name of the method, is the same."""
    if words is None or not words.place:
        return ()
    return (f"{_VARIABLE.sub('…', words.error)} at {words.place.replace(method.name, '…')}",)


def _unhandled_error(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if case.expect is Expect.UNDECODABLE or "request_count" in case.targets or case.rule == WRONG_TYPE:
        return  # a parse error is a good answer
    for reply in map(with_meant_status, result.replies):
        if reply.call.raw is None and unhandled(reply) and not result.health.exit_code:
            yield Finding(
                check="unhandled_error",
                expected="a status that the server has chosen: a request that decodes never gives UNKNOWN or INTERNAL",
                actual=said(reply),
                key=shape(reply),
                causes=(cause(reply),),
                method=reply.call.method,
            )
            return


def _unhandled_when_targeted(check: str, expected: str) -> CheckFunction:
    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        for reply in result.replies:
            if unhandled(reply) or reply.termination is Termination.LOST:
                yield Finding(
                    check=check,
                    expected=expected,
                    actual=said(reply),
                    path=case.path,
                    key=shape(reply),
                    causes=(cause(reply),),
                )
                return

    return evaluate


CHECKS = (
    Check(
        code="G101",
        name="server_crash",
        severity=Severity.CRITICAL,
        title="No request makes the server die, drop its connection, or answer nothing any more.",
        evaluate=_server_crash,
        supersedes=frozenset(
            {
                "unhandled_error",
                "empty_request",
                "empty_parts",
                "open_enum",
                "empty_stream",
                "recursion_limit",
                "malformed_wire",
                "compression",
                "metadata",
                "slow_input",
                "half_close",
                "long_stream",
            }
        ),
    ),
    Check(
        code="G102",
        name="unhandled_error",
        promises=(Promise.HANDLED,),
        severity=Severity.CRITICAL,
        title="A request that decodes never ends in UNKNOWN or INTERNAL.",
        evaluate=_unhandled_error,
    ),
    Check(
        code="G112",
        name="empty_request",
        promises=(Promise.HANDLED,),
        severity=Severity.CRITICAL,
        title="A message of no bytes at all is handled like any other.",
        evaluate=_unhandled_when_targeted(
            "empty_request", "the empty request is handled: OK, or a status that says what is missing"
        ),
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
    Check(
        code="G113",
        name="empty_parts",
        promises=(Promise.HANDLED,),
        severity=Severity.CRITICAL,
        title="A submessage that is absent or empty, and a oneof with no arm set, are handled.",
        evaluate=_unhandled_when_targeted(
            "empty_parts", "absent and empty parts are handled: OK, or a status that says what is missing"
        ),
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
    Check(
        code="G114",
        name="open_enum",
        promises=(Promise.HANDLED,),
        severity=Severity.CRITICAL,
        title="A number that an open enum doesn't declare is handled: newer clients will send some.",
        evaluate=_unhandled_when_targeted("open_enum", "an undeclared enum number is handled: OK, or INVALID_ARGUMENT"),
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
)
