"""Calls that are over as soon as they have begun: one request, and an answer without a pause.

What is done here could all be done by an exchange, at several times the cost: nobody can tell the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.engine import error_replies
from grpcmock.engine.given_answers import GivenAnswer
from grpcmock.engine.whole_plan import WholeAnswer
from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import Stage
from grpcmock.responses.context import RenderContext
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.engine.session import Session
    from grpcmock.engine.store import MethodTable
    from grpcmock.status import Metadata


def answer_at_once(
    environment: CallEnvironment,
    path: str,
    metadata: Metadata,
    deadline: float | None,
    peer: str,
    request: bytes,
    protocol: ProtocolName,
    *,
    half_closed: bool,
) -> GivenAnswer | None:
    """Answer a call, count it, and note it in the journal; None if it has to go the general way.

    See :meth:`Engine.answer_at_once <grpcmock.engine.engine.Engine.answer_at_once>`. The lock must be held.
    """
    options, store, journal = environment.options, environment.store, environment.journal
    began, started = options.monotonic(), options.wall_clock()
    table = store.tables.get(path)
    if table is None or table.held or options.validate or not (half_closed or table.is_constant):
        return None
    session = environment.sessions.of(metadata)
    if session is not None and not session.answers_like_all(path):
        return None
    given = table.answers.get(request)
    if given is None:
        given = _found(environment, table, session, metadata, deadline, request)
        if given is None or not (half_closed or given.stub):
            return None
        # A table in front of the engine remembers all but misses by itself.
        if given.is_lasting and (journal.front is None or given.miss is not None):
            table.answers.remember(given)
    elif not (half_closed or given.stub):
        return None
    if session is not None:
        session.begin_call()
    if given.stub is not None:
        (store if session is None else session).take(given.stub)
    journal.record(given, metadata, deadline, peer, started, options.monotonic() - began, protocol)
    return given


def _found(
    environment: CallEnvironment,
    table: MethodTable,
    session: Session | None,
    metadata: Metadata,
    deadline: float | None,
    request: bytes,
) -> GivenAnswer | None:
    method, states = table.method, environment.store.states
    if not table.takes_one:
        return None
    try:
        message = decode(method.request_class, request)
    except DecodeError:
        return None
    groups = environment.grouped(metadata)
    context = CallContext(groups, deadline, states, message, half_closed=True)
    entry = table.first(context, Stage.ALL)
    is_lasting = table.is_steady and (len(table) > 0 if entry is None else entry.has_constant_answer)
    if session is not None and not is_lasting:
        return None  # it has counts and states of its own, by which it may be answered otherwise
    if entry is None:
        return _miss(environment, table, context, request, is_lasting=is_lasting)
    plan = entry.whole_plan
    if plan is None:
        return None
    if plan.constant is not None:
        return GivenAnswer.of(method, entry, request, plan.constant, is_lasting=is_lasting)
    answer = plan.render(_render_context(environment, entry, context), method)
    return None if answer is None else GivenAnswer.of(method, entry, request, answer, is_lasting=False)


def _render_context(environment: CallEnvironment, entry: CompiledStub, context: CallContext) -> RenderContext:
    journal = environment.journal
    return RenderContext(
        request=context.request,
        metadata=context.metadata,
        row=entry.stub.row,
        count=entry.count + 1,
        state=context.state,
        random=lambda: environment.random(journal.next_id),
        now=environment.clock.now,
    )


def _miss(
    environment: CallEnvironment, table: MethodTable, context: CallContext, request: bytes, *, is_lasting: bool
) -> GivenAnswer | None:
    if environment.options.auto or environment.forwarder is not None:
        return None
    found = environment.explained_miss(table, context)
    finish = error_replies.miss(environment.options.unmatched_code, found.text)
    answer = WholeAnswer((), (), finish.code, finish.message, finish.trailers)
    return GivenAnswer.of(table.method, None, request, answer, is_lasting=is_lasting, miss=found)
