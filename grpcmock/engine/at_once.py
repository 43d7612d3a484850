"""Calls that are over as soon as they have begun: one request, and an answer without a pause.

What is done here could all be done by an exchange, at several times the cost: nobody can tell the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.engine import error_replies
from grpcmock.engine.given_answers import GivenAnswer, values_of
from grpcmock.engine.whole_plan import WholeAnswer
from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import Stage
from grpcmock.responses.context import RenderContext
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from random import Random

    from grpcmock.engine.call_record import ProtocolName
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.engine.environment import CallEnvironment
    from grpcmock.engine.method_table import MethodTable
    from grpcmock.engine.session import Session, Table
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
    is_common = session is None or session.answers_like_all(path)
    keys = table.metadata_keys
    key = request if not keys else (request, *values_of(keys, environment.grouped(metadata)))
    given = table.answers.get(key) if is_common else None
    if given is None:
        if not (half_closed or is_common):
            return None
        given = _found(environment, table, session, metadata, deadline, request, is_common=is_common)
        if given is None or not (half_closed or given.stub):
            return None
        # A table in front of the engine remembers all but misses by itself.
        if given.is_lasting and (journal.front is None or given.miss is not None):
            table.answers.remember(key, given)
    elif not (half_closed or given.stub):
        return None
    if session is not None:
        session.begin_call()
    if (entry := given.stub) is not None:
        stubs = store if session is None else session
        if entry.sets_states:
            stubs.take(entry)
        else:
            stubs.count(entry)
    journal.record(given, metadata, deadline, peer, started, options.monotonic() - began, protocol)
    return given


def _found(
    environment: CallEnvironment,
    table: MethodTable,
    session: Session | None,
    metadata: Metadata,
    deadline: float | None,
    request: bytes,
    *,
    is_common: bool,
) -> GivenAnswer | None:
    """Find the answer to a request; *is_common* says that a session has no stubs of its own that it could rest on."""
    if not table.takes_one:
        return None
    method = table.method
    try:
        message = decode(method.request_class, request)
    except DecodeError:
        return None
    stubs = environment.store if session is None else session
    context = CallContext(environment.grouped(metadata), deadline, stubs.states, message, half_closed=True)
    is_steady = is_common and table.is_steady
    seen = table if session is None or is_steady else session.table(table)
    entry = seen.first(context, Stage.ALL)
    if entry is None:
        return _miss(
            environment, seen, context, request, is_lasting=is_steady and not table.metadata_keys and len(table) > 0
        )
    if (constant := entry.constant_answer) is not None:
        return GivenAnswer.of(method, entry, request, constant, is_lasting=is_steady)
    count = stubs.counted(entry)
    plan = entry.whole_plan_after(count)
    if plan is None:
        return None
    if plan.constant is not None:
        return GivenAnswer.of(method, entry, request, plan.constant, is_lasting=False)
    answer = plan.render(_render_context(environment, session, entry, context, count), method)
    return None if answer is None else GivenAnswer.of(method, entry, request, answer, is_lasting=False)


def _render_context(
    environment: CallEnvironment, session: Session | None, entry: CompiledStub, context: CallContext, count: int
) -> RenderContext:
    def random() -> Random:
        return environment.random(environment.journal.next_id if session is None else session.next_call)

    return RenderContext(
        request=context.request,
        metadata=context.metadata,
        row=entry.stub.row,
        count=count + 1,
        state=context.state,
        random=random,
        now=environment.clock.now,
    )


def _miss(
    environment: CallEnvironment, table: Table, context: CallContext, request: bytes, *, is_lasting: bool
) -> GivenAnswer | None:
    if environment.options.auto or environment.forwarder is not None:
        return None
    found = environment.explained_miss(table, context)
    finish = error_replies.miss(environment.options.unmatched_code, found.text)
    answer = WholeAnswer((), (), finish.code, finish.message, finish.trailers)
    return GivenAnswer.of(table.method, None, request, answer, is_lasting=is_lasting, miss=found)
