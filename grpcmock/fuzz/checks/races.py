"""Calls that race: what a server does once only, one call after the other, it does once only for calls at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import said
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult

_ONCE_ONLY = frozenset({Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT})
"""Codes that say of the same request, once it was done, that it can't be done again."""


def raced(case: Case, result: CaseResult) -> Iterator[Finding]:
    """Yield that more than one of the calls at once was done, where of two like them, made before and one after the
    other, the second was refused.

    A server that takes calls at once for one, and gives each of them the same answer, has done it once.
    """
    last = len(case.calls) - case.cleanup
    replies = [with_meant_status(reply) for reply in result.replies]
    if not case.together < last <= len(replies):
        return
    at_once = replies[last - case.together : last]
    before = replies[: last - case.together]
    alone = [reply for reply in before if reply.call.path == at_once[0].call.path]
    if len(alone) != 2 or any(reply.termination is not Termination.SERVER for reply in (*alone, *at_once)):
        return
    if not all(reply.is_ok for reply in before if reply.call.path != at_once[0].call.path):
        return  # what they are about wasn't made, so they are about something that was there, as it happened to be
    first, second = alone
    if not first.is_ok or second.code not in _ONCE_ONLY:
        return
    done = [reply for reply in at_once if reply.is_ok]
    if len({reply.responses for reply in done}) > 1:
        yield Finding(
            check="concurrency",
            expected=f"one of {len(at_once)} calls at once to be done: after one, the next gets {said(second)}",
            actual=f"{len(done)} of them were answered OK, with different answers",
            key="raced",
            method=case.method,
        )
