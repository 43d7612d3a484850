"""Back to how things were at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what resets."""

    def remove_stubs() -> None:
        steered.engine.store.remove(lambda entry: entry.layer is Layer.RUNTIME)

    def reset(request: Any, _: Any) -> None:
        engine = steered.engine
        parts: Mapping[str, Callable[[], None]] = {
            "journal": engine.journal.clear,
            "stubs": remove_stubs,
            "counts": engine.store.reset_counts,
            "states": engine.store.states.clear,
            "health": steered.health.reset,
            "faults": lambda: engine.faults.clear(request.session or None),
            "clock": engine.environment.clock.reset,
        }
        asked = [name for name in parts if getattr(request, name)] or list(parts)
        for name in asked:
            parts[name]()
        steered.note(f"Reset: {', '.join(asked)}.")

    return {"Reset": reset}
