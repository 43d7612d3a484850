"""The clock that answers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems, StubError
from grpcmock.responses.delays import parse_delay
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells and sets the clock."""

    def get_clock(_: Any, response: Any) -> None:
        clock = steered.engine.environment.clock
        response.now.FromMicroseconds(round(clock() * 1e6))
        response.offset.FromMicroseconds(round(clock.offset * 1e6))
        response.frozen = clock.frozen

    def set_clock(request: Any, response: Any) -> None:
        clock = steered.engine.environment.clock
        if not request.ListFields():
            clock.reset()
        if request.HasField("now"):
            clock.set(request.now.ToMicroseconds() / 1e6)
        if request.advance:
            clock.advance(_seconds(request.advance))
        if request.HasField("frozen"):
            (clock.freeze if request.frozen else clock.resume)()
        now = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        how = "stands at" if clock.frozen else "goes on from" if clock.offset else "is the machine's again, at"
        steered.engine.note("info", f"The clock {how} {now}.")
        get_clock(request, response)

    return {"GetClock": get_clock, "SetClock": set_clock}


def _seconds(text: str) -> float:
    """Read a length of time, which may be negative."""
    problems = Problems()
    delay = parse_delay(Node.of(text.strip().removeprefix("-")), problems, "advance")
    if delay is None:
        raise StubError(problems.errors)
    return -delay.low if text.strip().startswith("-") else delay.low
