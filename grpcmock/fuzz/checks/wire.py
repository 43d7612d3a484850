"""What must hold below the messages: bytes that are none, odd ones, framing, sizes, compression, metadata, paths."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.wire_pages import PAGES
from grpcmock.fuzz.checks.words import said
from grpcmock.fuzz.evidence import Ending
from grpcmock.fuzz.failures import Finding, Severity
from grpcmock.fuzz.terms import DEFAULT_LIMIT
from grpcmock.fuzz.trials import Expect
from grpcmock.fuzz.wire.malformed import DEPTHS, ELSEWHERE, MARK
from grpcmock.fuzz.wire.odd import WRONG_TYPE
from grpcmock.fuzz.wire.reflected import disagreements
from grpcmock.fuzz.wire.sameness import alike, difference
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Judge
    from grpcmock.fuzz.evidence import Evidence, Reply
    from grpcmock.fuzz.terms import Terms
    from grpcmock.fuzz.trials import Trial

_HANDLERS_OWN = frozenset((Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.OUT_OF_RANGE))
"""Codes that only a handler gives, once it has looked at a message."""

_UNHANDLED = frozenset((Code.UNKNOWN, Code.INTERNAL))

_NO_WORD = frozenset(
    (
        *(Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNAVAILABLE),
        *(Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.FAILED_PRECONDITION, Code.ABORTED),
    )
)
"""Codes that a server may give before it has looked at a message."""


_BY_LIBRARIES = (
    "Unexpected <class 'google.protobuf.message.DecodeError'>",  # grpc.aio
    "Application error processing RPC",  # grpc-java
)
"""How messages begin with which libraries, and not handlers, refuse what they can't parse as UNKNOWN."""


# What was seen of the call that is tried ------------------------------------------------------------


def _subject(trial: Trial, evidence: Evidence) -> Reply | None:
    """Give the reply to the last call of the first round; None if it wasn't made."""
    index = len(trial.calls) - 1
    return evidence.replies[index] if index < len(evidence.replies) else None


def _accepted(reply: Reply) -> bool:
    """Whether the server took what was sent: it said OK, or its stream went on until we stopped reading."""
    return reply.is_ok or (reply.ending is Ending.ENOUGH and bool(reply.responses))


def _is_read(trial: Trial, evidence: Evidence) -> bool:
    """Whether the server looks at the message that the trial is about.

    It does, but on a stream of requests it may have its answer ready before: then the two calls before this one, the
    second of which has one more message, are answered alike.
    """
    if not trial.method.kind.client_streams or len(trial.calls) < 3:
        return True
    return not alike(evidence.replies[0], evidence.replies[1])


def _by_handler(trial: Trial, evidence: Evidence, reply: Reply) -> bool:
    """Whether a status can only come from a handler that took the message for a good one."""
    if reply.ending is not Ending.SERVER or reply.code not in _HANDLERS_OWN:
        return False
    before = evidence.replies[: len(trial.calls) - 1]
    return not trial.method.kind.client_streams or all(other.code != reply.code for other in before)


# Judges ---------------------------------------------------------------------------------------------


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
    reply = _subject(trial, evidence)
    if reply is None or not _accepted(reply):
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


def _refusal(code: str) -> Judge:
    """Make the judge of bytes that must be refused, whatever is wrong with them."""

    def judge(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
        reply = _subject(trial, evidence)
        if reply is None or trial.expect is not Expect.UNDECODABLE:
            return
        if code == "G118":
            yield from _echoed(trial, reply)
        if trial.rule == ELSEWHERE:
            yield from _unlike_elsewhere(trial, evidence, reply)
            return
        expected = f"a refusal, INTERNAL or INVALID_ARGUMENT: {trial.why}"
        if not evidence.health.is_well:
            yield Finding(code=code, expected=expected, got="the server died", path=trial.path, key="crash")
        elif (_accepted(reply) and _is_read(trial, evidence)) or _by_handler(trial, evidence, reply):
            yield Finding(
                code=code,
                expected=expected,
                got=f"{said(reply)}: the server took it for a message",
                path=trial.path,
                key="accepted" if not trial.rule.startswith("framing.") else trial.rule,
                advice=trial.rule.startswith("framing."),
                common=True,
            )
        elif _is_unhandled(trial, evidence, reply):
            by_library = _by_library(reply)
            yield Finding(
                code=code,
                expected=expected,
                got=said(reply),
                path=trial.path,
                key="unknown",
                advice=by_library,
                common=by_library,
            )

    return judge


def _unlike_elsewhere(trial: Trial, evidence: Evidence, reply: Reply) -> Iterator[Finding]:
    """Judge a call by that of another method before it: where that one is refused properly, it is no library that
    makes UNKNOWN of what can't be parsed."""
    other = evidence.replies[0]
    both = reply.ending is other.ending is Ending.SERVER
    if both and reply.code == Code.UNKNOWN and other.code in (Code.INTERNAL, Code.INVALID_ARGUMENT):
        expected = f"a refusal, INTERNAL or INVALID_ARGUMENT: {trial.why} ({other.name})"
        yield Finding(code="G115", expected=expected, got=said(reply), key="unknown")


def _is_unhandled(trial: Trial, evidence: Evidence, reply: Reply) -> bool:
    """Whether the bytes made the handler throw; what is wrong with the framing, a library may answer as it likes."""
    if reply.ending is not Ending.SERVER or reply.code != Code.UNKNOWN or trial.rule.startswith("framing."):
        return False
    return all(other.code != Code.UNKNOWN for other in evidence.replies[: len(trial.calls) - 1])


def _by_library(reply: Reply) -> bool:
    """Whether a library may have made the status: then nobody can tell if a handler did, and it is no failure."""
    return reply.message.startswith(_BY_LIBRARIES)


def _echoed(trial: Trial, reply: Reply) -> Iterator[Finding]:
    text = next((data for data in _bad_texts_of(trial)), b"")
    if text and any(text in response for response in reply.responses):
        expected = f"no response with the text that isn't UTF-8 in it: {trial.why}"
        yield Finding(code="G118", expected=expected, got="a response that repeats it", path=trial.path, key="echoed")


def _bad_texts_of(trial: Trial) -> Iterator[bytes]:
    """Give the text that isn't UTF-8 out of the bytes that were sent: its mark, and what follows up to four bytes."""
    for message in trial.calls[-1].messages:
        start = message.rfind(MARK)
        if start >= 0:
            size = message[start - 1]
            yield message[start : start + size]


def _recursion_limit(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    reply = _subject(trial, evidence)
    if reply is None:
        return
    expected = f"an error: {trial.why}"
    depth = int(trial.rule.rpartition(".")[2])
    if not evidence.health.is_well:
        yield Finding(code="G117", expected=expected, got="the server died", key="crash")
    elif depth >= DEPTHS[-1] and _accepted(reply) and _is_read(trial, evidence):
        yield Finding(code="G117", expected=expected, got=f"{said(reply)}: no limit", key="accepted", common=True)
    elif _is_unhandled(trial, evidence, reply):
        lib = _by_library(reply)
        yield Finding(code="G117", expected=expected, got=said(reply), key="unknown", advice=lib, common=lib)


def _tolerated_wire(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
    if len(trial.calls) != 5 or len(evidence.replies) < 5:
        return
    first, *canonical, fourth, fifth = evidence.replies[:5]
    if found := difference((first, fourth, fifth), canonical, trial.method.response_class):
        expected, got = found
        yield Finding(
            code="G116",
            expected=f"the answer to the canonical bytes ({expected}), for {trial.why}",
            got=got,
            path=trial.path,
            key=trial.rule,
            advice=trial.rule == WRONG_TYPE,
            common=trial.rule in (WRONG_TYPE, "wire.unknown"),
            # A busy machine breaks a connection now and then: what doesn't repeat is noise.
            measured=any(reply.ending is Ending.LOST for reply in evidence.replies),
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
    reply = _subject(trial, evidence)
    if reply is None or not _is_read(trial, evidence):
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
    reply = _subject(trial, evidence)
    if reply is None:
        return
    if not evidence.health.is_well:
        yield Finding(code="G120", expected=f"a refusal: {trial.why}", got="the server died", key="crash")
    elif trial.expect is Expect.UNDECODABLE:
        if (_accepted(reply) and _is_read(trial, evidence)) or _by_handler(trial, evidence, reply):
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
    reply = _subject(trial, evidence)
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
        reply = _subject(trial, evidence)
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


def _check(
    code: str, name: str, severity: Severity, title: str, judge: Judge, *, aimed: bool = True, covers: str = ""
) -> Check:
    return Check(
        code=code,
        name=name,
        severity=severity,
        title=title,
        judge=judge,
        aimed=aimed,
        page=PAGES[code],
        covers=frozenset(covers.split()),
    )


CHECKS = (
    _check(
        *("G106", "reserved_code", Severity.HIGH),
        "A call ends with a status from 0 to 16, and a failed one that isn't a stream has no response.",
        _reserved_code,
        aimed=False,
    ),
    _check(
        *("G111", "request_count", Severity.MEDIUM),
        "No request, or two, to a method that takes one is an error.",
        _request_count,
    ),
    _check(
        *("G115", "malformed_wire", Severity.HIGH),
        "Bytes that are no message are refused with INTERNAL or INVALID_ARGUMENT.",
        _refusal("G115"),
    ),
    _check(
        *("G116", "tolerated_wire", Severity.MEDIUM),
        "Odd but legal bytes get the answer that the canonical ones get.",
        _tolerated_wire,
    ),
    _check(
        *("G117", "recursion_limit", Severity.HIGH),
        "A message that is nested too deep is an error, not a crash.",
        _recursion_limit,
        covers="G102",
    ),
    _check(
        *("G118", "utf8", Severity.MEDIUM),
        "A string that isn't UTF-8 is refused, and never repeated, where the protos ask for UTF-8.",
        _refusal("G118"),
    ),
    _check(
        *("G119", "size_limit", Severity.MEDIUM),
        "A message just over the limit is refused with RESOURCE_EXHAUSTED, one just under it isn't.",
        _size_limit,
        aimed=False,
        covers="G102",
    ),
    _check(
        *("G120", "compression", Severity.MEDIUM),
        "Compressed messages are taken or refused with UNIMPLEMENTED; garbage is refused, and a bomb is bounded.",
        _compression,
    ),
    _check(
        *("G121", "metadata", Severity.MEDIUM),
        "Binary, repeated, large and odd metadata changes nothing.",
        _metadata,
        covers="G102",
    ),
    _check(
        *("G144", "unimplemented", Severity.LOW),
        "A method that doesn't exist is UNIMPLEMENTED, and one that is declared isn't.",
        _unimplemented,
        aimed=False,
    ),
    _check(
        *("G145", "reflection_truth", Severity.MEDIUM),
        "What reflection says, in v1 and v1alpha, agrees with the protos.",
        _reflection_truth,
    ),
)
