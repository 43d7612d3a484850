"""What must hold below the messages: statuses, numbers of messages, sizes, compression, metadata, paths, reflection."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.subject import accepted, by_handler, is_read, subject
from grpcmock.fuzz.checks.wire_check import check
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.model.results import Ending
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.expectations.expectations import DEFAULT_LIMIT
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.wire.reflection import disagreements
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Evidence, Reply
    from grpcmock.fuzz.expectations.expectations import Terms
    from grpcmock.fuzz.model.cases import Trial

_UNHANDLED = frozenset((Code.UNKNOWN, Code.INTERNAL))

_NO_WORD = frozenset(
    (
        *(Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNAVAILABLE),
        *(Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.FAILED_PRECONDITION, Code.ABORTED),
    )
)
"""Codes that a server may give before it has looked at a message."""


def _reserved_code(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    for reply in evidence.replies:
        outside = not 0 <= reply.code <= 16
        if outside or reply.message.startswith("Server sent unknown code"):
            got = f"the status {reply.code}" if outside else reply.message
            yield Finding(code="G106", expected="a status from 0 to 16", got=got, key="code")
            return
        wire = reply.wire
        if wire is None or reply.ending is not Ending.SERVER:
            continue
        if wire.http_status == 200 and wire.grpc_status is None:
            written = next((value for key, value in (*wire.trailers, *wire.headers) if key == "grpc-status"), None)
            got = "no grpc-status" if written is None else f"grpc-status: {written}"
            expected = "a grpc-status from 0 to 16"
            yield Finding(code="G106", expected=expected, got=got, key="none", common=True)
            return
        method = reply.call.method
        if method is not None and not method.kind.server_streams and reply.code and reply.responses:
            got = f"{len(reply.responses)} responses, then {said(reply)}"
            expected = "a failed call without a response"
            yield Finding(code="G106", expected=expected, got=got, key="message", common=True)
            return


def _request_count(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    reply = subject(trial, evidence)
    if reply is None or not accepted(reply):
        return
    # The calls before it, if any, sent one request and two to another method: if that one is as lenient, a library is.
    codes = {other.code for other in evidence.replies[: len(trial.calls) - 1]}
    lenient = trial.rule == "requests.two" and len(codes) < 2
    yield Finding(
        code="G111",
        expected="an error (UNIMPLEMENTED, by the rules of gRPC): the method takes exactly one request",
        got=f"{said(reply)} for {'no request' if trial.rule == 'requests.none' else 'two requests'}",
        key=trial.rule,
        common=lenient or trial.rule == "requests.none",
        advice=lenient,
    )


_TOO_LARGE = re.compile("(?!CLIENT).*([Rr]eceived message larger than max|gRPC message exceeds maximum size)")
"""How gRPC's libraries begin a message about a request that is larger than a server takes (C, Go and Node; Java)."""


def _size_limit(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    told = "" if terms.max_message_bytes != DEFAULT_LIMIT else ", the limit of gRPC's libraries unless told otherwise"
    limit = f"{terms.max_message_bytes:,} bytes{told}"
    within = "" if terms.max_message_bytes == sys.maxsize else f", within {limit},"
    if "G119" in trial.aims:
        yield from _at_the_limit(trial, evidence, limit)
    elif trial.expect is not Expect.UNDECODABLE:
        for reply in evidence.replies:
            if _is_refused_as_too_large(reply) and _size(reply) <= terms.max_message_bytes:
                expected = f"a message of {_size(reply):,} bytes{within} is not too large"
                yield Finding(code="G119", expected=expected, got=said(reply), key="under", common=True)
                return


def _is_refused_as_too_large(reply: Reply) -> bool:
    """Whether a library says so of this very message: the text names its size."""
    if reply.code != Code.RESOURCE_EXHAUSTED or reply.ending is not Ending.SERVER or reply.call.raw is not None:
        return False
    return _TOO_LARGE.match(reply.message) is not None and str(_size(reply)) in reply.message


def _size(reply: Reply) -> int:
    """Give the bytes of the largest message that was sent."""
    return max(map(len, reply.call.messages), default=0)


def _at_the_limit(trial: Trial, evidence: Evidence, limit: str) -> Iterator[Finding]:
    reply = subject(trial, evidence)
    if reply is None or not is_read(trial, evidence):
        return
    others = evidence.replies[: len(trial.calls) - 1]
    if trial.rule == "size.under":
        if reply.code == Code.RESOURCE_EXHAUSTED and all(other.code != reply.code for other in others):
            expected = f"a message within {limit}, is not too large"
            yield Finding(code="G119", expected=expected, got=said(reply), key="under", common=True)
        return
    refused = reply.ending is Ending.SERVER and not reply.is_ok and reply.code in {Code.RESOURCE_EXHAUSTED, *_NO_WORD}
    known = reply.ending in (Ending.SERVER, Ending.ENOUGH)
    if known and not refused and not (reply.code and any(other.code == reply.code for other in others[1:])):
        expected = f"RESOURCE_EXHAUSTED for more than {limit}"
        unhandled = reply.ending is Ending.SERVER and reply.code in _UNHANDLED
        key = "code" if unhandled else "accepted"
        yield Finding(code="G119", expected=expected, got=said(reply), key=key, common=True)


def _compression(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    reply = subject(trial, evidence)
    if reply is None:
        return
    if not evidence.health.is_well:
        yield Finding(code="G120", expected=f"a refusal: {trial.why}", got="the server died", key="crash")
    elif trial.expect is Expect.UNDECODABLE:
        if (accepted(reply) and is_read(trial, evidence)) or by_handler(trial, evidence, reply):
            expected = f"a refusal: {trial.why}"
            yield Finding(code="G120", expected=expected, got=said(reply), key=trial.rule, common=True)
    else:
        yield from _fairly_compressed(trial, evidence.replies[0], reply)


_MISREAD = _UNHANDLED | {Code.INVALID_ARGUMENT, Code.DATA_LOSS}
"""How a server answers that has read compressed bytes as a message."""


def _fairly_compressed(trial: Trial, plain: Reply, reply: Reply) -> Iterator[Finding]:
    if reply.code == plain.code or reply.ending is not Ending.SERVER:
        return
    if reply.code in _MISREAD:
        expected = f"what the plain message gets ({plain.name}), or UNIMPLEMENTED: {trial.why}"
        yield Finding(code="G120", expected=expected, got=said(reply), key=trial.rule, common=True)
    elif reply.code == Code.UNIMPLEMENTED and reply.wire is not None:
        fields = (*reply.wire.headers, *reply.wire.trailers)
        if not any(key == "grpc-accept-encoding" for key, _ in fields):
            expected = "grpc-accept-encoding beside UNIMPLEMENTED, so that clients know what is taken"
            yield Finding(code="G120", expected=expected, got=said(reply), key="silent", advice=True, common=True)


def _metadata(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    reply = subject(trial, evidence)
    if reply is None:
        return
    if not evidence.health.is_well:
        yield Finding(code="G121", expected=f"a server that lives on: {trial.why}", got="the server died", key="crash")
    elif len(trial.calls) == 2 and reply.ending is Ending.SERVER and reply.code in _UNHANDLED:
        plain = evidence.replies[0]
        if plain.ending is Ending.SERVER and plain.code not in _UNHANDLED:
            expected = (
                f"what the call gets without it ({plain.name}), or a status of the server's own choice: {trial.why}"
            )
            yield Finding(code="G121", expected=expected, got=said(reply), key="unhandled", common=True)


def _unimplemented(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if "G144" in trial.aims:
        reply = subject(trial, evidence)
        if (
            reply is not None
            and reply.ending is Ending.SERVER
            and reply.code not in _NO_WORD - {Code.FAILED_PRECONDITION}
        ):
            expected = f"UNIMPLEMENTED for {reply.call.path}: {trial.why}"
            yield Finding(code="G144", expected=expected, got=said(reply), key=trial.rule, common=True)
    elif trial.expect is not Expect.UNDECODABLE and not trial.aims & _ANSWERED_SO:
        for reply in evidence.replies:
            if reply.call.method is None or reply.call.raw is not None or reply.ending is not Ending.SERVER:
                continue
            if reply.code == Code.UNIMPLEMENTED:
                expected = "an answer: the contract declares the method"
                yield Finding(code="G144", expected=expected, got=said(reply), key="declared", advice=True)
                return


_ANSWERED_SO = frozenset(("G111", "G120"))
"""Checks whose trials UNIMPLEMENTED is a right answer to."""


def _reflection_truth(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if evidence.reflected is not None:
        yield from disagreements(None if terms.reflected else terms.registry, evidence.reflected)


CHECKS = (
    check(
        *("G106", "reserved_code", Severity.HIGH),
        "A call ends with a status from 0 to 16, and a failed one that isn't a stream has no response.",
        _reserved_code,
        aimed=False,
    ),
    check(
        *("G111", "request_count", Severity.MEDIUM),
        "No request, or two, to a method that takes one is an error.",
        _request_count,
    ),
    check(
        *("G119", "size_limit", Severity.MEDIUM),
        "A message just over the limit is refused with RESOURCE_EXHAUSTED, one just under it isn't.",
        _size_limit,
        aimed=False,
        covers="G102",
    ),
    check(
        *("G120", "compression", Severity.MEDIUM),
        "Compressed messages are taken or refused with UNIMPLEMENTED; garbage is refused, and a bomb is bounded.",
        _compression,
    ),
    check(
        *("G121", "metadata", Severity.MEDIUM),
        "Binary, repeated, large and odd metadata changes nothing.",
        _metadata,
        covers="G102",
    ),
    check(
        *("G144", "unimplemented", Severity.LOW),
        "A method that doesn't exist is UNIMPLEMENTED, and one that is declared isn't.",
        _unimplemented,
        aimed=False,
    ),
    check(
        *("G145", "reflection_truth", Severity.MEDIUM),
        "What reflection says, in v1 and v1alpha, agrees with the protos.",
        _reflection_truth,
    ),
)
