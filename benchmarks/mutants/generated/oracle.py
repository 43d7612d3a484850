"""What tells a bug from a change that nobody can see: thousands of calls, on a service as it is and as changed."""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from benchmarks.mutants.generated.playing import OPEN, Outcome, Player, Stuck, limited
from benchmarks.mutants.generated.requests import Requests
from benchmarks.mutants.services.smoke import shown

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from benchmarks.mutants.services.definition import Definition

_CALLS = 40
_SLOW = 60.0
_UNHANDLED = ("UNKNOWN", "INTERNAL")


class Effect(StrEnum):
    """What a caller sees of a change, the worst first."""

    STARTS_NOT = "starts not"
    HANGS = "hangs"
    FAILS = "fails"
    """UNKNOWN or INTERNAL where there was another status."""

    ACCEPTS = "accepts"
    """OK where there was an error."""

    REFUSES = "refuses"
    """An error where there was OK."""

    STATUS = "status"
    """Another error."""

    ANSWER = "answer"
    """OK, with another answer."""

    DETAILS = "details"
    """The same error, about another field."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and what the service as it is ends it with."""

    method: MethodDescriptor
    requests: tuple[bytes, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a changed service differs first."""

    effect: Effect
    method: str
    expected: str
    """The status."""

    actual: str


Program = Sequence[Call]


def programs(definition: Definition, count: int, seed: int = 0) -> list[Program]:
    """Calls in a row, each on what those before it left, with what came of them."""
    made: list[Program] = []
    with Player(definition) as player:
        for number in range(count):
            player.restart()
            made.append(_program(definition, player, random.Random(f"{seed}/{number}")))
    return made


def _program(definition: Definition, player: Player, chance: random.Random) -> Program:
    requests = Requests(definition, chance)
    calls: list[Call] = []

    def make(method: MethodDescriptor, messages: list[object]) -> list[object]:
        encoded = tuple(one.SerializePartialToString() for one in messages)  # type: ignore[attr-defined]
        if not method.client_streaming:
            encoded = encoded[:1]
        outcome, responses = player.call(method, encoded)
        calls.append(Call(method, encoded, outcome))
        for response in responses:
            requests.learn(response)
        return responses

    told = chance.randrange(len(requests.steps) + 1) if chance.random() < 0.8 else 0
    for index, step in enumerate(requests.steps[:told]):
        messages = requests.as_told(step)
        if messages is not None and chance.random() < 0.9:
            requests.answers[index] = shown(make(step.method, messages))
    while len(calls) < _CALLS:
        step = chance.choice(requests.steps)
        messages = requests.changed(step)
        if all(one.IsInitialized() for one in messages):
            make(step.method, messages)
    return calls


def difference(definition: Definition, changed: ast.Module, tried: Sequence[Program]) -> Difference | None:
    """What a caller sees first; None if the changed service does the same in all programs."""
    seen = differences(definition, changed, tried, most=1)
    return seen[0] if seen else None


def worst(definition: Definition, changed: ast.Module, tried: Sequence[Program]) -> Difference | None:
    """The worst that a caller sees first in any of the programs; None if there is nothing to see."""
    return min(differences(definition, changed, tried), key=lambda one: list(Effect).index(one.effect), default=None)


def differences(
    definition: Definition, changed: ast.Module, tried: Sequence[Program], *, most: int | None = None
) -> list[Difference]:
    """Where each program differs first, for at most so many of them. One that hangs is the last."""
    found: list[Difference] = []
    place = Difference(Effect.STARTS_NOT, "", "", "")
    try:
        with limited(_SLOW), Player(definition, changed) as player:
            for program in tried:
                player.restart()
                for call in program:
                    place = Difference(Effect.HANGS, call.method.name, call.outcome.status, OPEN)
                    outcome, _ = player.call(call.method, call.requests)
                    if outcome != call.outcome:
                        effect = _effect(call.outcome, outcome)
                        found.append(Difference(effect, call.method.name, call.outcome.status, outcome.status))
                        break
                if len(found) == most:
                    break
    except (Stuck, MemoryError):
        found.append(place)
    except Exception:  # noqa: BLE001  # a changed module raises whatever it likes when it starts
        found.append(Difference(Effect.STARTS_NOT, "", "", ""))
    return found


def _effect(expected: Outcome, actual: Outcome) -> Effect:
    if actual.status == OPEN != expected.status:
        return Effect.HANGS
    if actual.status in _UNHANDLED and expected.status not in _UNHANDLED:
        return Effect.FAILS
    if expected.status != actual.status:
        if actual.status == "OK":
            return Effect.ACCEPTS
        return Effect.REFUSES if expected.status == "OK" else Effect.STATUS
    return Effect.ANSWER if expected.responses != actual.responses else Effect.DETAILS
