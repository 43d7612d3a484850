"""Back to how things were at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what resets."""

    def reset(request: Any, _: Any) -> None:
        everything = not request.ListFields()
        store = steered.engine.store
        if request.journal or everything:
            steered.engine.journal.clear()
        if request.stubs or everything:
            store.remove(lambda entry: entry.layer is Layer.RUNTIME)
        if request.counts or everything:
            store.reset_counts()
        if request.states or everything:
            store.states.clear()
        if request.health or everything:
            steered.health.reset()

    return {"Reset": reset}
