"""What is served, and what the server has to say besides calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock._version import __version__
from grpcmock.engine.compiled_stub import Layer

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells of the server."""

    def list_notes(_: Any, response: Any) -> None:
        for note in steered.engine.journal.notes:
            told = response.notes.add(level=note.level, text=note.text)
            told.time.FromMicroseconds(round(note.time * 1e6))

    def get_status(request: Any, response: Any) -> None:
        engine = steered.engine
        response.version = __version__
        response.services.extend(sorted(engine.registry.services))
        response.added_stubs = sum(entry.layer is Layer.RUNTIME for entry in engine.store)
        response.file_stubs = sum(entry.layer is Layer.FILE for entry in engine.store)
        response.calls, response.journal_bytes = len(engine.journal), engine.journal.size
        response.dropped_calls = engine.journal.dropped
        response.sessions = len(engine.sessions)
        if steered.health.reload_error is not None:
            response.reload_error = steered.health.reload_error
        response.auto = engine.options.auto
        response.seed = str(engine.options.seed)
        list_notes(request, response)

    return {"GetStatus": get_status, "ListNotes": list_notes}
