"""What must hold of bytes: those that are no message are refused, and unusual ones that are get the same answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.subject import accepted, by_handler, is_read, subject
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said, shape
from grpcmock.fuzz.wire.equivalence import difference
from grpcmock.fuzz.wire.malformed import DEPTHS, ELSEWHERE, MARK
from grpcmock.fuzz.wire.non_canonical import WRONG_TYPE
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import CheckFunction
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_BY_LIBRARIES = (
    "Unexpected <class 'google.protobuf.message.DecodeError'>",  # grpc.aio
    "Application error processing RPC",  # grpc-java
)
"""How messages begin with which libraries, and not handlers, refuse what they can't parse as UNKNOWN."""


_LEFT_TO_LIBRARIES = frozenset({WRONG_TYPE, "wire.merge", "wire.map", "wire.oneof"})
"""What some libraries read otherwise, for all methods alike: protobuf.js replaces a message that comes in parts, and
holds both arms of a oneof."""

_PARSING = re.compile(r"utf-?8|decod|deseriali|unmarshal|pars|proto|wire|malformed|bytes", re.IGNORECASE)
"""Words of those that couldn't read a message."""

_LIBRARIES = {
    "Exception deserializing request": "grpcio",
    "google.protobuf.message.DecodeError": "grpcio",
    "Error deserializing request": "grpc-js",
    "error unmarshalling request": "grpc-go",
    "failed to decode Protobuf message": "tonic",
    "Invalid protobuf byte sequence": "grpc-java",
}
"""What libraries say of requests that they can't parse."""


def _refusal(check: str) -> CheckFunction:
    """Return the check of bytes that must be refused, whatever is wrong with them."""

    def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
        reply = subject(case, result)
        if reply is None or case.expect is not Expect.UNDECODABLE:
            return
        if check == "utf8":
            yield from _echoed(case, reply)
        if case.rule == ELSEWHERE:
            yield from _unlike_elsewhere(case, result, reply)
            return
        expected = f"a refusal, INTERNAL or INVALID_ARGUMENT: {case.why}"
        if not result.health.is_well:
            yield Finding(check=check, expected=expected, actual="the server died", path=case.path, key="crash")
        elif (accepted(reply) and is_read(case, result)) or by_handler(case, result, reply):
            is_own = _is_refused_elsewhere(case, result)
            took = "the server took it for a message"
            yield Finding(
                check=check,
                expected=expected,
                actual=f"{said(reply)}: {took}" + ("" if is_own else f"; {_whose(result)} is that lenient"),
                path=case.path,
                key="accepted" if not case.rule.startswith("framing.") else case.rule,
                is_warning=not is_own,
                server_wide=not is_own,
            )
        elif _is_unhandled(case, result, reply):
            by_library = _by_library(reply)
            yield Finding(
                check=check,
                expected=expected,
                actual=said(reply),
                path=case.path,
                key="unknown",
                is_warning=by_library,
                server_wide=by_library,
            )

    return evaluate


def _unlike_elsewhere(case: Case, result: CaseResult, reply: Reply) -> Iterator[Finding]:
    """Check a call by that of another method before it: where that one is refused properly, it is no library that
    makes UNKNOWN of what can't be parsed."""
    others = result.replies[: len(case.calls) - 1]
    if not others:
        return  # it was made too small to tell
    other, *good = others
    if any(shape(one) == shape(reply) for one in good):
        return  # whatever it is sent
    both = reply.termination is other.termination is Termination.SERVER
    if both and reply.code == Code.UNKNOWN and other.code in (Code.INTERNAL, Code.INVALID_ARGUMENT):
        expected = f"a refusal, INTERNAL or INVALID_ARGUMENT: {case.why} ({other.name})"
        yield Finding(check="malformed_wire", expected=expected, actual=said(reply), key="unknown")


def _is_refused_elsewhere(case: Case, result: CaseResult) -> bool:
    """Whether the calls before this one show that the library refuses such bytes: then a handler took them.

    On a stream, the calls before are of the same method, and say nothing of that.
    """
    others = [reply for reply in result.replies[: len(case.calls) - 1] if reply.call.method is not case.method]
    if len(others) < 2:
        return False
    good, spoiled = others[-2:]  # what a handler refuses anyway shows nothing
    return _is_unparsed(spoiled) and good.code not in (Code.INTERNAL, Code.INVALID_ARGUMENT, Code.UNKNOWN)


def _is_unparsed(reply: Reply) -> bool:
    """Whether a call was refused because its bytes are no message, and not for what a handler read in them."""
    if reply.termination is not Termination.SERVER or reply.call.method is None:
        return False
    if reply.code == Code.INTERNAL or _by_library(reply):
        return True
    says_so = _PARSING.search(reply.message) is not None or reply.call.method.input.name in reply.message
    return reply.code == Code.INVALID_ARGUMENT and says_so


def _whose(result: CaseResult) -> str:
    """Name the library that a server is built on, as far as its messages tell."""
    texts = " ".join(reply.message for reply in result.replies)
    return next((name for part, name in _LIBRARIES.items() if part in texts), "its library")


def _is_unhandled(case: Case, result: CaseResult, reply: Reply) -> bool:
    """Whether the bytes made the handler throw, which a good call before them doesn't; what is wrong with the framing,
    a library may answer as it likes."""
    if reply.termination is not Termination.SERVER or reply.code != Code.UNKNOWN or case.rule.startswith("framing."):
        return False
    others = result.replies[: len(case.calls) - 1]
    return bool(others) and all(other.code != Code.UNKNOWN for other in others)


def _by_library(reply: Reply) -> bool:
    """Whether a library may have made the status: then nobody can tell if a handler did, and it is no failure."""
    return reply.message.startswith(_BY_LIBRARIES)


def _echoed(case: Case, reply: Reply) -> Iterator[Finding]:
    text = next((data for data in _bad_texts_of(case)), b"")
    if text and any(text in response for response in reply.responses):
        expected = f"no response with the text that isn't UTF-8 in it: {case.why}"
        yield Finding(
            check="utf8", expected=expected, actual="a response that repeats it", path=case.path, key="echoed"
        )


def _bad_texts_of(case: Case) -> Iterator[bytes]:
    """Give the text that isn't UTF-8 out of the bytes that were sent: its mark, and what follows up to four bytes."""
    for message in case.calls[-1].messages:
        start = message.rfind(MARK)
        if start >= 0:
            size = message[start - 1]
            yield message[start : start + size]


def _recursion_limit(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    reply = subject(case, result)
    if reply is None:
        return
    expected = f"an error: {case.why}"
    depth = int(case.rule.rpartition(".")[2])
    if not result.health.is_well:
        yield Finding(check="recursion_limit", expected=expected, actual="the server died", key="crash")
    elif depth >= DEPTHS[-1] and accepted(reply) and is_read(case, result):
        yield Finding(
            check="recursion_limit",
            expected=expected,
            actual=f"{said(reply)}: no limit",
            key="accepted",
            is_warning=not _is_refused_elsewhere(case, result),
            server_wide=True,
        )
    elif _is_unhandled(case, result, reply):
        lib = _by_library(reply)
        yield Finding(
            check="recursion_limit",
            expected=expected,
            actual=said(reply),
            key="unknown",
            is_warning=lib,
            server_wide=lib,
        )


def _tolerated_wire(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
    if len(case.calls) != 5 or len(result.replies) < 5:
        return
    first, *canonical, fourth, fifth = result.replies[:5]
    if found := difference((first, fourth, fifth), canonical, case.method.response_class):
        expected, actual = found
        yield Finding(
            check="tolerated_wire",
            expected=f"the answer to the canonical bytes ({expected}), for {case.why}",
            actual=actual,
            path=case.path,
            key=case.rule,
            is_warning=case.rule in _LEFT_TO_LIBRARIES,
            server_wide=case.rule in (*_LEFT_TO_LIBRARIES, "wire.unknown"),
            # A busy machine breaks a connection now and then: what doesn't repeat is noise.
            timing_based=any(map(_is_broken_off, result.replies)),
        )


def _is_broken_off(reply: Reply) -> bool:
    """Whether a connection broke, or was closed by the server for all that was under way."""
    is_away = reply.termination is Termination.RESET and reply.code == Code.UNAVAILABLE
    return reply.termination is Termination.LOST or is_away


CHECKS = (
    Check(
        code="G115",
        name="malformed_wire",
        severity=Severity.HIGH,
        title="Bytes that are no message are refused with INTERNAL or INVALID_ARGUMENT.",
        evaluate=_refusal("malformed_wire"),
        targeted=True,
    ),
    Check(
        code="G116",
        name="tolerated_wire",
        severity=Severity.MEDIUM,
        title="Unusual but legal bytes get the answer that the canonical ones get.",
        evaluate=_tolerated_wire,
        targeted=True,
    ),
    Check(
        code="G117",
        name="recursion_limit",
        severity=Severity.HIGH,
        title="A message that is nested too deep is an error, not a crash.",
        evaluate=_recursion_limit,
        targeted=True,
        supersedes=frozenset({"unhandled_error"}),
    ),
    Check(
        code="G118",
        name="utf8",
        severity=Severity.MEDIUM,
        title="A string that isn't UTF-8 is refused, and never repeated, where the protos ask for UTF-8.",
        evaluate=_refusal("utf8"),
        targeted=True,
    ),
)
