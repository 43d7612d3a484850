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
        journal, session = steered.engine.journal, request.session
        stubs = steered.stubs(session)
        parts: dict[str, Callable[[], object]] = {
            "journal": partial(journal.forget, (session,)) if session else journal.clear,
            "stubs": lambda: stubs.remove(lambda entry: bool(session) or entry.layer is Layer.RUNTIME),
            "counts": stubs.reset_counts,
            "states": stubs.states.clear,
            "health": steered.health.reset,
        }
        if session and not request.health:  # that is common to all
            del parts["health"]
        asked = [name for name in parts if getattr(request, name)] or list(parts)
        for name in asked:
            parts[name]()
        steered.note(f"Reset: {', '.join(asked)}.", session)

    return {"Reset": reset}
