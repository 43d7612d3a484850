"""The mock that stubs make, asked beside the real server: the engine of ``grpcmock serve``, without I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.client.actions import HalfClose, Send
from grpcmock.engine import steps
from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.journal import Journal
from grpcmock.errors import Problems
from grpcmock.fuzz.model.cases import Caller
from grpcmock.fuzz.model.results import MockAnswer
from grpcmock.responses.faults import FAULTS
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.schema import Registry
    from grpcmock.status import Metadata

_MOST_STEPS = 10_000
"""A script that goes on for longer is taken as one that never ends."""


class Mock:
    """Answers calls from stubs, each as if it were the first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def load(cls, paths: Sequence[Path], registry: Registry) -> Mock:
        """Load stubs. Raises :class:`StubError` with all that is wrong with them."""
        problems = Problems()
        stubs = loader.load(paths, problems)
        return cls(
            Engine(registry, stubs, options=EngineOptions(faults=FAULTS), journal=Journal(1, 1), problems=problems)
        )

    def answer(self, call: Call, metadata: Metadata = ()) -> MockAnswer | None:
        """Give what the mock says to a call; None if it says nothing that a real server could be held to.

        That is so if no stub matches, and if the one that does is no promise: it has a fault, takes a state of the
        server as given, belongs to a scenario, answers only so many times, or says ``verify: false``. It is also so for
        calls that do more than to send and half-close.
        """
        if not _is_plain(call):
            return None
        exchange = self._engine.open(steps.Open(call.path, metadata))
        received: Iterator[steps.Event] = iter((*map(steps.Message, call.messages), steps.HALF_CLOSE))
        responses: list[bytes] = []
        event: steps.Event | None = None
        finish: steps.Finish | None = None
        for _ in range(_MOST_STEPS):
            step = exchange.resume(event)
            event = None
            match step:
                case steps.Receive():
                    event = next(received, None)
                    if event is None:
                        break
                case steps.Send():
                    responses.append(step.data)
                case steps.Wait() if math.isinf(step.seconds):
                    break
                case steps.Headers() | steps.Wait():
                    pass
                case steps.Finish():
                    finish = step
                    break
                case _:
                    break
        if finish is None:
            exchange.cancel()
        chosen = exchange.call.stub
        self._forget(chosen)
        if chosen is None or finish is None or not _is_promise(chosen):
            return None
        stub = chosen.stub
        where = f"{stub.name!r} ({stub.location})" if stub.location else repr(stub.name)
        return MockAnswer(stub=where, code=int(finish.code), message=finish.message, responses=tuple(responses))

    def _forget(self, chosen: CompiledStub | None) -> None:
        """Let the next call find everything as this one did."""
        if chosen is not None:
            chosen.count = 0
        self._engine.store.states.clear()


def _is_plain(call: Call) -> bool:
    actions = call.actions
    return (
        call.method is not None
        and call.raw is None
        and call.caller is Caller.OWN
        and bool(actions)
        and isinstance(actions[-1], HalfClose)
        and all(isinstance(action, Send) for action in actions[:-1])
    )


def _is_promise(chosen: CompiledStub) -> bool:
    stub = chosen.stub
    if stub.given or stub.state or stub.times is not None or len(stub.answers) != 1 or not stub.verify.enabled:
        return False
    answer = stub.answers[0]
    return answer.fault is None and answer.handler is None and not answer.set
