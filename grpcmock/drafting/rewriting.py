"""Recorded stubs made readable: patterns without operators that say little, and templates for what is repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.captured_call import EventKind
from grpcmock.drafting.repeats import Repeats
from grpcmock.schema.codec import decode, to_tree
from grpcmock.stubs import steps

if TYPE_CHECKING:
    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.drafting.recorded_stub import RecordedStub

_EXACT = ("$eq", "$only")
"""Operators on a whole message, that forbid the fields it doesn't name."""


def loosened(recorded: RecordedStub) -> RecordedStub:
    """Return a stub with patterns that name what the request holds, and leave the rest free."""
    matching = {
        key: [_loose(item) for item in pattern] if isinstance(pattern, list) else _loose(pattern)
        for key, pattern in recorded.matching.items()
    }
    answer = _with_steps(recorded.answer, {steps.EXPECT: _loose})
    return replace(recorded, matching=matching, answer=answer)


def _loose(pattern: Any) -> Any:
    """Write a pattern on a message as plain fields. One on an empty message stays, or every call would fit it."""
    if not isinstance(pattern, dict) or len(pattern) != 1:
        return pattern
    operator, inner = next(iter(pattern.items()))
    if operator not in _EXACT or not isinstance(inner, dict) or not inner:
        return pattern
    return {name: _loose(value) for name, value in inner.items()} if operator == "$only" else inner


def repeating(recorded: RecordedStub, captured: CapturedCall) -> RecordedStub:
    """Return a stub with templates where its answer repeats the request, or in a script the message before."""
    method = recorded.method
    trees = [to_tree(decode(method.request_class, data)) for data in captured.messages(EventKind.REQUEST)]
    if not trees:
        return recorded
    asked, answered = method.input, method.output

    def write(repeats: Repeats, keys: dict[str, Any]) -> dict[str, Any]:
        rewrite: dict[str, Callable[[Any], Any]] = {
            "response": lambda tree: repeats.message(tree, answered),
            "responses": lambda trees: [repeats.message(tree, answered) for tree in trees],
            steps.SEND: lambda sent: (
                [repeats.message(tree, answered) for tree in sent]
                if isinstance(sent, list)
                else repeats.message(sent, answered)
            ),
            steps.ERROR: lambda error: _with_message(error, repeats),
        }
        return {key: rewrite[key](value) if key in rewrite else value for key, value in keys.items()}

    if "script" not in recorded.answer:
        return replace(recorded, answer=write(Repeats(trees[0], asked, "request"), recorded.answer))
    written = []
    repeats: Repeats | None = None
    coming = iter(trees)
    for step in recorded.answer["script"]:
        if isinstance(step, dict) and steps.EXPECT in step:
            repeats = Repeats(next(coming), asked, "message")
        elif isinstance(step, dict) and steps.ON in step:
            each = Repeats(trees[0], asked, "message")
            step = {**step, steps.ON: [write(each, arm) for arm in step[steps.ON]]}
        elif isinstance(step, dict) and repeats is not None:
            step = write(repeats, step)
        written.append(step)
    return replace(recorded, answer={**recorded.answer, "script": written})


def _with_message(error: Any, repeats: Repeats) -> Any:
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return {**error, "message": repeats.text(error["message"])}
    return error


def _with_steps(answer: dict[str, Any], rewrite: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Return an answer with the values of some steps of its script rewritten."""
    if "script" not in answer:
        return answer
    script = [
        {key: rewrite[key](value) if key in rewrite else value for key, value in step.items()}
        if isinstance(step, dict)
        else step
        for step in answer["script"]
    ]
    return {**answer, "script": script}
