"""What was seen of the call that a case is about: the last one, which those before it are checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.wire.equivalence import alike
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult, Reply

_HANDLERS_OWN = frozenset((Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.OUT_OF_RANGE))
"""Codes that only a handler gives, once it has looked at a message."""


def subject(case: Case, result: CaseResult) -> Reply | None:
    """Give the reply to the last call of the first round; None if it wasn't made."""
    index = len(case.calls) - 1
    return result.replies[index] if index < len(result.replies) else None


def accepted(reply: Reply) -> bool:
    """Whether the server took what was sent: it said OK, or its stream went on until we stopped reading."""
    return reply.is_ok or (reply.termination is Termination.ENOUGH and bool(reply.responses))


def is_read(case: Case, result: CaseResult) -> bool:
    """Whether the server looks at the message that the case is about.

    It does, but on a stream of requests it may have its answer ready before: then the two calls before this one, the
    second of which has one more message, are answered alike.
    """
    replies = _of_method(case, result)
    if not case.method.kind.client_streams or len(replies) < 3:
        return True
    return not alike(*replies[:2])


def by_handler(case: Case, result: CaseResult, reply: Reply) -> bool:
    """Whether a status can only come from a handler that took the message for a good one."""
    if reply.termination is not Termination.SERVER or reply.code not in _HANDLERS_OWN:
        return False
    before = _of_method(case, result)[:-1]
    return not case.method.kind.client_streams or all(other.code != reply.code for other in before)


def _of_method(case: Case, result: CaseResult) -> list[Reply]:
    """Give the replies of the first round to calls of the method that a case is about."""
    return [reply for reply in result.replies[: len(case.calls)] if reply.call.method is case.method]
