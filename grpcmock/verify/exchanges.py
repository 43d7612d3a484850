"""One call with a real server, planned to its end: what the client does, and what it should get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grpcmock.client.actions import HALF_CLOSE, Action, Send
from grpcmock.replies.templates import Scope
from grpcmock.verify.expecting import Ending, Expecter, Named, Reply, context_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.target import Metadata
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.errors import Problems
    from grpcmock.replies.context import RenderContext
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Answer
    from grpcmock.verify.asking import Ask, Asker
    from grpcmock.verify.looser import Looser

SPARE = 10
"""Messages beyond those expected that are awaited before a stream is taken to have no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call."""

    label: str = ""
    """Which part of the stub this is, where it has several: ``answers[1]``."""

    messages: tuple[Message, ...]
    """What is sent."""

    actions: tuple[Action, ...]
    metadata: Metadata = ()
    deadline: float | None = None
    without_deadline: bool = False
    replies: tuple[Reply, ...] = ()
    headers: tuple[Named, ...] = ()
    ending: Ending | None = field(default_factory=Ending)
    """None if the client cancels a conversation that has no end."""

    exact: bool = False
    """Whether details and metadata must be equal, too."""

    @property
    def limit(self) -> int:
        """How many responses are taken at most."""
        return len(self.replies) + SPARE


class Exchanger:
    """Plans the calls for the answers of one stub."""

    def __init__(
        self,
        stub: CompiledStub,
        ask: Ask,
        asker: Asker,
        registry: Registry,
        problems: Problems,
        looser: Looser | None = None,
    ) -> None:
        self._stub = stub
        self._ask = ask
        self._asker = asker
        # In a script, templates know one variable more; the stub was checked when it was compiled.
        self._scope = Scope(stub.stub, stub.method, registry, problems, script=True)
        self._expecter = Expecter(self._scope, looser)

    def exchanges(self) -> Iterator[Exchange]:
        """Yield the calls for all answers, in their order."""
        stub = self._stub.stub
        answers = stub.answers[: stub.times] if stub.times is not None else stub.answers
        for number, answer in enumerate(answers):
            several = f"answers[{number}]" if len(stub.answers) > 1 else ""
            yield from self._answer(answer, several, number + 1)

    def _answer(self, answer: Answer, label: str, count: int) -> Iterator[Exchange]:
        scope, expecter = self._scope, self._expecter
        if answer.script is not None:
            from grpcmock.verify.scripts import Play

            play = Play(self._stub, self._ask, self._asker, scope, expecter, label, count)
            yield from play.exchanges(answer)
            return
        prefix = f"{label}." if label else ""
        context = self.context(self._ask.messages, count)
        trailers = expecter.named(answer.trailers, f"{prefix}trailers")
        replies = tuple(self._replies(answer, expecter, prefix, context))
        ending = expecter.ok(trailers)
        if answer.error is not None:
            ending = expecter.error(answer.error, f"{prefix}error", trailers, context)
        yield Exchange(
            label=label,
            messages=self._ask.messages,
            actions=(*map(send, self._ask.messages), HALF_CLOSE),
            metadata=self._ask.metadata,
            deadline=self._ask.deadline,
            without_deadline=self._ask.without_deadline,
            replies=replies,
            headers=(expecter.named(answer.headers, f"{prefix}headers"),),
            ending=ending,
            exact=expecter.is_exact,
        )

    def _replies(self, answer: Answer, expecter: Expecter, prefix: str, context: RenderContext) -> Iterator[Reply]:
        responses = answer.responses
        streams = self._stub.method.kind.server_streams
        if responses is None:
            if not streams and answer.error is None:
                yield expecter.anything(f"{prefix}response", context)
            return
        single = len(responses) == 1
        for number, node in enumerate(responses):
            path = "response" if single else f"responses[{number}]"
            yield expecter.reply(node, prefix + path, context, number)

    def context(self, requests: Sequence[Message], count: int) -> RenderContext:
        """Give what templates see after these requests."""
        return context_of(requests, by_key(self._ask.metadata), self._stub.stub.row, count=count)


def send(message: Message) -> Action:
    return Send(message.SerializePartialToString(deterministic=True))


def by_key(metadata: Metadata) -> dict[str, list[str | bytes]]:
    """Give the values of each key."""
    found: dict[str, list[str | bytes]] = {}
    for key, value in metadata:
        found.setdefault(key, []).append(value)
    return found
