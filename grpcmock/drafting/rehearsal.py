"""A stub tried on the call that it was made of: what would it answer, if it stood alone?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.drafting.captured_call import EventKind
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.steps import HALF_CLOSE, Finish, Headers, Message, Open, Receive, Reset, Send, Truncate
from grpcmock.errors import StubError
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcmock.drafting.captured_call import CapturedCall
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub

_MOST_STEPS = 10_000


def rehearse(stub: Stub, captured: CapturedCall, registry: Registry) -> Sequence[Any] | None:
    """Return all that *stub* would send in this call, in a form that can be compared; None if it doesn't hold for it.

    No time passes, and nothing outside is touched.
    """
    try:
        engine = Engine(registry, [stub], options=EngineOptions(wall_clock=float, monotonic=float))
    except StubError:
        return None
    method = registry.methods[captured.path]
    exchange = engine.open(Open(captured.path, captured.metadata))
    requests = iter(captured.messages(EventKind.REQUEST))
    sent: list[Any] = []
    step = exchange.resume()
    for _ in range(_MOST_STEPS):
        event = None
        match step:
            case Receive():
                data = next(requests, None)
                event = HALF_CLOSE if data is None else Message(data)
            case Headers():
                sent.append(step.metadata)
            case Send():
                sent.append(_canonical(method.response_class, step.data))
            case Finish() | Reset() | Truncate():
                sent.append(step)
                break
        step = exchange.resume(event)
    exchange.cancel()
    return sent if exchange.call.stub is not None and exchange.call.miss is None else None


def _canonical(message_class: Any, data: bytes) -> bytes:
    """Return the bytes of a message so that equal messages have equal ones: the order of a map's entries is free."""
    try:
        return bytes(decode(message_class, data).SerializePartialToString(deterministic=True))
    except DecodeError:
        return data
