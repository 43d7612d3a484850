"""The clock that answers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.responses.delays import parse_move

if TYPE_CHECKING:
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what tells and sets the clock."""

    def get_clock(_: Any, response: Any) -> None:
        clock = steered.engine.clock
        response.now.FromMicroseconds(round(clock() * 1e6))
        response.offset.FromMicroseconds(round(clock.offset * 1e6))
        response.frozen = clock.frozen

    def set_clock(request: Any, response: Any) -> None:
        clock = steered.engine.clock
        if not request.ListFields():
            clock.reset()
        if request.HasField("frozen"):
            (clock.freeze if request.frozen else clock.resume)()
        if request.HasField("now"):
            clock.set(request.now.ToMicroseconds() / 1e6)
        if request.advance:
            clock.advance(parse_move(request.advance, "advance"))
        now = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        how = "stands at" if clock.frozen else "goes on from" if clock.offset else "is the machine's again, at"
        steered.engine.note("info", f"The clock {how} {now}.")
        get_clock(request, response)

    return {"GetClock": get_clock, "SetClock": set_clock}
