"""Plans that say everything at once, from headers to trailers, without a pause: found out once for each plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grpcmock.errors import RenderError
from grpcmock.responses.plan import NO_METADATA, FinishStep, HeadersStep, RepeatStep, SendStep
from grpcmock.schema import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grpcmock.responses.context import RenderContext
    from grpcmock.responses.plan import Plan, PlanStep, RenderableMessage, RenderableMetadata
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

_MOST_MESSAGES = 1_000
_MOST_BYTES = 1 << 19
"""How many messages such an answer may have, and how long they may be together: a journal keeps all of them."""


class WholeAnswer(NamedTuple):
    """An answer from headers to trailers, given without a pause."""

    headers: Metadata
    messages: tuple[bytes, ...]
    code: Code
    message: str
    trailers: Metadata


class WholePlan(NamedTuple):
    """A plan whose answer is given without a pause, and without anything being read from the client."""

    headers: RenderableMetadata
    replies: tuple[RenderableMessage, ...]
    finish: FinishStep
    constant: WholeAnswer | None
    """The answer, if it is the same each time."""

    def render(self, context: RenderContext, method: Method) -> WholeAnswer | None:
        """Return the answer to one call, cut short where a template fails; None if it is too large for one piece."""
        headers: Metadata = ()
        messages: list[bytes] = []
        try:
            headers = self.headers.render(context)
            for reply in self.replies:
                messages.append(reply.render(context))  # noqa: PERF401 - what came before an error is sent
            code, message, trailers = self.finish.render(context)
        except RenderError as error:
            code, message, trailers = Code.INTERNAL, f"{method}: {error}", ()
        if len(messages) > 1 and sum(map(len, messages)) > _MOST_BYTES:
            return None
        return WholeAnswer(headers, tuple(messages), code, message, trailers)


def constant_answer(message: bytes) -> WholeAnswer:
    """Return the answer that is one message, and OK."""
    return WholeAnswer((), (message,), Code.OK, "", ())


def whole_plan(method: Method, plan: Plan) -> WholePlan | None:
    """Return what a plan says, if it says it all at once; None if it doesn't, or it is too much for one piece."""
    if plan.constant is not None:  # most are, and are quicker to see through
        [only, finish] = plan.steps
        assert isinstance(only, SendStep) and isinstance(finish, FinishStep)
        return WholePlan(NO_METADATA, (only.reply,), finish, constant_answer(plan.constant))
    if method.kind.client_streams or plan.fault is not None:
        return None
    headers = NO_METADATA
    replies: list[RenderableMessage] = []
    size = 0
    for step in _unrolled(plan.steps):
        match step:
            case HeadersStep() if not replies and headers is NO_METADATA:
                headers = step.metadata
            case SendStep():
                replies.append(step.reply)
                size += len(step.reply.constant or b"")
            case FinishStep():
                if method.kind is MethodKind.UNARY and len(replies) != (step.code is Code.OK):
                    return None
                return WholePlan(headers, tuple(replies), step, _constant(headers, replies, step))
            case _:
                return None
        if len(replies) > _MOST_MESSAGES or size > _MOST_BYTES:
            return None
    return None


def _constant(
    headers: RenderableMetadata, replies: Sequence[RenderableMessage], finish: FinishStep
) -> WholeAnswer | None:
    messages = tuple([reply.constant for reply in replies if reply.constant is not None])
    if headers.constant is None or finish.constant is None or len(messages) < len(replies):
        return None
    return WholeAnswer(headers.constant, messages, *finish.constant)


def _unrolled(steps: Sequence[PlanStep]) -> Iterator[PlanStep]:
    for step in steps:
        if isinstance(step, RepeatStep) and step.times is not None and step.every is None:
            for _ in range(step.times):
                yield from _unrolled(step.steps)
        else:
            yield step
