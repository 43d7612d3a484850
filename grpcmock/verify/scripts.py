"""Scripts from the client's side: where the server expects the client sends, where it sends the client receives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Receive
from grpcmock.errors import Problem
from grpcmock.matching.patterns import compile_pattern
from grpcmock.replies.templates import folded
from grpcmock.verify.exchanges import Exchange, by_key, send
from grpcmock.verify.expecting import Ending, Named, Reply, context_of
from grpcmock.verify.unaskable import UnaskableError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.store import CompiledStub
    from grpcmock.matching.patterns import Pattern
    from grpcmock.replies.context import RenderContext
    from grpcmock.replies.templates import Scope
    from grpcmock.stubs.model import Answer
    from grpcmock.tree import Node
    from grpcmock.verify.asking import Ask, Asker
    from grpcmock.verify.expecting import Expecter
    from grpcmock.verify.goals import Goal

ENDLESS = 3
"""Rounds of a loop without an end that are played before the client cancels."""

_MOST_ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class _State:
    """A conversation as far as it has been planned."""

    sent: tuple[Message, ...] = ()
    actions: tuple[Action, ...] = ()
    replies: tuple[Reply, ...] = ()
    headers: tuple[Named, ...] = ()
    half_closed: bool = False
    ending: Ending | None = field(default_factory=Ending)
    is_over: bool = False

    def doing(self, *actions: Action) -> _State:
        return replace(self, actions=(*self.actions, *actions))


class Play:
    """Plans the calls that one script needs: one for its main way, and one for each arm that ends the call."""

    def __init__(
        self,
        stub: CompiledStub,
        ask: Ask,
        asker: Asker,
        scope: Scope,
        expecter: Expecter,
        label: str,
        count: int,
    ) -> None:
        self._stub = stub
        self._ask = ask
        self._asker = asker
        self._scope = scope
        self._expecter = expecter
        self._label = label
        self._count = count
        self._sides: list[tuple[str, _State]] = []
        """Ways that leave the main one, and where they begin."""

    def exchanges(self, answer: Answer) -> Iterator[Exchange]:
        """Yield the calls."""
        assert answer.script is not None
        prefix = f"{self._label}." if self._label else ""
        self._trailers = self._expecter.named(answer.trailers, f"{prefix}trailers")
        headers = self._expecter.named(answer.headers, f"{prefix}headers")
        state = _State(headers=(headers,), ending=self._expecter.ok(self._trailers))
        if not self._stub.method.kind.client_streams:
            # The one request goes out at once; what the script expects of it has to hold.
            message = self._only(answer.script)
            state = replace(state, sent=(message,), actions=(send(message), HALF_CLOSE), half_closed=True)
        main = self._steps(answer.script, f"{prefix}script", state)
        ways = [("", main), *self._sides]
        if len(ways) > 1 and not main.replies and len(main.sent) == 0:
            ways = ways[1:]  # a conversation of nothing but arms that end it
        for label, way in ways:
            yield self._exchange(way, ": ".join(filter(None, (self._label, label))))

    def _exchange(self, state: _State, label: str) -> Exchange:
        actions = state.actions
        if state.ending is not None and not state.half_closed:
            actions = (*actions, HALF_CLOSE)
        return Exchange(
            label=label,
            messages=state.sent,
            actions=actions,
            metadata=self._ask.metadata,
            deadline=self._ask.deadline,
            without_deadline=self._ask.without_deadline,
            replies=state.replies,
            headers=state.headers,
            ending=state.ending,
            exact=self._expecter.is_exact,
        )

    # Steps ------------------------------------------------------------------------------------------

    def _steps(self, steps: Node, path: str, state: _State) -> _State:
        for number, node in enumerate(steps.value):
            if state.is_over:
                break
            word, value = _word(node)
            state = self._step(word, value, node, f"{path}[{number}]", state)
        return state

    def _step(self, word: str, value: Node | None, node: Node, path: str, state: _State) -> _State:
        here = f"{path}.{word}"
        if word == "half_close":
            return state if state.half_closed else replace(state.doing(HALF_CLOSE), half_closed=True)
        if word == "finish":
            own = self._expecter.named(_trailers(value), f"{here}.trailers")
            ending = self._expecter.ok(self._trailers)
            return replace(state, ending=replace(ending, trailers=(*ending.trailers, own)), is_over=True)
        if word == "wait" and value is not None and value.value == "forever":
            return _cancelled(state)
        if word == "wait" or value is None:
            return state
        match word:
            case "send":
                return self._receive([value], [here], state)
            case "expect":
                return self._send(self._pattern(value, here), here, value, state)
            case "headers":
                # They are not waited for: many servers send them with their first message only.
                return replace(state, headers=(*state.headers, self._expecter.named(value, here)))
            case "error":
                ending = self._expecter.error(value, here, self._trailers, self._context(state))
                return replace(state, ending=ending, is_over=True)
            case "repeat":
                return self._repeat(value, here, state)
            case _:
                return self._on(value, node.value.get("until"), path, state)

    def _receive(self, nodes: list[Node], paths: list[str], state: _State) -> _State:
        context = self._context(state)
        made = tuple(self._expecter.reply(node, path, context) for node, path in zip(nodes, paths, strict=True))
        return replace(state.doing(Receive(len(made))), replies=(*state.replies, *made))

    def _send(
        self, pattern: Pattern | None, path: str, node: Node, state: _State, others: tuple[Goal, ...] = ()
    ) -> _State:
        goals = (*(((pattern.matcher, True),) if pattern is not None else ()), *others)
        if state.half_closed:
            return state
        message = self._message(goals, path, node, state)
        return replace(state.doing(send(message)), sent=(*state.sent, message))

    def _repeat(self, value: Node, path: str, state: _State) -> _State:
        found = folded(value.value["times"], self._scope, path)
        times = found.value if found is not None else 1
        rounds = int(times) if str(times).isdecimal() else ENDLESS
        endless = not str(times).isdecimal() or rounds > _MOST_ROUNDS
        for _ in range(ENDLESS if endless else rounds):
            state = self._steps(value.value["steps"], f"{path}.steps", state)
            if state.is_over:
                return state
        return _cancelled(state) if endless else state

    def _on(self, arms: Node, until: Node | None, path: str, state: _State) -> _State:
        patterns = [
            self._pattern(arm.value.get("request"), f"{path}.on[{n}].request") for n, arm in enumerate(arms.value)
        ]
        stop = None
        if until is not None and until.value != "half_close":
            stop = self._pattern(until, f"{path}.until")
        if not self._stub.method.kind.client_streams:
            return self._answered(arms, patterns, path, state)  # the one request is answered once
        not_stop: tuple[Goal, ...] = ((stop.matcher, False),) if stop is not None else ()
        for number, arm in enumerate(arms.value):
            here = f"{path}.on[{number}]"
            before = tuple((pattern.matcher, False) for pattern in patterns[:number] if pattern is not None)
            taken = self._send(patterns[number], here, arm, state, (*before, *not_stop))
            answered = self._arm(arm, here, taken)
            if answered.is_over:
                self._sides.append((f"script arm {number + 1}", answered))
            else:
                state = answered
        if stop is None:
            return state if state.half_closed else replace(state.doing(HALF_CLOSE), half_closed=True)
        return self._answered(arms, patterns, path, self._send(stop, f"{path}.until", until or arms, state))

    def _answered(self, arms: Node, patterns: list[Pattern | None], path: str, state: _State) -> _State:
        """Let the arm that takes the last message answer it, if one does."""
        for number, (arm, pattern) in enumerate(zip(arms.value, patterns, strict=True)):
            if pattern is None or pattern.holds(state.sent[-1]):
                return self._arm(arm, f"{path}.on[{number}]", state)
        return state

    def _arm(self, arm: Node, path: str, state: _State) -> _State:
        given: dict[str, Node] = arm.value
        if "steps" in given:
            return self._steps(given["steps"], f"{path}.steps", state)
        if "wait" in given and given["wait"].value == "forever":
            return _cancelled(state)
        if "send" in given:
            sent = given["send"]
            listed = sent.value if sent.is_list and not self._answers_with_lists() else [sent]
            paths = [f"{path}.send[{n}]" if len(listed) > 1 else f"{path}.send" for n in range(len(listed))]
            state = self._receive(listed, paths, state)
        for word in ("error", "finish"):
            if word in given:
                return self._step(word, given[word], arm, path, state)
        return state

    def _answers_with_lists(self) -> bool:
        return self._stub.method.output.full_name in ("google.protobuf.ListValue", "google.protobuf.Value")

    # What is sent -----------------------------------------------------------------------------------

    def _pattern(self, node: Node | None, path: str) -> Pattern | None:
        if node is None or node.value is None or node.value == {}:
            return None
        scope = self._scope
        has_row = scope.stub.row is not None
        found = folded(node, scope, path) if has_row else node
        if found is None:
            return None
        return compile_pattern(
            found, scope.method.input, scope.registry, scope.problems, path, stub=scope.stub.name, rendered=has_row
        )

    def _message(self, goals: tuple[Goal, ...], path: str, node: Node, state: _State) -> Message:
        """Find the next message to send: the first one must make the stub answer, too."""
        conditions, number = self._stub.conditions, len(state.sent)
        if conditions.requests is not None:
            candidates = iter(self._ask.messages[number : number + 1])
        else:
            own = ((conditions.request, True),) if number == 0 and conditions.request is not None else ()
            candidates = self._asker.message((*own, *goals), self._stub.method, path)
        for message in islice(candidates, 60):
            fits = all(matcher.test(self._seen(message)) is wanted for matcher, wanted in goals)
            if fits and (number or self._asker.wins(self._stub, self._ask, message)):
                return message
        raise UnaskableError(
            Problem(
                f"no message was found for this step of the stub {self._stub.name!r} that no other one takes.",
                node.location,
                path,
                self._stub.name,
                "Mend the pattern, or leave the stub to the mock alone with verify: false.",
                "unaskable",
            )
        )

    def _seen(self, message: Message) -> Any:
        canon = self._stub.conditions.kind.canon
        return message if canon is None else canon(message)

    def _only(self, script: Node) -> Message:
        """Give the one request of a method whose client doesn't stream."""
        wanted = [
            self._pattern(step.value["expect"], "script.expect") for step in script.value if _word(step)[0] == "expect"
        ]
        patterns = [pattern for pattern in wanted if pattern is not None]
        if all(pattern.holds(self._ask.messages[0]) for pattern in patterns):
            return self._ask.messages[0]
        goals = tuple((pattern.matcher, True) for pattern in patterns)
        return self._message(goals, "script", script, _State())

    def _context(self, state: _State) -> RenderContext:
        return context_of(state.sent, by_key(self._ask.metadata), self._stub.stub.row, count=self._count)


def _cancelled(state: _State) -> _State:
    """End a conversation that the server doesn't end."""
    return replace(state.doing(Cancel()), ending=None, is_over=True)


def _word(node: Node) -> tuple[str, Node | None]:
    if isinstance(node.value, str):
        return node.value, None
    word = next(key for key in node.value if key != "until")
    return word, node.value[word]


def _trailers(value: Node | None) -> Node | None:
    return value.value.get("trailers") if value is not None and value.is_mapping else None
