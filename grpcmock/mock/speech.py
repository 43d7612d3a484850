"""What a test says to calls under way, as the engine takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.engine.steps import Finish, HandlerReturned, HandlerSent
from grpcmock.errors import Problem, Problems, StubError
from grpcmock.mock.answer_builders import check_type, merged
from grpcmock.mock.call_site import caller
from grpcmock.mock.functions import ending
from grpcmock.schema.codec import build
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.mock.call_store import CallStore
    from grpcmock.schema import Method

Said = HandlerSent | HandlerReturned
"""What a test says to a call."""


class Speech:
    """Turns the words of a test into what is said to a call of a method."""

    def __init__(self, call_store: CallStore, method: Method) -> None:
        self.call_store = call_store
        self.method = method

    def message(self, message: Any, fields: Mapping[str, Any]) -> list[Said]:
        """Send one message; to a method with one answer, that is all. Raises :class:`StubError` if it doesn't fit."""
        __tracebackhide__ = True
        location = caller()
        check_type([message], self.method.output.full_name, "response", location)
        tree = merged(message, fields)

        def check() -> None:
            problems = Problems()
            registry = self.call_store.running.engine.registry
            build(Node.of(tree, location), self.method.response_class, registry, problems, "response")
            problems.raise_errors()

        self.call_store.running.call(check)
        sent = HandlerSent(tree)
        return [sent] if self.method.kind.server_streams else [sent, HandlerReturned(Finish())]

    def finish(self, trailers: Mapping[str, Any] | None) -> list[Said]:
        """End the stream with OK."""
        __tracebackhide__ = True
        if not self.method.kind.server_streams:
            text = f"{self.method} is {self.method.kind.value}: it answers with one message, and ends with that."
            raise StubError([Problem(text, caller(), "finish", hint="Write send(…).", rule="answer-kind")])
        return [HandlerReturned(ending(Code.OK, trailers=trailers))]
