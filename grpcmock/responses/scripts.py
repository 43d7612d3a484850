"""Scripts: the steps of a conversation, checked and compiled to those of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from grpcmock.errors import did_you_mean
from grpcmock.matching.patterns import compile_pattern
from grpcmock.responses import flow
from grpcmock.responses.delays import parse_delay, parse_wait
from grpcmock.responses.messages import compile_reply
from grpcmock.responses.metadata import compile_metadata
from grpcmock.responses.plan import (
    HALF_CLOSE,
    NO_METADATA,
    Arm,
    ExpectStep,
    FinishStep,
    HeadersStep,
    OnStep,
    PauseStep,
    PlanStep,
    RenderableMetadata,
    RepeatStep,
    SendStep,
    Written,
)
from grpcmock.responses.status import compile_error, compile_finish
from grpcmock.responses.templates import Scope, folded
from grpcmock.stubs import steps as words

if TYPE_CHECKING:
    from grpcmock.matching.patterns import Pattern
    from grpcmock.responses.delays import Delay
    from grpcmock.tree import Node

_MOST_ROUNDS = 1_000_000_000
_DEEPEST = 20

_W = TypeVar("_W", SendStep, HeadersStep, FinishStep)
"""Steps that say something: they keep how it was written."""


def compile_script(
    node: Node, scope: Scope, path: str, trailers: RenderableMetadata = NO_METADATA, *, headers_sent: bool = False
) -> tuple[PlanStep, ...]:
    """Compile a script, down to the end of the call; what is wrong is noted.

    *trailers* are those of the answer around it; *headers_sent* says that its headers have gone out before.
    """
    script = _Script(scope, trailers)
    before = len(scope.problems)
    steps = script.steps(node, path, 0)
    if not steps or not _never_returns(steps[-1]):
        steps += (FinishStep(trailers=trailers),)
    if len(scope.problems) == before:

        def report(step: PlanStep, text: str) -> None:
            assert isinstance(step, (SendStep, HeadersStep, FinishStep))  # the flow has nothing to say of others
            place = step.written or Written(node, path)
            scope.error(text, place.node, place.path, rule="script-flow")

        flow.check(steps, scope.method, report, headers_sent=headers_sent)
    return steps


class _Script:
    """One script while it is compiled."""

    def __init__(self, scope: Scope, trailers: RenderableMetadata) -> None:
        self.scope = scope
        self.trailers = trailers

    def steps(self, node: Node, path: str, depth: int) -> tuple[PlanStep, ...]:
        if not node.is_list:
            self.scope.error(f"expected a list of steps, not {node.kind}.", node, path, rule="script")
            return ()
        if depth > _DEEPEST:
            self.scope.error(f"steps are nested more than {_DEEPEST} deep.", node, path, rule="nested-too-deep")
            return ()
        steps: list[PlanStep] = []
        for index, item in enumerate(node.value):
            here = f"{path}[{index}]"
            if steps and _never_returns(steps[-1]):
                self.scope.error(
                    "this step is never reached: the one before it ends the call.", item, here, rule="unreachable-step"
                )
                break
            step = self.step(item, here, index + 1, depth)
            if step is not None:
                steps.append(step)
        return tuple(steps)

    def step(self, node: Node, path: str, number: int, depth: int) -> PlanStep | None:
        word = node.value
        if isinstance(word, str):
            if word in words.BARE:
                return self.one(word, None, node, path, number, depth)
            known = words.STEPS if word not in words.STEPS else ()
            hint = did_you_mean(word, known, known="The steps") if known else f"Write '{word}: …'."
            text = f"unknown step {word!r}." if known else f"the step {word!r} needs a value."
            self.scope.error(text, node, path, hint=hint, rule="unknown-step")
            return None
        if not node.is_mapping:
            self.scope.error(f"expected a step such as {{send: …}}, not {node.kind}.", node, path, rule="script")
            return None
        unknown = [key for key in word if key not in words.STEPS and not (key == words.UNTIL and words.ON in word)]
        for key in unknown:
            hint = did_you_mean(str(key), words.STEPS, known="The steps")
            where = node.key_location(key)
            self.scope.problems.error(f"unknown step {key!r}.", where, path, hint=hint, rule="unknown-step")
        keys = [key for key in word if key in words.STEPS]
        if len(keys) > 1:
            text = f"a step has one key, not {len(keys)} ({', '.join(keys)})."
            self.scope.error(text, node, path, hint="Begin each with its own '-'.", rule="script")
        elif not keys and not unknown:
            self.scope.error("expected a step, not an empty mapping.", node, path, rule="script")
        return self.one(keys[0], word[keys[0]], node, path, number, depth) if len(keys) == 1 and not unknown else None

    def one(self, word: str, value: Node | None, node: Node, path: str, number: int, depth: int) -> PlanStep | None:
        """Compile the step named *word*; *value* is None for a bare word, *node* the whole step."""
        here = f"{path}.{word}"
        scope = self.scope
        if word == words.FINISH:
            return _written(compile_finish(value, scope, here, self.trailers), value or node, here)
        if word == words.HALF_CLOSE:
            if value is not None and value.value not in (None, True):
                scope.error(f"expected nothing, not {value.kind}.", value, here, rule="script")
            return HALF_CLOSE
        assert value is not None
        match word:
            case words.SEND:
                return self.send(value, here)
            case words.EXPECT:
                return ExpectStep(self.pattern(value, here), number, value.location, here)
            case words.WAIT:
                found = folded(value, scope, here)
                delay = None if found is None else parse_wait(found, scope.problems, here)
                return None if delay is None else PauseStep(delay)
            case words.HEADERS:
                return _written(HeadersStep(compile_metadata(value, scope, here)), value, here)
            case words.ERROR:
                return _written(compile_error(value, scope, here, self.trailers), value, here)
            case words.ON:
                return self.on(value, node, path, number, depth)
            case _:
                return self.repeat(value, here, depth)

    def send(self, node: Node, path: str) -> PlanStep:
        return SendStep(compile_reply(node, self.scope, path), Written(node, path))

    def pattern(self, node: Node, path: str) -> Pattern | None:
        """Compile a pattern on a request message; nothing, or an empty one, takes any message."""
        return None if node.value is None or node.value == {} else self._compiled(node, path)

    def _compiled(self, node: Node, path: str) -> Pattern | None:
        scope = self.scope
        has_row = scope.stub.row is not None
        if has_row:
            found = folded(node, scope, path)
            if found is None:
                return None
            node = found
        return compile_pattern(
            node, scope.method.input, scope.registry, scope.problems, path, stub=scope.stub.name, rendered=has_row
        )

    def delay(self, node: Node, path: str) -> Delay | None:
        found = folded(node, self.scope, path)
        return None if found is None else parse_delay(found, self.scope.problems, path)

    def on(self, arms: Node, node: Node, path: str, number: int, depth: int) -> OnStep | None:
        until = node.value.get(words.UNTIL)
        pattern = None
        if until is not None and until.value != words.HALF_CLOSE:
            if until.is_mapping:
                pattern = self._compiled(until, f"{path}.until")  # an empty one: after the first message
            else:
                hint = "Write half_close, or a pattern: the message that matches it is the last one answered."
                text = f"expected half_close or a pattern, not {until.kind}."
                self.scope.error(text, until, f"{path}.until", hint=hint, rule="script")
        if not arms.is_list or not arms.value:
            came = "an empty one" if arms.is_list else arms.kind
            text = f"expected a list of arms, each {{request: …, send: …}}, not {came}."
            self.scope.error(text, arms, f"{path}.on", rule="script")
            return None
        compiled: list[Arm] = []
        for index, item in enumerate(arms.value):
            here = f"{path}.on[{index}]"
            if compiled and compiled[-1].pattern is None and words.REQUEST not in arms.value[index - 1].value:
                text = "this arm is never reached: the one before it takes every message."
                self.scope.error(text, item, here, rule="unreachable-step")
                break
            if (arm := self.arm(item, here, depth)) is not None:
                compiled.append(arm)
        return OnStep(tuple(compiled), pattern, number, node.location, f"{path}.on")

    def arm(self, node: Node, path: str, depth: int) -> Arm | None:
        if not node.is_mapping:
            self.scope.error(f"expected {{request: …, send: …}}, not {node.kind}.", node, path, rule="script")
            return None
        given: dict[Any, Node] = node.value
        for key in given:
            if key not in words.ARM_KEYS:
                self.scope.unknown(node, key, path, did_you_mean(str(key), words.ARM_KEYS, known="The keys"))
        pattern = self.pattern(given[words.REQUEST], f"{path}.request") if words.REQUEST in given else None
        others = [key for key in words.ARM_KEYS if key in given and key not in (words.REQUEST, words.NESTED)]
        if words.NESTED in given:
            if others:
                text = f"'steps' says all that is done; {' and '.join(map(repr, others))} can't stand beside it."
                self.scope.error(text, node, path, rule="script")
            return Arm(pattern, self.steps(given[words.NESTED], f"{path}.steps", depth + 1), node.location, path)
        if words.ERROR in given and words.FINISH in given:
            self.scope.error("'error' and 'finish' exclude each other.", node, path, rule="script")
        steps: list[PlanStep | None] = []
        for word in others:
            if word == words.SEND and given[words.SEND].is_list and not self.sends_lists():
                steps += [
                    self.send(item, f"{path}.send[{index}]") for index, item in enumerate(given[words.SEND].value)
                ]
            else:
                steps.append(self.one(word, given[word], node, path, 0, depth))
        return Arm(pattern, tuple(step for step in steps if step is not None), node.location, path)

    def sends_lists(self) -> bool:
        """Whether the JSON form of one response message may be a list."""
        return self.scope.method.output.full_name in ("google.protobuf.ListValue", "google.protobuf.Value")

    def repeat(self, node: Node, path: str, depth: int) -> RepeatStep | None:
        if not node.is_mapping:
            self.scope.error(f"expected {{times: …, steps: […]}}, not {node.kind}.", node, path, rule="script")
            return None
        given: dict[Any, Node] = node.value
        for key in given:
            if key not in words.REPEAT_KEYS:
                self.scope.unknown(node, key, path, did_you_mean(str(key), words.REPEAT_KEYS, known="The keys"))
        for key in (words.TIMES, words.NESTED):
            if key not in given:
                hint = "Write a number, or forever." if key == words.TIMES else ""
                self.scope.error(f"a repeat needs {key!r}.", node, path, hint=hint, rule="script")
        if words.TIMES not in given or words.NESTED not in given:
            return None
        times = self.times(given[words.TIMES], f"{path}.times")
        every = self.delay(given[words.EVERY], f"{path}.every") if words.EVERY in given else None
        steps = self.steps(given[words.NESTED], f"{path}.steps", depth + 1)
        if given[words.NESTED].is_list and not given[words.NESTED].value:
            self.scope.error("there is nothing to repeat.", given[words.NESTED], f"{path}.steps", rule="script")
        return RepeatStep(times, every, steps)

    def times(self, node: Node, path: str) -> int | None:
        found = folded(node, self.scope, path)
        if found is None:
            return None
        times = found.value
        if times == words.FOREVER:
            return None
        if found is not node and isinstance(times, str) and times.isdecimal() and len(times) <= 10:
            times = int(times)  # the cells of a CSV file are all strings
        if isinstance(times, int) and not isinstance(times, bool) and 1 <= times <= _MOST_ROUNDS:
            return times
        shown = repr(times) if isinstance(times, (str, int, float)) else found.kind
        text = f"expected a number from 1 to {_MOST_ROUNDS}, or forever, not {shown}."
        self.scope.error(text, node, path, rule="script")
        return None


def _written(step: _W, node: Node, path: str) -> _W:
    """Return a step that knows how it was written."""
    return replace(step, written=Written(node, path))


def _never_returns(step: PlanStep) -> bool:
    if isinstance(step, RepeatStep):
        return step.times is None or any(map(_never_returns, step.steps))
    return isinstance(step, FinishStep)
