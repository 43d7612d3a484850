"""What must hold of bytes: those that are no message are refused, and odd ones that are get the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.subject import accepted, by_handler, is_read, subject
from grpcmock.fuzz.checks.wire_check import check
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.model.results import Ending
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.fuzz.model.cases import Expect
from grpcmock.fuzz.wire.malformed import DEPTHS, ELSEWHERE, MARK
from grpcmock.fuzz.wire.non_canonical import WRONG_TYPE
from grpcmock.fuzz.wire.equivalence import difference
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Judge
    from grpcmock.fuzz.model.results import Evidence, Reply
    from grpcmock.fuzz.expectations.expectations import Terms
    from grpcmock.fuzz.model.cases import Trial

_BY_LIBRARIES = (
    "Unexpected <class 'google.protobuf.message.DecodeError'>",  # grpc.aio
    "Application error processing RPC",  # grpc-java
)
"""How messages begin with which libraries, and not handlers, refuse what they can't parse as UNKNOWN."""


def _refusal(code: str) -> Judge:
    """Make the judge of bytes that must be refused, whatever is wrong with them."""

    def judge(trial: Trial, evidence: Evidence, terms: Terms) -> Iterator[Finding]:
        reply = subject(trial, evidence)
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
        elif (accepted(reply) and is_read(trial, evidence)) or by_handler(trial, evidence, reply):
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
    reply = subject(trial, evidence)
    if reply is None:
        return
    expected = f"an error: {trial.why}"
    depth = int(trial.rule.rpartition(".")[2])
    if not evidence.health.is_well:
        yield Finding(code="G117", expected=expected, got="the server died", key="crash")
    elif depth >= DEPTHS[-1] and accepted(reply) and is_read(trial, evidence):
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


CHECKS = (
    check(
        *("G115", "malformed_wire", Severity.HIGH),
        "Bytes that are no message are refused with INTERNAL or INVALID_ARGUMENT.",
        _refusal("G115"),
    ),
    check(
        *("G116", "tolerated_wire", Severity.MEDIUM),
        "Odd but legal bytes get the answer that the canonical ones get.",
        _tolerated_wire,
    ),
    check(
        *("G117", "recursion_limit", Severity.HIGH),
        "A message that is nested too deep is an error, not a crash.",
        _recursion_limit,
        covers="G102",
    ),
    check(
        *("G118", "utf8", Severity.MEDIUM),
        "A string that isn't UTF-8 is refused, and never repeated, where the protos ask for UTF-8.",
        _refusal("G118"),
    ),
)
