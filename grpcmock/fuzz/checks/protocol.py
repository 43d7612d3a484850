"""What must hold below the messages: statuses, numbers of messages, sizes, compression, metadata, paths, reflection."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.subject import accepted, by_handler, is_read, subject
from grpcmock.fuzz.expectations.expectations import DEFAULT_LIMIT
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.wire.reflection import disagreements
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_UNHANDLED = frozenset((Code.UNKNOWN, Code.INTERNAL))

_NO_WORD = frozenset(
    (
        *(Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNAVAILABLE),
        *(Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.FAILED_PRECONDITION, Code.ABORTED),
    )
)
"""Codes that a server may give before it has looked at a message."""


def _reserved_code(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    for reply in result.replies:
        outside = not 0 <= reply.code <= 16
        if outside or reply.message.startswith("Server sent unknown code"):
            actual = f"the status {reply.code}" if outside else reply.message
            expected = "a status from 0 to 16: clients see UNKNOWN in place of any other"
            # One that comes with words was chosen, by a server that has a list of its own.
            chosen = outside and bool(reply.message)
            yield Finding(
                check="reserved_code",
                expected=expected,
                actual=actual,
                key="code",
                is_warning=chosen,
                server_wide=chosen,
            )
            return
        wire = reply.wire
        if wire is None or reply.termination is not Termination.SERVER:
            continue
        if wire.http_status == 200 and wire.grpc_status is None:
            written = next((value for key, value in (*wire.trailers, *wire.headers) if key == "grpc-status"), None)
            actual = "no grpc-status" if written is None else f"grpc-status: {written}"
            expected = "a grpc-status from 0 to 16"
            yield Finding(check="reserved_code", expected=expected, actual=actual, key="none", server_wide=True)
            return
        method = reply.call.method
        if method is not None and not method.kind.server_streams and reply.code and reply.responses:
            count = len(reply.responses)
            actual = f"{'a response' if count == 1 else f'{count} responses'}, then {said(reply)}"
            expected = "a failed call without a response"
            # Of a single empty one, another check tells, as of a habit of libraries.
            if count > 1 or any(reply.responses):
                yield Finding(check="reserved_code", expected=expected, actual=actual, key="message", server_wide=True)
            return


def _request_count(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    reply = subject(case, result)
    if reply is None or not accepted(reply) or len(reply.call.messages) == 1:
        return  # one is what there must be: so it may be after a case was made smaller
    # The calls before it, if any, sent one request and two to another method: if that one is as lenient, a library is;
    # and of one of another kind nothing is to be learned, since libraries look at some kinds and not at others.
    others = [other for other in result.replies[: len(case.calls) - 1] if _is_alike(other, reply)]
    lenient = case.rule == "requests.two" and len({other.code for other in others}) < 2
    yield Finding(
        check="request_count",
        expected="an error (UNIMPLEMENTED, by the rules of gRPC): the method takes exactly one request",
        actual=f"{said(reply)} for {'no request' if case.rule == 'requests.none' else 'two requests'}",
        key=case.rule,
        server_wide=lenient or case.rule == "requests.none",
        is_warning=lenient,
    )


def _is_alike(one: Reply, other: Reply) -> bool:
    """Whether two calls are of methods of one kind."""
    return (
        one.call.method is not None and other.call.method is not None and one.call.method.kind is other.call.method.kind
    )


_TOO_LARGE = re.compile("(?!CLIENT).*([Rr]eceived message larger than max|gRPC message exceeds maximum size)")
"""How gRPC's libraries begin a message about a request that is larger than a server takes (C, Go and Node; Java)."""

_ORDINARY = 256 << 10
"""Bytes that any server takes. Whoever sets a limit above that, below the one of the libraries, may well mean it."""


def _size_limit(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    told = (
        ""
        if expectations.max_message_bytes != DEFAULT_LIMIT
        else ", the limit of gRPC's libraries unless told otherwise"
    )
    limit = f"{expectations.max_message_bytes:,} bytes{told}"
    within = "" if expectations.max_message_bytes == sys.maxsize else f", within {limit},"
    is_told = expectations.max_message_bytes != DEFAULT_LIMIT
    if "size_limit" in case.targets:
        yield from _at_the_limit(case, result, limit, is_told=is_told)
    elif case.expect is not Expect.UNDECODABLE:
        for reply in result.replies:
            if _is_refused_as_too_large(reply) and _size(reply) <= expectations.max_message_bytes:
                expected = f"a message of {_size(reply):,} bytes{within} is not too large"
                yield Finding(
                    check="size_limit",
                    expected=expected,
                    actual=said(reply),
                    key="under",
                    is_warning=not is_told and _size(reply) > _ORDINARY,
                    server_wide=True,
                )
                return


def _is_refused_as_too_large(reply: Reply) -> bool:
    """Whether a library says so of this very message: the text names its size."""
    if (
        reply.code != Code.RESOURCE_EXHAUSTED
        or reply.termination is not Termination.SERVER
        or reply.call.raw is not None
    ):
        return False
    return _TOO_LARGE.match(reply.message) is not None and str(_size(reply)) in reply.message


def _size(reply: Reply) -> int:
    """Give the bytes of the largest message that was sent."""
    return max(map(len, reply.call.messages), default=0)


def _at_the_limit(case: Case, result: CaseResult, limit: str, *, is_told: bool) -> Iterator[Finding]:
    reply = subject(case, result)
    if reply is None or not is_read(case, result):
        return
    others = result.replies[: len(case.calls) - 1]
    if case.rule == "size.under":
        if reply.code == Code.RESOURCE_EXHAUSTED and all(other.code != reply.code for other in others):
            expected = f"a message within {limit}, is not too large"
            is_set = not is_told and _is_refused_as_too_large(reply)  # by its library, as whoever runs it has said
            yield Finding(
                check="size_limit",
                expected=expected,
                actual=said(reply),
                key="under",
                is_warning=is_set,
                server_wide=True,
            )
        return
    refused = (
        reply.termination is Termination.SERVER
        and not reply.is_ok
        and reply.code in {Code.RESOURCE_EXHAUSTED, *_NO_WORD}
    )
    known = reply.termination in (Termination.SERVER, Termination.ENOUGH)
    if known and not refused and not (reply.code and any(other.code == reply.code for other in others[1:])):
        expected = f"RESOURCE_EXHAUSTED for more than {limit}"
        unhandled = reply.termination is Termination.SERVER and reply.code in _UNHANDLED
        key = "code" if unhandled else "accepted"
        # Where nobody has said that there is one, to have no limit may be meant.
        is_meant = not unhandled and not is_told
        yield Finding(
            check="size_limit", expected=expected, actual=said(reply), key=key, is_warning=is_meant, server_wide=True
        )


def _compression(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    reply = subject(case, result)
    if reply is None:
        return
    if not result.health.is_well:
        yield Finding(check="compression", expected=f"a refusal: {case.why}", actual="the server died", key="crash")
    elif case.expect is Expect.UNDECODABLE:
        if (accepted(reply) and is_read(case, result)) or by_handler(case, result, reply):
            expected = f"a refusal: {case.why}"
            yield Finding(check="compression", expected=expected, actual=said(reply), key=case.rule, server_wide=True)
    else:
        yield from _fairly_compressed(case, result.replies[0], reply)


_MISREAD = _UNHANDLED | {Code.INVALID_ARGUMENT, Code.DATA_LOSS}
"""How a server answers that has read compressed bytes as a message."""


def _fairly_compressed(case: Case, plain: Reply, reply: Reply) -> Iterator[Finding]:
    if reply.code == plain.code or not plain.termination is reply.termination is Termination.SERVER:
        return
    if reply.code in _MISREAD:
        expected = f"what the plain message gets ({plain.name}), or UNIMPLEMENTED: {case.why}"
        yield Finding(check="compression", expected=expected, actual=said(reply), key=case.rule, server_wide=True)
    elif reply.code == Code.UNIMPLEMENTED and reply.wire is not None:
        fields = (*reply.wire.headers, *reply.wire.trailers)
        if not any(key == "grpc-accept-encoding" for key, _ in fields):
            expected = "grpc-accept-encoding beside UNIMPLEMENTED, so that clients know what is taken"
            yield Finding(
                check="compression",
                expected=expected,
                actual=said(reply),
                key="silent",
                is_warning=True,
                server_wide=True,
            )


def _metadata(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    reply = subject(case, result)
    if reply is None:
        return
    if not result.health.is_well:
        yield Finding(
            check="metadata", expected=f"a server that lives on: {case.why}", actual="the server died", key="crash"
        )
    elif len(case.calls) == 2 and reply.termination is Termination.SERVER and reply.code in _UNHANDLED:
        plain = result.replies[0]
        if plain.termination is Termination.SERVER and plain.code not in _UNHANDLED:
            expected = (
                f"what the call gets without it ({plain.name}), or a status of the server's own choice: {case.why}"
            )
            yield Finding(check="metadata", expected=expected, actual=said(reply), key="unhandled", server_wide=True)


def _unimplemented(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if "unimplemented" in case.targets:
        reply = subject(case, result)
        if (
            reply is not None
            and reply.termination is Termination.SERVER
            and reply.code not in _NO_WORD - {Code.FAILED_PRECONDITION}
        ):
            expected = f"UNIMPLEMENTED for {reply.call.path}: {case.why}"
            yield Finding(check="unimplemented", expected=expected, actual=said(reply), key=case.rule, server_wide=True)
    elif case.expect is not Expect.UNDECODABLE and not case.may_be_unimplemented:
        for reply in result.replies:
            if reply.call.method is None or reply.call.raw is not None or reply.termination is not Termination.SERVER:
                continue
            if reply.code == Code.UNIMPLEMENTED:
                expected = "an answer: the contract declares the method"
                yield Finding(
                    check="unimplemented", expected=expected, actual=said(reply), key="declared", is_warning=True
                )
                return


def _reflection_truth(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if result.reflected is not None:
        yield from disagreements(None if expectations.reflected else expectations.registry, result.reflected)


CHECKS = (
    Check(
        code="G106",
        name="reserved_code",
        severity=Severity.HIGH,
        title="A call ends with a status from 0 to 16, and a failed one that isn't a stream has no response.",
        evaluate=_reserved_code,
    ),
    Check(
        code="G111",
        name="request_count",
        severity=Severity.MEDIUM,
        title="No request, or two, to a method that takes one is an error.",
        evaluate=_request_count,
        targeted=True,
    ),
    Check(
        code="G119",
        name="size_limit",
        severity=Severity.MEDIUM,
        title="A message just over the limit is refused with RESOURCE_EXHAUSTED, one just under it isn't.",
        evaluate=_size_limit,
        supersedes=frozenset({"unhandled_error"}),
    ),
    Check(
        code="G120",
        name="compression",
        severity=Severity.MEDIUM,
        title="Compressed messages are taken or refused with UNIMPLEMENTED; garbage is refused, and a bomb is bounded.",
        evaluate=_compression,
        targeted=True,
    ),
    Check(
        code="G121",
        name="metadata",
        severity=Severity.MEDIUM,
        title="Binary, repeated, large and unusual metadata changes nothing.",
        evaluate=_metadata,
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
    Check(
        code="G144",
        name="unimplemented",
        severity=Severity.LOW,
        title="A method that doesn't exist is UNIMPLEMENTED, and one that is declared isn't.",
        evaluate=_unimplemented,
    ),
    Check(
        code="G145",
        name="reflection_truth",
        severity=Severity.MEDIUM,
        title="What reflection says, in v1 and v1alpha, agrees with the protos.",
        evaluate=_reflection_truth,
        targeted=True,
    ),
)
