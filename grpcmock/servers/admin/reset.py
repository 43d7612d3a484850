"""Back to how things were at the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what resets."""

    def reset(request: Any, _: Any) -> None:
        engine, journal, session = steered.engine, steered.engine.journal, request.session
        stubs = steered.stubs(session)
        parts: dict[str, Callable[[], object]] = {
            "journal": partial(journal.forget, (session,)) if session else journal.clear,
            "stubs": lambda: stubs.remove(lambda entry: bool(session) or entry.layer is Layer.RUNTIME),
            "counts": stubs.reset_counts,
            "states": stubs.states.clear,
            "health": steered.health.reset,
            "faults": lambda: engine.faults.clear(session or None),
            "clock": engine.clock.reset,
        }
        for common in ("health", "clock"):
            if session and not getattr(request, common):
                del parts[common]
        asked = [name for name in parts if getattr(request, name)] or list(parts)
        for name in asked:
            parts[name]()
        steered.note(f"Reset: {', '.join(asked)}.", session)

    return {"Reset": reset}
