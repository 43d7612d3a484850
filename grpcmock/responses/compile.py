"""Compile an answer: every sort of answer, for every kind of method, becomes a plan of the same few steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grpcmock.responses.delays import Delay, parse_delay
from grpcmock.responses.faults import Fault, FaultKind, parse_fault
from grpcmock.responses.messages import compile_reply, empty_reply, encoded, warn_of_unknown
from grpcmock.responses.metadata import compile_metadata
from grpcmock.responses.plan import (
    FINISH_OK,
    HALF_CLOSE,
    NO_STATES,
    FinishStep,
    HeadersStep,
    InvokeStep,
    PauseStep,
    Plan,
    PlanStep,
    RenderableMessage,
    SendStep,
)
from grpcmock.responses.status import compile_error
from grpcmock.responses.templates import Scope, folded, holds_template
from grpcmock.schema import MethodKind, codec
from grpcmock.stubs.template import is_template
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Collection

    from grpcmock.errors import Problems
    from grpcmock.schema import Method, Registry
    from grpcmock.stubs.model import Answer, Handler, Stub


def compile_answer(
    answer: Answer,
    stub: Stub,
    method: Method,
    registry: Registry,
    problems: Problems,
    *,
    faults: Collection[str],
) -> Plan:
    """Compile one answer of a stub. What is wrong goes to *problems*; the plan is then not to be used.

    *faults* names the faults that the server's transport can put on the wire.
    """
    if method.kind is MethodKind.UNARY and len(stub.answers) == 1 and _is_bare(answer):
        plan = _one_constant(answer, stub, method, registry, problems)
        if plan is not None:
            return plan
    scope = Scope(stub, method, registry, problems, answer.script is not None)
    prefix = _prefix(answer, stub)
    if answer.handler is not None:
        steps = _invoked(answer, answer.handler, scope, prefix)
    elif answer.script is not None:
        steps = _scripted(answer, answer.script, scope, prefix)
    else:
        steps = _plain(answer, scope, prefix)
    fault = _fault(answer.fault, scope, f"{prefix}fault", faults) if answer.fault is not None else None
    states = _states(answer.set, scope, f"{prefix}set") if answer.set else NO_STATES
    return Plan(steps, fault, None if fault or states else _constant(steps, method), states)


def _is_bare(answer: Answer) -> bool:
    """Whether an answer has responses and nothing else."""
    return (
        answer.error is None
        and answer.script is None
        and answer.handler is None
        and answer.headers is None
        and answer.trailers is None
        and answer.delay is None
        and answer.interval is None
        and answer.fault is None
        and not answer.set
    )


def _one_constant(answer: Answer, stub: Stub, method: Method, registry: Registry, problems: Problems) -> Plan | None:
    """Compile one constant message: the most frequent answer by far, and the same as below but quicker."""
    responses = answer.responses
    if responses is None or len(responses) != 1 or holds_template(responses[0]):
        return None
    message = codec.build(responses[0], method.response_class, registry, problems, "response")
    warn_of_unknown(message, responses[0], problems, "response", stub)
    data = encoded(message)
    return Plan((SendStep(RenderableMessage(data)), FINISH_OK), None, data, NO_STATES)


def _prefix(answer: Answer, stub: Stub) -> str:
    """Give what stands before the paths of this answer: nothing, or its place among several."""
    if len(stub.answers) == 1:
        return ""
    return next((f"answers[{index}]." for index, other in enumerate(stub.answers) if other is answer), "")


def _constant(steps: tuple[PlanStep, ...], method: Method) -> bytes | None:
    if method.kind is not MethodKind.UNARY or len(steps) != 2 or steps[1] is not FINISH_OK:
        return None
    first = steps[0]
    return first.reply.constant if isinstance(first, SendStep) else None


def _invoked(answer: Answer, handler: Handler, scope: Scope, prefix: str) -> tuple[PlanStep, ...]:
    """Leave the answer to a function; where a client streams and one message is due, once all its messages are here."""
    for name in ("responses", "error", "script", "interval", "trailers"):
        if getattr(answer, name) is not None:
            where = answer.location or scope.stub.location
            text = f"a handler and {name!r} exclude each other: the handler says all that is sent."
            scope.problems.error(text, where, f"{prefix}{name}", stub=scope.stub.name, rule="answer-kind")
    is_live = getattr(handler, "is_live", False)  # it asks for each message by itself
    waiting = (HALF_CLOSE,) if scope.method.kind is MethodKind.CLIENT_STREAMING and not is_live else ()
    return (*waiting, *_opening(answer, scope, prefix), InvokeStep(handler))


def _scripted(answer: Answer, script: Node, scope: Scope, prefix: str) -> tuple[PlanStep, ...]:
    from grpcmock.responses.scripts import compile_script

    for name in ("responses", "error", "interval"):
        if (found := getattr(answer, name)) is not None:
            node = found if isinstance(found, Node) else script
            text = f"'script' and {name!r} exclude each other: a script says all that is sent."
            scope.error(text, node, f"{prefix}{name}", rule="answer-kind")
    opening = _opening(answer, scope, prefix)
    trailers = compile_metadata(answer.trailers, scope, f"{prefix}trailers")
    headers_sent = bool(opening) and isinstance(opening[0], HeadersStep)
    return (*opening, *compile_script(script, scope, f"{prefix}script", trailers, headers_sent=headers_sent))


def _plain(answer: Answer, scope: Scope, prefix: str) -> tuple[PlanStep, ...]:
    kind = scope.method.kind
    replies = _replies(answer, scope, prefix)
    finish = FINISH_OK
    if answer.error is not None or answer.trailers is not None:
        finish = _finish(answer, scope, prefix)
    interval = _delay(answer.interval, scope, f"{prefix}interval")
    if answer.interval is not None and not kind.server_streams:
        text = f"{scope.method} is {kind.value}: it sends one message, so there is no 'interval'."
        scope.error(text, answer.interval, f"{prefix}interval", hint="Write 'delay'.", rule="answer-kind")
    if kind is MethodKind.UNARY and len(replies) == 1 and answer.headers is None and answer.delay is None:
        return (SendStep(replies[0]), finish)
    steps: list[PlanStep] = list(_opening(answer, scope, prefix))
    if kind is MethodKind.CLIENT_STREAMING:
        steps.insert(0, HALF_CLOSE)
    for index, reply in enumerate(replies):
        if index and interval is not None:
            steps.append(PauseStep(interval))
        steps.append(SendStep(reply))
    if kind is MethodKind.BIDI_STREAMING and answer.error is None:
        steps.append(HALF_CLOSE)
    return (*steps, finish)


def _opening(answer: Answer, scope: Scope, prefix: str) -> tuple[PlanStep, ...]:
    steps: list[PlanStep] = []
    if answer.headers is not None:
        headers = compile_metadata(answer.headers, scope, f"{prefix}headers")
        if headers.constant != ():
            steps.append(HeadersStep(headers))
    delay = _delay(answer.delay, scope, f"{prefix}delay")
    if delay is not None and delay != _NO_DELAY:
        steps.append(PauseStep(delay))
    return tuple(steps)


_NO_DELAY = Delay(0.0)


def _replies(answer: Answer, scope: Scope, prefix: str) -> tuple[RenderableMessage, ...]:
    kind = scope.method.kind
    responses = answer.responses
    if kind.server_streams:
        found = responses or ()
        paths = ["response"] if len(found) == 1 else [f"responses[{index}]" for index in range(len(found))]
        return tuple(compile_reply(node, scope, prefix + path) for node, path in zip(found, paths, strict=True))
    if responses is None:
        return () if answer.error is not None else (empty_reply(scope, f"{prefix}response", answer.location),)
    if len(responses) != 1:
        where = responses[1] if responses else Node(None)
        text = f"{scope.method} is {kind.value}: it answers with one message, not {len(responses)}."
        scope.problems.error(
            text,
            where.location if responses else answer.location or scope.stub.location,
            f"{prefix}responses",
            stub=scope.stub.name,
            hint="Write 'response'.",
            rule="answer-kind",
        )
    elif answer.error is not None:
        text = f"{scope.method} is {kind.value}: it answers with a message or an error, not both."
        hint = "An error may follow messages where the server streams."
        scope.error(text, answer.error, f"{prefix}error", hint=hint, rule="answer-kind")
    return tuple(compile_reply(node, scope, f"{prefix}response") for node in responses)


def _finish(answer: Answer, scope: Scope, prefix: str) -> FinishStep:
    trailers = compile_metadata(answer.trailers, scope, f"{prefix}trailers")
    if answer.error is not None:
        return compile_error(answer.error, scope, f"{prefix}error", trailers)
    return FINISH_OK if trailers.constant == () else FinishStep(trailers=trailers)


def _delay(node: Node | None, scope: Scope, path: str) -> Delay | None:
    if node is None or node.value is None:
        return None
    found = folded(node, scope, path)
    return None if found is None else parse_delay(found, scope.problems, path)


def _fault(node: Node, scope: Scope, path: str, faults: Collection[str]) -> Fault | None:
    found = folded(node, scope, path)
    if found is None or found.value is None:
        return None
    fault = parse_fault(found, scope.problems, path, faults=faults)
    if fault is not None and fault.kind is FaultKind.DRIP and not scope.method.kind.server_streams:
        text = f"{scope.method} sends one message, so 'drip' changes nothing."
        scope.problems.warn(text, node.location, path, stub=scope.stub.name, hint="Write 'delay'.")
    return fault


def _states(states: Mapping[str, str], scope: Scope, path: str) -> Mapping[str, str]:
    """Render what the states hold of the row; other templates can't stand there."""
    if not any(map(is_template, states.values())):
        return states
    where = scope.stub.location
    rendered = {
        scenario: folded(Node.of(value, where), scope, f"{path}.{scenario}") for scenario, value in states.items()
    }
    return {scenario: str(node.value) for scenario, node in rendered.items() if node is not None}
