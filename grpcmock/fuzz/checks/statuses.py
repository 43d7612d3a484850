"""What a status says: a code that the contract allows, and details that agree with it and with the protos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.expectations.field_paths import resolve
from grpcmock.fuzz.model.asked_error import asks_for_error
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.status import DETAILS_KEY, Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_ANYWHERE = frozenset(
    {
        *(Code.OK, Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED),
        *(Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNKNOWN, Code.INTERNAL),
    }
)
"""Codes that libraries, proxies and the machinery around a method make, or that are other checks' business."""

_USUAL = _ANYWHERE | {Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE}
"""Codes that need no mention: any method may refuse what it can't make sense of."""


_OF_STATE = frozenset({Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.ABORTED})
"""What a server answers that looks at what it keeps."""

_LISTED = 2
"""Who mentions so many codes has meant to list them all."""


def _undocumented_status(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        method = reply.call.method
        if method is None or reply.termination is not Termination.SERVER or reply.code in _ANYWHERE or reply.call.raw:
            continue
        if asks_for_error(reply.call):
            continue
        allowed = expectations.allows(method)
        if allowed is not None:
            if reply.code not in allowed:
                yield Finding(
                    check="undocumented_status",
                    expected=f"OK or one of {_names(allowed)}",
                    actual=said(reply),
                    key=reply.name,
                    method=method,
                )
            continue
        documented = expectations.documented.get(method.full_name, frozenset())
        if reply.code in _USUAL or reply.code in documented:
            continue
        told = f"OK, a refusal, or one of {_names(documented)}" if documented else "a code that the contract mentions"
        yield Finding(
            check="undocumented_status",
            expected=told,
            actual=said(reply),
            key=reply.name,
            method=method,
            # Who mentions one need not have listed all, and that nothing is found goes without saying.
            is_warning=not documented
            or reply.code == Code.NOT_FOUND
            or (reply.code in _OF_STATE and len(documented - _USUAL) < _LISTED),
        )


def _names(codes: Iterable[int]) -> str:
    return ", ".join(sorted(Code(code).name for code in codes))


def _status_details(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        if not reply.trailers or not any(key == DETAILS_KEY for key, _ in reply.trailers):
            continue
        if asks_for_error(reply.call):
            continue
        for expected, actual, key in _wrong(reply, expectations):
            yield Finding(check="status_details", expected=expected, actual=actual, key=key, method=reply.call.method)


def _wrong(reply: Reply, expectations: Expectations) -> Iterator[tuple[str, str, str]]:
    rich = decode_details(reply.trailers, expectations.registry)
    if rich is None:
        yield "a google.rpc.Status in grpc-status-details-bin", "bytes that are no google.rpc.Status", "bytes"
        return
    if rich.code != reply.code:
        yield f"the code of the status, {reply.name}, in its details", f"the code {rich.code}", "code"
    if rich.message != reply.message:
        yield f"the message of the status, {reply.message!r}, in its details", repr(rich.message), "message"
    for detail in rich.details:
        if detail.message is None:
            yield (
                "details whose types can be found, and whose bytes decode",
                f"a {detail.type_name or 'nameless'}",
                "any",
            )
        elif reply.call.method is not None and detail.type_name == "google.rpc.BadRequest":
            for violation in detail.message.field_violations:  # type: ignore[attr-defined]
                if resolve(reply.call.method.input, violation.field) is None:
                    yield (
                        f"field violations that name fields of {reply.call.method.input.full_name}",
                        f"a violation of {violation.field!r}",
                        "field",
                    )
                    return


CHECKS = (
    Check(
        code="G104",
        name="undocumented_status",
        severity=Severity.MEDIUM,
        title="The status is one that the contract allows for the method.",
        evaluate=_undocumented_status,
    ),
    Check(
        code="G105",
        name="status_details",
        severity=Severity.MEDIUM,
        title="Rich details decode, agree with the status, and name fields that exist.",
        evaluate=_status_details,
    ),
)
