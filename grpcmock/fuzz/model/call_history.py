"""The calls that a server was asked since it was started: what may have led to its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call

_REMEMBERED = 2_000
"""The calls before the last so many are forgotten."""


@dataclass(slots=True, eq=False)
class Step:
    """One call, and where it belongs."""

    round: int
    """Which round of which case it is of, by a number of its own."""

    index: int
    """Its place among the calls of the case, by which bindings name it."""

    call: Call

    seconds: float = 0.0
    """How long it took; 0 until it has ended."""

    is_lost: bool = False
    """Whether it ended with its connection, or had no end."""


class CallHistory:
    """Keeps the calls in the order in which they began."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=_REMEMBERED)
        self._rounds = 0

    def __bool__(self) -> bool:
        return bool(self._steps)

    def new_round(self) -> int:
        """Give the number of the next round of calls."""
        self._rounds += 1
        return self._rounds

    def note(self, step: Step) -> None:
        """Take up a call that is about to be made."""
        self._steps.append(step)

    def take(self) -> tuple[Step, ...]:
        """Give the calls, and begin anew: the server has gone, or was started anew."""
        steps = tuple(self._steps)
        self._steps.clear()
        return steps


def conversation(steps: Iterable[Step]) -> tuple[Call, ...]:
    """Give the calls as those of one case. What a call took from one that isn't among them, it takes no more."""
    calls: list[Call] = []
    places: dict[tuple[int, int], int] = {}
    for step in steps:
        call = step.call
        if call.bindings:
            kept = [
                replace(binding, call=places[step.round, binding.call])
                for binding in call.bindings
                if (step.round, binding.call) in places
            ]
            call = replace(call, bindings=tuple(kept))
        places[step.round, step.index] = len(calls)
        calls.append(call)
    return tuple(calls)
