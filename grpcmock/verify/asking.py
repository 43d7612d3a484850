"""What a client must say for a stub to answer: requests, metadata and deadline, made from the stub's conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.matching.call_context import STARTED, CallContext
from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import BYTES, DOUBLE, STRING
from grpcmock.matching.messages import Kinds
from grpcmock.matching.operators.collections import At
from grpcmock.matching.paths import Stage
from grpcmock.matching.value_types import ListType, Place
from grpcmock.schema import codec
from grpcmock.synthesis import is_valid
from grpcmock.verify.cel_literals import variants
from grpcmock.verify.goals import Goal, hold, words
from grpcmock.verify.solving import Solver
from grpcmock.verify.unaskable import UnaskableError, unaskable

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.client.target import Metadata
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.matching.index import Index
    from grpcmock.schema import Method, Registry
    from grpcmock.tree import Node

_MOST_REQUESTS = 60
_MOST_BY_EXPRESSION = 2_000
_MOST_TRIES = 5_000
_MOST_RIVALS = 8
_DIFFERENT = 5
"""Messages of a stream that differ from each other, where nothing says what they hold."""

_PRECISION = 0.2
"""Seconds that a call may take to arrive: the deadline that the server sees is shorter by as much."""

_TEXT = ListType(STRING, "metadata")
_BINARY = ListType(BYTES, "binary metadata")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client says in one call."""

    messages: tuple[Message, ...]
    """The request messages: one, but where the client streams."""

    metadata: Metadata = ()
    deadline: float | None = None
    """Seconds; None leaves it to whoever calls."""

    without_deadline: bool = False
    """Whether the stub wants a client that sets no deadline."""

    before: CompiledStub | None = None
    """A stub that answers this call until it has stepped aside."""

    state: Mapping[str, str] = field(default_factory=dict)
    """The states of scenarios in which this stub answers it, and no other."""


class ShadowedError(Exception):
    """Whatever was tried, another stub answers."""

    def __init__(self, stub: CompiledStub) -> None:
        super().__init__(f"the stub {str(stub)!r} comes before it, whatever is asked")
        self.stub = stub


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The goals of all parts of a call."""

    messages: tuple[Goal, ...] = ()
    """On the request; where the client streams, on the list of its messages."""

    metadata: Mapping[str, tuple[Goal, ...]] = field(default_factory=dict)
    deadline: tuple[Goal, ...] = ()

    def but_not(self, rival: CompiledStub) -> Iterator[_Wanted]:
        """Yield goals that are the same, but that the rival doesn't hold, for one reason or another."""
        others = _wanted(rival)
        for matcher, _ in others.messages:
            yield replace(self, messages=(*self.messages, (matcher, False)))
        for key, goals in others.metadata.items():
            for matcher, _ in goals:
                own = self.metadata.get(key, ())
                yield replace(self, metadata={**self.metadata, key: (*own, (matcher, False))})
        for matcher, _ in others.deadline:
            yield replace(self, deadline=(*self.deadline, (matcher, False)))


def _wanted(stub: CompiledStub) -> _Wanted:
    conditions, messages = stub.conditions, []
    if stub.method.kind.client_streams:
        if conditions.requests is not None:
            messages.append((conditions.requests, True))
        if conditions.request is not None:
            stream = ListType(conditions.kind, "all messages")
            messages.append((At(stream, 0, conditions.request), True))
    elif conditions.request is not None:
        messages.append((conditions.request, True))
    metadata = {key: ((matcher, True),) for key, matcher in conditions.metadata.parts} if conditions.metadata else {}
    return _Wanted(tuple(messages), metadata, ((conditions.deadline, True),) if conditions.deadline else ())


class Asker:
    """Finds what to say so that one stub of a set answers, and no other one."""

    def __init__(
        self,
        registry: Registry,
        indexes: Mapping[str, Index[CompiledStub]],
        *,
        given: Metadata = (),
        states: Mapping[str, Iterable[str]] | None = None,
        seed: int = 0,
    ) -> None:
        """*indexes* hold all stubs by the path of their method; *given* is metadata that is sent with every call.

        *states* are those that stubs lead to, by scenario.
        """
        self._registry = registry
        self._indexes = indexes
        self._given = given
        self._states = states or {}
        self._state: Mapping[str, str] = {}
        """The states that are taken to be, for the stub at hand."""
        self._solver = Solver(registry, seed)
        self._kinds = Kinds.of(registry)
        self._left = 0
        """How many more calls are tried for the stub at hand."""

    def ask(self, stub: CompiledStub) -> Ask:
        """Find what to say. Raises :class:`UnaskableError` or :class:`ShadowedError`."""
        index = self._indexes[stub.method.path]
        rivals: dict[int, CompiledStub] = {}
        self._left = _MOST_TRIES
        self._state = stub.stub.state
        for steps_aside in (False, True):
            asked = self._search(stub, index, _wanted(stub), rivals, 0, steps_aside)
            if asked is not None:
                return asked
        assert rivals
        for state in self._others(stub, rivals.values()):
            self._state = state
            asked = self._search(stub, index, _wanted(stub), {}, 0, False)
            if asked is not None:
                return asked
        raise ShadowedError(next(iter(rivals.values())))

    def _others(self, stub: CompiledStub, rivals: Iterable[CompiledStub]) -> Iterator[dict[str, str]]:
        """Yield states in which one of the rivals, at least, would not answer."""
        own = stub.stub.state
        for rival in rivals:
            for scenario, state in rival.stub.state.items():
                for other in (*self._states.get(scenario, ()), STARTED):
                    if scenario not in own and other != state:
                        yield {**own, scenario: other}

    def _search(
        self,
        stub: CompiledStub,
        index: Index[CompiledStub],
        wanted: _Wanted,
        rivals: dict[int, CompiledStub],
        depth: int,
        steps_aside: bool,
    ) -> Ask | None:
        """Try requests; where another stub answers them all, try those that it doesn't hold."""
        first: CompiledStub | None = None
        for ask, context in self._candidates(stub, wanted, strict=not depth):
            self._left -= 1
            winner = index.first(context, lambda _: True, Stage.ALL)
            if winner is stub:
                return self._completed(ask, context, stub, index)
            if winner is not None and steps_aside and _steps_aside(winner):
                behind = index.first(context, lambda other: not _steps_aside(other) or other is stub, Stage.ALL)
                if behind is stub:
                    return replace(ask, before=winner)
            if winner is not None:
                rivals.setdefault(id(winner), winner)
                first = first or winner
        if first is None or depth >= _MOST_RIVALS or self._left < 0:
            return None
        for other in wanted.but_not(first):
            if (found := self._search(stub, index, other, rivals, depth + 1, steps_aside)) is not None:
                return found
        return None

    def _candidates(self, stub: CompiledStub, wanted: _Wanted, *, strict: bool) -> Iterator[tuple[Ask, CallContext]]:
        """Yield calls that the stub holds. With *strict*, raise :class:`UnaskableError` if there are none."""
        refused = self._solver.refused
        refused.clear()
        found = False
        deadline = self._deadline(wanted)
        metadata = self._metadata(wanted)
        if metadata is not None and deadline is not None:
            pairs = tuple((key, value) for key, values in metadata.items() for value in values)
            most = _MOST_REQUESTS if stub.stub.when is None else _MOST_BY_EXPRESSION
            for messages in islice(self._messages(stub, wanted), most):
                context = CallContext(metadata, deadline[0], dict(self._state))
                context.request = messages[0] if messages else None
                context.requests = messages if stub.method.kind.client_streams else None
                context.half_closed = True
                if stub.conditions.holds(context):
                    found = True
                    yield Ask(messages, pairs, *deadline, state=self._state), context
        if strict and not found:
            raise UnaskableError(unaskable(stub, refused))

    # Messages ---------------------------------------------------------------------------------------

    def _messages(self, stub: CompiledStub, wanted: _Wanted) -> Iterator[tuple[Message, ...]]:
        method = stub.method
        kind = self._kinds.message(method.input)
        natural = self._solver.natural(method.request_class)
        if method.kind.client_streams:
            stream = self._kinds.stream(method.input)
            several = [self._solver.natural(method.request_class, number) for number in range(_DIFFERENT)]
            plains = self._solver.solve(wanted.messages, stream, Place.ROOT, "requests", several)
        else:
            plains = ([plain] for plain in self._solver.solve(wanted.messages, kind, Place.ROOT, "request", natural))
        if stub.stub.when is not None:
            plains = self._with_literals(plains, str(stub.stub.when.value), method)
        for plain in plains:
            built = [self._solver.build(item, method.request_class) for item in plain]
            if all(message is not None for message in built):
                yield tuple(message for message in built if message is not None)

    def _with_literals(self, plains: Iterable[list[Any]], when: str, method: Method) -> Iterator[list[Any]]:
        """Yield the first requests, then those with what the expression mentions, then the others."""
        others = iter(plains)
        first = list(islice(others, 2))
        yield from first
        for messages in first:
            for plain in variants(messages[0], when, method.input) if messages else ():
                yield [plain, *messages[1:]]
        yield from others

    def message(self, goals: Iterable[Goal], method: Method, path: str) -> Iterator[Message]:
        """Yield single request messages that please *goals*, for a step of a script."""
        kind = self._kinds.message(method.input)
        goals = tuple(goals)
        natural = self._solver.natural(method.request_class)
        for plain in islice(self._solver.solve(goals, kind, Place.ROOT, path, natural), _MOST_REQUESTS):
            message = self._solver.build(plain, method.request_class)
            if message is not None and hold(goals, message if kind.normalize is None else kind.normalize(message)):
                yield message

    def wins(self, stub: CompiledStub, ask: Ask, first: Message) -> bool:
        """Whether the stub answers a call that begins with this message."""
        metadata: dict[str, list[str | bytes]] = {}
        for key, value in ask.metadata:
            metadata.setdefault(key, []).append(value)
        context = CallContext(metadata, ask.deadline, dict(ask.state), first, (first,), True)
        winner = self._indexes[stub.method.path].first(context, lambda other: other is not ask.before, Stage.ALL)
        return winner is stub

    def _completed(self, ask: Ask, context: CallContext, stub: CompiledStub, index: Index[CompiledStub]) -> Ask:
        """Where a message breaks the rules of its own type, add natural values for what the stub doesn't speak of."""
        if all(is_valid(message, self._registry) for message in ask.messages):
            return ask
        natural = self._solver.natural(stub.method.request_class)
        named = _named(stub.stub.request)
        made = []
        for message in ask.messages:
            tree = codec.to_tree(message)
            whole = None
            if isinstance(tree, dict) and isinstance(natural, dict) and not is_valid(message, self._registry):
                more = {key: value for key, value in natural.items() if key not in tree and key not in named}
                whole = self._solver.build(tree | more, stub.method.request_class)
            made.append(message if whole is None else whole)
        context = replace(
            context, request=made[0] if made else None, requests=made if context.requests is not None else None
        )
        if stub.conditions.holds(context) and index.first(context, lambda _: True, Stage.ALL) is stub:
            return replace(ask, messages=tuple(made))
        return ask

    # Metadata and deadline --------------------------------------------------------------------------

    def _metadata(self, wanted: _Wanted) -> dict[str, Sequence[str | bytes]] | None:
        """Give the values of each key: those given, but where the stub wants others. None if there are none."""
        found: dict[str, list[str | bytes]] = {}
        for key, value in self._given:
            found.setdefault(key, []).append(value)
        for key, goals in wanted.metadata.items():
            if hold(goals, found.get(key) or ABSENT):
                continue
            kind = _BINARY if key.endswith("-bin") else _TEXT
            likely = ["Bearer token"] if key == "authorization" else ["value"]
            path = f"metadata.{key}"
            for plain in islice(self._solver.solve(goals, kind, Place.FIELD, path, likely), _MOST_REQUESTS):
                values = [] if plain is ABSENT else [kind.element.read(item) for item in plain]  # type: ignore[attr-defined]
                if all(map(_sendable, values)) and hold(goals, values or ABSENT):
                    found[key] = values
                    break
            else:
                return None
        return {key: values for key, values in found.items() if values}

    def _deadline(self, wanted: _Wanted) -> tuple[float | None, bool] | None:
        """Give the deadline and whether there must be none; None if no deadline will do."""
        goals = wanted.deadline
        if not goals:
            return None, False
        for plain in islice(self._solver.solve(goals, DOUBLE, Place.FIELD, "deadline", 10.0), _MOST_REQUESTS):
            if plain is ABSENT:
                return None, True
            seconds = float(plain)
            if seconds > _PRECISION and hold(goals, seconds) and hold(goals, seconds - _PRECISION):
                return seconds, False
        self._solver.refused.append(("deadline", words(goals)))
        return None


def _steps_aside(stub: CompiledStub) -> bool:
    return stub.stub.times is not None or stub.stub.then == "miss"


def _sendable(value: str | bytes) -> bool:
    # What gRPC sends of ASCII metadata (grpc/grpc, doc/PROTOCOL-HTTP2.md); spaces at the ends may be lost on the way.
    return isinstance(value, bytes) or (value.isascii() and value.isprintable() and value.strip() == value)


def _named(pattern: Node | None) -> frozenset[Any]:
    return frozenset(pattern.value) if pattern is not None and pattern.is_mapping else frozenset()
