"""What was seen of the call that a trial is about: the last one, which those before it are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.model.results import Ending
from grpcmock.fuzz.wire.equivalence import alike
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Evidence, Reply
    from grpcmock.fuzz.model.cases import Trial

_HANDLERS_OWN = frozenset((Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.OUT_OF_RANGE))
"""Codes that only a handler gives, once it has looked at a message."""


def subject(trial: Trial, evidence: Evidence) -> Reply | None:
    """Give the reply to the last call of the first round; None if it wasn't made."""
    index = len(trial.calls) - 1
    return evidence.replies[index] if index < len(evidence.replies) else None


def accepted(reply: Reply) -> bool:
    """Whether the server took what was sent: it said OK, or its stream went on until we stopped reading."""
    return reply.is_ok or (reply.ending is Ending.ENOUGH and bool(reply.responses))


def is_read(trial: Trial, evidence: Evidence) -> bool:
    """Whether the server looks at the message that the trial is about.

    It does, but on a stream of requests it may have its answer ready before: then the two calls before this one, the
    second of which has one more message, are answered alike.
    """
    if not trial.method.kind.client_streams or len(trial.calls) < 3:
        return True
    return not alike(evidence.replies[0], evidence.replies[1])


def by_handler(trial: Trial, evidence: Evidence, reply: Reply) -> bool:
    """Whether a status can only come from a handler that took the message for a good one."""
    if reply.ending is not Ending.SERVER or reply.code not in _HANDLERS_OWN:
        return False
    before = evidence.replies[: len(trial.calls) - 1]
    return not trial.method.kind.client_streams or all(other.code != reply.code for other in before)
