"""Sessions: listed, and ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from grpcmock.errors import did_you_mean
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what lists and ends sessions."""

    def list_sessions(_: Any, response: Any) -> None:
        engine = steered.engine
        engine.sessions.expire()
        lost = engine.journal.lost
        kept = engine.journal.unread()
        calls = Counter(call.session for call in kept)
        misses = Counter(call.session for call in kept if call.miss is not None)
        for session in sorted(engine.sessions, key=lambda one: one.name):
            name = session.name
            told = response.sessions.add(
                name=name,
                stubs=len(session),
                calls=calls[name] + lost.count(session=name),
                misses=misses[name] + lost.count(session=name, outcome="unmatched"),
            )
            told.created.FromMicroseconds(round(session.created * 1e6))
            told.last_used.FromMicroseconds(round(session.last_used * 1e6))
            told.expires.FromMicroseconds(round(engine.sessions.expires(session) * 1e6))

    def end(request: Any, _: Any) -> None:
        engine, name = steered.engine, request.name
        if not engine.sessions.end(name):
            known = [session.name for session in engine.sessions]
            hint = did_you_mean(name, known, known="The sessions")
            raise RefusedError(Code.NOT_FOUND, f"name: there is no session {name!r}. {hint}".rstrip())
        engine.note("info", f"The session {name!r} was ended.")

    return {"ListSessions": list_sessions, "EndSession": end}
