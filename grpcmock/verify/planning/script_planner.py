"""Plans scripts from the client's side: where the server expects the client sends, where it sends the client receives.

The steps are those that the mock performs, compiled once (``grpcmock.responses.scripts``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.client import actions as client
from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, Receive
from grpcmock.errors import Problem
from grpcmock.matching.paths import Stage
from grpcmock.responses.delays import FOREVER
from grpcmock.responses.plan import (
    ExpectStep,
    FinishStep,
    HalfCloseStep,
    HeadersStep,
    InvokeStep,
    OnStep,
    PauseStep,
    RepeatStep,
    SendStep,
)
from grpcmock.status import Code
from grpcmock.verify.expectations.answers import context_of
from grpcmock.verify.expectations.expected import ExpectedMessage, ExpectedMetadata, ExpectedStatus
from grpcmock.verify.planning.planned_call import PlannedCall, sending
from grpcmock.verify.requests.constraints import must, must_not, satisfied
from grpcmock.verify.requests.unsatisfiable import UnsatisfiableError

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.errors import Location
    from grpcmock.matching.patterns import Pattern
    from grpcmock.responses.context import RenderContext
    from grpcmock.responses.plan import PlanStep
    from grpcmock.stubs.model import Answer
    from grpcmock.verify.expectations.answers import ExpectationBuilder
    from grpcmock.verify.requests.builder import RequestBuilder
    from grpcmock.verify.requests.constraints import Constraints
    from grpcmock.verify.requests.spec import RequestSpec

ENDLESS = 3
"""Rounds of a loop without an end that are played before the client cancels."""

_MAX_ROUNDS = 1_000
_MAX_MESSAGES = 60
"""Messages tried for one step."""


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A conversation as far as it has been planned."""

    sent: tuple[Message, ...] = ()
    actions: tuple[Action, ...] = ()
    responses: tuple[ExpectedMessage, ...] = ()
    headers: tuple[ExpectedMetadata, ...] = ()
    half_closed: bool = False
    status: ExpectedStatus | None = field(default_factory=ExpectedStatus)
    is_over: bool = False

    def doing(self, *actions: Action) -> _Conversation:
        return replace(self, actions=(*self.actions, *actions))

    def half_close(self) -> _Conversation:
        return self if self.half_closed else replace(self.doing(HALF_CLOSE), half_closed=True)


class ScriptPlanner:
    """Plans the calls that one script needs: one for its main way, and one for each arm that ends the call."""

    def __init__(
        self,
        stub: CompiledStub,
        spec: RequestSpec,
        requests: RequestBuilder,
        expectations: ExpectationBuilder,
        label: str,
        count: int,
    ) -> None:
        """*label* says which answer of the stub it is, if there are several, *count* which call."""
        self._stub = stub
        self._client_streams = stub.method.kind.client_streams
        self._spec = spec
        self._requests = requests
        self._expectations = expectations
        self._label = label
        self._count = count
        self._sides: list[tuple[str, _Conversation]] = []
        """Ways that leave the main one, and where they begin."""

        by = {Stage.OPEN: 0, Stage.FIRST: 1, Stage.ALL: len(spec.messages)}
        self._chosen_by = spec.messages[: by[stub.conditions.stage]]
        """The messages by which the stub is chosen: a mock waits for them before it says anything."""

    def calls(self, answer: Answer, steps: Sequence[PlanStep]) -> Iterator[PlannedCall]:
        """Yield the calls for the *steps* that the script of an answer was compiled to."""
        assert answer.script is not None
        prefix = f"{self._label}." if self._label else ""
        self._trailers = self._expectations.metadata(answer.trailers, f"{prefix}trailers")
        headers = self._expectations.metadata(answer.headers, f"{prefix}headers")
        talk = _Conversation(headers=(headers,), status=self._expectations.ok(self._trailers))
        if not self._client_streams:
            # The one request goes out at once; what the script expects of it has to hold.
            message = self._only(steps, answer.script.location)
            talk = replace(talk, sent=(message,)).doing(sending(message)).half_close()
        main = self._steps(steps, talk)
        ways = [("", main), *self._sides]
        if len(ways) > 1 and not main.responses and not main.sent:
            ways = ways[1:]  # a conversation of nothing but arms that end it
        for label, way in ways:
            yield self._call(way, ": ".join(filter(None, (self._label, label))))

    def _call(self, talk: _Conversation, label: str) -> PlannedCall:
        if talk.status is not None:
            talk = talk.half_close()
        if self._client_streams:
            talk = self._begun(talk)
        return PlannedCall(
            label=label,
            requests=talk.sent,
            actions=talk.actions,
            metadata=self._spec.metadata,
            deadline=self._spec.deadline,
            without_deadline=self._spec.without_deadline,
            responses=talk.responses,
            headers=talk.headers,
            status=talk.status,
            exact=self._expectations.is_exact,
        )

    def _begun(self, talk: _Conversation) -> _Conversation:
        """Have the client begin with the messages by which the stub is chosen, whoever speaks first in the script."""
        spare = self._chosen_by[len(talk.sent) :]  # no step takes them
        sends = [action for action in talk.actions if isinstance(action, client.Send)] + list(map(sending, spare))
        at_once: list[Action] = [*sends[: len(self._chosen_by)]]
        if self._stub.conditions.stage is Stage.ALL:
            at_once = [*sends, HALF_CLOSE]
        rest = list(talk.actions)
        for action in at_once:
            if action in rest:
                rest.remove(action)
        return replace(talk, sent=(*talk.sent, *spare), actions=(*at_once, *rest))

    # Steps ------------------------------------------------------------------------------------------

    def _steps(self, steps: Sequence[PlanStep], talk: _Conversation) -> _Conversation:
        for step in steps:
            if talk.is_over:
                break
            talk = self._step(step, talk)
        return talk

    def _step(self, step: PlanStep, talk: _Conversation) -> _Conversation:
        match step:
            case SendStep():
                return self._receive(step, talk)
            case ExpectStep():
                return self._send(step.pattern, step.path, step.location, talk)
            case HalfCloseStep():
                return talk.half_close()
            case HeadersStep():
                return self._headers(step, talk)
            case RepeatStep():
                return self._repeat(step, talk)
            case OnStep():
                return self._on(step, talk)
            case FinishStep():
                return self._finish(step, talk)
            case PauseStep(delay=delay) if delay == FOREVER:
                return _cancelled(talk)
            case PauseStep() | InvokeStep():
                return talk  # how long a server takes is its own affair; a function never stands in a script

    def _receive(self, step: SendStep, talk: _Conversation) -> _Conversation:
        assert step.written is not None
        expected = self._expectations.message(step.written.node, step.written.path, self._context(talk))
        return replace(talk.doing(Receive()), responses=(*talk.responses, expected))

    def _send(
        self,
        pattern: Pattern | None,
        path: str,
        location: Location | None,
        talk: _Conversation,
        others: Constraints = (),
    ) -> _Conversation:
        if talk.half_closed:
            return talk
        constraints = (*(must(pattern.matcher) if pattern is not None else ()), *others)
        message = self._message(constraints, path, location, talk)
        return replace(talk.doing(sending(message)), sent=(*talk.sent, message))

    def _headers(self, step: HeadersStep, talk: _Conversation) -> _Conversation:
        # They are not waited for: many servers send them with their first message only. Those of the answer around the
        # script are expected from the start.
        if step.written is None:
            return talk
        named = self._expectations.metadata(step.written.node, step.written.path)
        return replace(talk, headers=(*talk.headers, named))

    def _finish(self, step: FinishStep, talk: _Conversation) -> _Conversation:
        written = step.written
        if step.code is not Code.OK:
            assert written is not None
            context = self._context(talk)
            status = self._expectations.error(step, written.node, written.path, self._trailers, context)
        else:
            status = self._expectations.ok(self._trailers)
            if written is not None and written.node.is_mapping:
                own = self._expectations.metadata(written.node.value.get("trailers"), f"{written.path}.trailers")
                status = replace(status, trailers=(*status.trailers, own))
        return replace(talk, status=status, is_over=True)

    def _repeat(self, step: RepeatStep, talk: _Conversation) -> _Conversation:
        endless = step.times is None or step.times > _MAX_ROUNDS
        for _ in range(ENDLESS if endless else step.times or 0):
            talk = self._steps(step.steps, talk)
            if talk.is_over:
                return talk
        return _cancelled(talk) if endless else talk

    def _on(self, step: OnStep, talk: _Conversation) -> _Conversation:
        """Visit each arm by a message that it alone takes; those that end the call become calls of their own."""
        if not self._client_streams:
            return self._answered(step, talk)  # the one request is answered once
        not_last = must_not(step.until.matcher) if step.until is not None else ()
        earlier: Constraints = ()
        for number, arm in enumerate(step.arms):
            if talk.half_closed:
                return talk  # there is no message left that an arm could answer
            others = (*earlier, *not_last)
            answered = self._steps(arm.steps, self._send(arm.pattern, arm.path, arm.location, talk, others))
            earlier += must_not(arm.pattern.matcher) if arm.pattern is not None else ()
            if answered.is_over:
                self._sides.append((f"script arm {number + 1}", answered))
            else:
                talk = answered
        if step.until is None or talk.half_closed:
            return talk.half_close()
        path = f"{step.path.removesuffix('.on')}.until"
        return self._answered(step, self._send(step.until, path, step.location, talk))

    def _answered(self, step: OnStep, talk: _Conversation) -> _Conversation:
        """Let the arm that takes the last message answer it, if one does."""
        for arm in step.arms:
            if arm.pattern is None or arm.pattern.holds(talk.sent[-1]):
                return self._steps(arm.steps, talk)
        return talk

    # What is sent -----------------------------------------------------------------------------------

    def _message(self, constraints: Constraints, path: str, location: Location | None, talk: _Conversation) -> Message:
        """Find the next message to send: the first one must make the stub answer, too."""
        conditions, number = self._stub.conditions, len(talk.sent)
        if conditions.requests is not None:
            candidates = iter(self._spec.messages[number : number + 1])
        else:
            own = must(conditions.request) if number == 0 and conditions.request is not None else ()
            candidates = self._requests.message((*own, *constraints), self._stub.method, path)
        normalize = conditions.kind.normalize
        for message in islice(candidates, _MAX_MESSAGES):
            fits = satisfied(constraints, message if normalize is None else normalize(message))
            is_chosen = number > 0 or conditions.requests is not None  # then they win together, as they were built
            if fits and (is_chosen or self._requests.wins(self._stub, self._spec, message)):
                return message
        raise UnsatisfiableError(
            Problem(
                f"no message was found for this step of the stub {self._stub.name!r} that no other one takes.",
                location,
                path,
                self._stub.name,
                "Fix the pattern, or leave the stub to the mock alone with verify: false.",
                "unsatisfiable",
            )
        )

    def _only(self, steps: Sequence[PlanStep], location: Location | None) -> Message:
        """Find the one request of a method whose client doesn't stream."""
        patterns = [step.pattern for step in steps if isinstance(step, ExpectStep) and step.pattern is not None]
        if all(pattern.holds(self._spec.messages[0]) for pattern in patterns):
            return self._spec.messages[0]
        constraints = tuple((pattern.matcher, True) for pattern in patterns)
        return self._message(constraints, "script", location, _Conversation())

    def _context(self, talk: _Conversation) -> RenderContext:
        return context_of(
            talk.sent or self._chosen_by[:1], self._spec.metadata_by_key(), self._stub.stub.row, count=self._count
        )


def _cancelled(talk: _Conversation) -> _Conversation:
    """End a conversation that the server doesn't end."""
    return replace(talk.doing(Cancel()), status=None, is_over=True)
