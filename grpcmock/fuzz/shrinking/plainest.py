"""The plainest telling of a fault: the simplest call that the server answers in the same way, and so the right reason.

A case is about one thing: an enum with an undeclared number, a call with a short deadline, the last of three in a row.
Where the server says the same without that, it isn't what is wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import Case, Expect, call_of
from grpcmock.fuzz.model.paths import ABSENT, at_path, with_part, without
from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.model.wording import cause, endless
from grpcmock.schema.codec import DecodeError, decode
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_SOON = 1.0
"""A call that doesn't end is given so many seconds."""

_MOST_ALONE = 4
"""So many calls are made by themselves."""

_ENDS = frozenset({Termination.DEADLINE, Termination.OVERDUE})


def is_suspicious(failure: Failure) -> bool:
    """Whether a failure blames a part of its request."""
    finding = failure.finding
    return bool(finding.causes and finding.path == failure.case.path != "" and _failing(failure) is not None)


def simpler(failure: Failure, simplest: bytes) -> Iterator[Case]:
    """Yield cases of one plain call that show a fault better if the server says the same to them, the best first.

    *simplest* is a valid request of the method.
    """
    if not failure.finding.causes or failure.case.expect is Expect.UNDECODABLE:
        return
    reply = _failing(failure)
    method = reply.call.method if reply is not None else None
    if reply is None or method is None or reply.call.raw is not None:
        return
    own = _case(failure.case, method, reply.call)
    for case in _cases(failure, method, reply, simplest):
        if case.calls != failure.case.calls:
            yield replace(own, calls=case.calls, why=case.why, targets=case.targets)


def _cases(failure: Failure, method: Method, reply: Reply, simplest: bytes) -> Iterator[Case]:
    case = failure.case
    if reply.termination in _ENDS:
        if method.kind is MethodKind.BIDI_STREAMING:
            yield replace(
                case,
                calls=(call_of(method, simplest, deadline=_SOON),),
                why="a stream of one message",
                targets=frozenset({"half_close"}),
            )
        return
    if method.kind.client_streams:
        no_message = frozenset({"empty_stream"})
        yield replace(case, calls=(call_of(method),), why="a stream of no messages", targets=no_message)
    yield replace(
        case,
        calls=(call_of(method, b""),),
        why="nothing is set",
        targets=frozenset() if method.kind.client_streams else frozenset({"empty_request"}),
    )
    if case.path and case.targets:
        if (rest := _without_part(method, reply.call, case.path, simplest)) is not None:
            yield replace(case, calls=(rest,), why=f"a request without {case.path}", targets=frozenset())
    elif reply.call.messages:
        plain = call_of(method, *_elsewhere(case, failure.result.replies.index(reply), reply.call))
        why = f"this call alone is enough; found with {case.why}"
        yield replace(case, calls=(plain,), why=why, targets=frozenset())


def alone(failure: Failure) -> Iterator[Case]:
    """Yield a case for each of the calls of a failure by itself: the one that shows it first, then those of the method
    that is wrong. Of a server that went down, only the call that was cut off and the one before, since each try takes a
    start."""
    case = failure.case
    if len(case.calls) == case.repeat == 1 or any(call.raw is not None for call in case.calls):
        return
    is_down = failure.finding.server_down
    shown = _last_answered(failure) if is_down else _failing(failure)
    plain: dict[object, tuple[int, Call]] = {}
    for index, reply in enumerate(failure.result.replies[: len(case.calls)]):
        if (method := reply.call.method) is not None:
            messages = _elsewhere(case, index, reply.call)
            rank = 0 if reply is shown or (is_down and reply.was_cut_off) else 1 + (method is not failure.method)
            call = replace(call_of(method, *messages), caller=reply.call.caller)
            known, _ = plain.get((method.path, messages), (rank, call))
            plain[method.path, messages] = min(rank, known), call
    for rank, call in sorted(plain.values(), key=itemgetter(0))[:_MOST_ALONE]:
        assert call.method is not None
        if is_down and rank:
            return
        yield replace(_case(case, call.method, call), why=f"this call alone is enough; found with {case.why}")


def _elsewhere(case: Case, index: int, made: Call) -> tuple[bytes, ...]:
    """Return the messages of a call that was made, with other values in place of those that came of earlier calls: on
    a server where these weren't made, nothing has them."""
    bindings = case.calls[index].bindings if index < len(case.calls) else ()
    if made.method is None or not bindings or not made.messages:
        return made.messages
    try:
        message = decode(made.method.request_class, made.messages[0])
        for binding in bindings:
            put(message, binding.target, varied(value_at(message, binding.target), "elsewhere"))
    except (DecodeError, LookupError, AttributeError, TypeError, ValueError):
        return made.messages
    return (message.SerializePartialToString(deterministic=True), *made.messages[1:])


def _failing(failure: Failure) -> Reply | None:
    """Return the reply that a failure is about."""
    method = failure.method
    for reply in failure.result.replies:
        if reply.call.method is method and not {cause(reply), endless(reply)}.isdisjoint(failure.finding.causes):
            return reply
    return None


def _last_answered(failure: Failure) -> Reply | None:
    """Return the reply to the last call before the first that was lost: its effect may have come behind its answer."""
    before = takewhile(lambda reply: reply.termination is not Termination.LOST, failure.result.replies)
    return next(iter(deque(before, maxlen=1)), None)


def _case(case: Case, method: Method, call: Call) -> Case:
    """Return a case as one of a single plain call."""
    return Case(id=case.id, phase=case.phase, method=method, calls=(call,), why=case.why)


def _without_part(method: Method, call: Call, path: str, simplest: bytes) -> Call | None:
    """Return the plain call with nothing at a path; with what a valid request has there, if there was nothing."""
    try:
        messages = [decode(method.request_class, data) for data in call.messages]
        whole = decode(method.request_class, simplest)
        changed = [
            with_part(one, whole, path) if at_path(one, path) == ABSENT else without(one, path) for one in messages
        ]
    except (DecodeError, ValueError, AttributeError):
        return None
    kept = [one.SerializePartialToString(deterministic=True) for one in changed if one is not None]
    return call_of(method, *kept) if len(kept) == len(messages) else None
