"""Back to how things were at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.engine.compiled_stub import Layer

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what resets."""

    def reset(request: Any, _: Any) -> None:
        everything = all(field.name == "session" for field, _ in request.ListFields())
        stubs, journal = steered.stubs(request.session), steered.engine.journal
        if request.journal or everything:
            journal.forget((request.session,)) if request.session else journal.clear()
        if request.stubs or everything:
            stubs.remove(lambda entry: bool(request.session) or entry.layer is Layer.RUNTIME)
        if request.counts or everything:
            stubs.reset_counts()
        if request.states or everything:
            stubs.states.clear()
        if request.health or (everything and not request.session):
            steered.health.reset()

    return {"Reset": reset}
