"""A call as a readable script: events in, steps out, compared one by one. No network, no clock, no sleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grpcmock.engine.engine import Engine
from grpcmock.engine.environment import EngineOptions
from grpcmock.engine.exchange import Exchange
from grpcmock.engine.journal import Journal
from grpcmock.engine.steps import HALF_CLOSE, Finish, Message, Open, Receive, Reset, Send, Step, Truncate
from grpcmock.errors import Problems
from grpcmock.schema import Registry
from grpcmock.schema.codec import build
from grpcmock.stubs import loader
from grpcmock.tree import Node


@dataclass
class Clock:
    """Time that passes only when a test says so."""

    time: float = 1_000_000_000.0

    def __call__(self) -> float:
        return self.time


def engine(registry: Registry, text: str = "[]", *, journal: Journal | None = None, **options: Any) -> Engine:
    """Make an engine from the text of a stub file."""
    problems = Problems()
    clock = Clock()
    stubs = loader.load_text(text, "stubs.yaml", problems)
    options = {"wall_clock": clock, "monotonic": clock} | options
    made = Engine(registry, stubs, options=EngineOptions(**options), journal=journal, problems=problems)
    made.machine = clock  # type: ignore[attr-defined]
    return made


class Playbook:
    """Drives one exchange. Requests and responses are written as plain ProtoJSON trees."""

    def __init__(self, engine: Engine, method: str, **opened: Any) -> None:
        self.method = engine.registry.method(method)
        self._registry = engine.registry
        self.exchange: Exchange = engine.open(Open(self.method.path, **opened))
        self.step: Step = self.exchange.resume()

    def sends(self, request: Any) -> Playbook:
        """The client sends a message; the engine must be waiting for one."""
        assert isinstance(self.step, Receive), f"the engine isn't waiting for a message: {self.step}"
        data = request if isinstance(request, bytes) else self._encoded(self.method.request_class, request)
        self.step = self.exchange.resume(Message(data))
        return self

    def half_closes(self) -> Playbook:
        assert isinstance(self.step, Receive), f"the engine isn't waiting for a message: {self.step}"
        self.step = self.exchange.resume(HALF_CLOSE)
        return self

    def gets(self, response: Any) -> Playbook:
        """The engine must send this message next."""
        assert isinstance(self.step, Send), f"expected a message, not {self.step}"
        expected = build(Node.of(response), self.method.response_class, self._registry, Problems())
        assert self.method.response_class.FromString(self.step.data) == expected
        return self._next()

    def does(self, step: Step) -> Playbook:
        """The engine must ask for exactly this step next."""
        assert self.step == step
        return self._next()

    def _next(self) -> Playbook:
        self.step = self.exchange.resume()
        return self

    def finish(self) -> Finish:
        """The engine must end the call now; gives its status."""
        assert isinstance(self.step, Finish), f"expected the end of the call, not {self.step}"
        return self.step

    def last(self) -> Step:
        assert isinstance(self.step, (Finish, Reset, Truncate))
        return self.step

    def _encoded(self, message_class: Any, tree: Any) -> bytes:
        problems = Problems()
        message = build(Node.of(tree), message_class, self._registry, problems)
        assert not len(problems), [str(problem) for problem in problems]
        return bytes(message.SerializeToString())


def ask(engine: Engine, method: str, request: Any, **opened: Any) -> Playbook:
    """Open a call of a method with a single request and send it."""
    return Playbook(engine, method, **opened).sends(request).half_closes()
