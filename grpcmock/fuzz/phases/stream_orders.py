"""Streams of requests in which the arms of a oneof come in all orders: a header twice, a part without one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.cases import Case, Phase, call_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_DEADLINE = 1.0
_MOST_ARMS = 5
_MOST_CASES = 40


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield streams of one, two and three arms in each order; none for a method without a stream of a oneof."""
    if not method.kind.client_streams:
        return
    arms = list(islice(_arms(method, plan), _MOST_ARMS))
    if len(arms) < 2:
        return
    orders = [order for count in (1, 2, 3) for order in product(arms, repeat=count)]
    for order in orders[:_MOST_CASES]:
        names = "-".join(name for name, _ in order)
        messages = [message.SerializePartialToString(deterministic=True) for _, message in order]
        yield Case(
            id=f"boundary/{method.full_name}/arms-{names}",
            phase=Phase.BOUNDARY,
            method=method,
            calls=(call_of(method, *messages, deadline=_DEADLINE),),
            why=f"a stream of {names.replace('-', ', then ')}",
        )


def _arms(method: Method, plan: Plan) -> Iterator[tuple[str, Message]]:
    """Yield a message for each arm of the oneofs of a request, with something in it."""
    accepted = plan.acceptance.of(method)
    start = method.request_class.FromString(plan.least(method)) if accepted is None else accepted.message
    for oneof in method.input.oneofs:
        for arm in oneof.fields if len(oneof.fields) > 1 else ():
            message = type(start)()
            message.CopyFrom(start)
            if not message.HasField(arm.name):
                set_at(message, (arm,), _value(arm, plan))
            yield arm.name, message


def _value(arm: FieldDescriptor, plan: Plan) -> Any:
    return next(plan.acceptance.values_of(arm))
