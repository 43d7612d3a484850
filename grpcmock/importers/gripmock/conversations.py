"""Bidirectional methods of GripMock: each message is matched by itself, and answered at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.importers.patterns import either

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.importers.gripmock.answers import Answers

NO_MORE = {"code": "NOT_FOUND", "message": "The stub has no answer to a further message."}


@dataclass(slots=True)
class Turns:
    """A stub of ``inputs`` and ``output.stream``: the answers to the first message, the second …"""

    patterns: list[Any]
    answers: list[list[dict[str, Any]]]
    """The steps that answer each message; one list fewer than patterns where there is no answer to the last."""


def turns(patterns: list[Any], answers: Answers) -> Turns:
    """Give the turns of a stub: what is left of the stream goes with the last message."""
    stream = answers.output.get("stream") or []
    delay = answers.delay(answers.output.get("delay"))
    steps: list[list[dict[str, Any]]] = []
    for index in range(min(len(patterns), len(stream))):
        items = stream[index:] if index == len(patterns) - 1 else stream[index : index + 1]
        steps.append([step for item in items for step in answers.steps(item, None, delay)])
    return Turns(patterns, steps)


def arm(pattern: Any, answers: Answers) -> dict[str, Any]:
    """Give the arm of an ``on`` for a stub that answers each message that fits it."""
    made: dict[str, Any] = {} if pattern is None else {"request": pattern}
    error = answers.error()
    delay = answers.delay(answers.output.get("delay"))
    stream = answers.output.get("stream")
    if error is not None:
        return made | ({"wait": delay} if delay else {}) | {"error": error}
    if stream:
        steps = [step for item in stream for step in answers.steps(item, None, delay)]
        if all("send" in step for step in steps):
            sent = [step["send"] for step in steps]
            return made | {"send": sent[0] if len(sent) == 1 else sent}
        return made | {"steps": steps}
    if delay:
        made["wait"] = delay
    data = answers.output.get("data")
    return made | {"send": answers.renderer.value({} if data is None else data)}


def script(all_turns: Sequence[Turns]) -> list[dict[str, Any]]:
    """Write the steps of stubs whose conversations begin alike: after each message, the way parts by the next one."""
    return _from(all_turns, 0)


def _from(all_turns: Sequence[Turns], depth: int) -> list[dict[str, Any]]:
    going_on = [one for one in all_turns if depth < len(one.answers)]
    if not going_on:
        return [{"on": [{"error": NO_MORE}]}]
    by_pattern: dict[str, list[Turns]] = defaultdict(list)
    for one in going_on:
        by_pattern[repr(_at(one, depth))].append(one)
    groups = list(by_pattern.values())
    if len(groups) == 1:
        pattern = _at(groups[0][0], depth)
        until = {} if pattern is None else pattern
        return [{"on": [_arm(groups[0][0], depth)], "until": until}, *_from(groups[0], depth + 1)]
    arms = []
    for group in groups:
        pattern = _at(group[0], depth)
        made: dict[str, Any] = {} if pattern is None else {"request": pattern}
        arms.append(made | {"steps": [*group[0].answers[depth], *_from(group, depth + 1)]})
    return [{"on": arms}]


def _at(one: Turns, depth: int) -> Any:
    return one.patterns[depth]


def _arm(one: Turns, depth: int) -> dict[str, Any]:
    pattern = _at(one, depth)
    made: dict[str, Any] = {} if pattern is None else {"request": pattern}
    steps = one.answers[depth]
    if steps and all("send" in step for step in steps):
        sent = [step["send"] for step in steps]
        return made | {"send": sent[0] if len(sent) == 1 else sent}
    return made | {"steps": steps}


def every(patterns: Sequence[Any]) -> Any:
    """Give one pattern for messages that fit any of *patterns*; None where one of them takes every message."""
    unique: list[Any] = []
    for pattern in patterns:
        if pattern is None:
            return None
        if pattern not in unique:
            unique.append(pattern)
    return either(unique)
