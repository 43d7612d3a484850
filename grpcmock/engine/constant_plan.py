"""Plans that say the same each time, from headers to trailers, without a pause: found out once for a stub."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grpcmock.responses.plan import FinishStep, HeadersStep, RepeatStep, SendStep
from grpcmock.schema import MethodKind
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grpcmock.responses.plan import Plan, PlanStep
    from grpcmock.schema import Method
    from grpcmock.status import Metadata

_MOST_MESSAGES = 1_000
_MOST_BYTES = 1 << 19
"""How many messages such an answer may have, and how long they may be together: a journal keeps all of them."""


class ConstantAnswer(NamedTuple):
    """An answer that is the same each time, from headers to trailers, and given without a pause."""

    headers: Metadata
    messages: tuple[bytes, ...]
    code: Code
    message: str
    trailers: Metadata


def constant_answer(method: Method, plans: Sequence[Plan]) -> ConstantAnswer | None:
    """Return the answer of these plans, if it is only one and constant; None if it isn't, or too large."""
    if method.kind.client_streams or len(plans) != 1 or plans[0].fault is not None or plans[0].set:
        return None
    headers: Metadata = ()
    messages: list[bytes] = []
    size = 0
    for step in _unrolled(plans[0].steps):
        match step:
            case HeadersStep() if step.metadata.constant is not None and not messages and not headers:
                headers = step.metadata.constant
            case SendStep() if step.reply.constant is not None:
                messages.append(step.reply.constant)
                size += len(step.reply.constant)
            case FinishStep() if step.constant is not None:
                if method.kind is MethodKind.UNARY and len(messages) != (step.constant.code is Code.OK):
                    return None
                return ConstantAnswer(headers, tuple(messages), *step.constant)
            case _:
                return None
        if len(messages) > _MOST_MESSAGES or size > _MOST_BYTES:
            return None
    return None


def _unrolled(steps: Sequence[PlanStep]) -> Iterator[PlanStep]:
    for step in steps:
        if isinstance(step, RepeatStep) and step.times is not None and step.every is None:
            for _ in range(step.times):
                yield from _unrolled(step.steps)
        else:
            yield step
