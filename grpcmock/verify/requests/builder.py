"""Builds what a client must say for a stub to answer: messages, metadata and deadline, from the stub's conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.matching.call_context import STARTED, CallContext
from grpcmock.matching.findings import ABSENT
from grpcmock.matching.leaves import BYTES, DOUBLE, STRING
from grpcmock.matching.messages import Kinds
from grpcmock.matching.paths import Stage
from grpcmock.matching.value_types import ListType, Place
from grpcmock.schema import codec
from grpcmock.synthesis import is_valid
from grpcmock.verify.requests.call_constraints import CallConstraints
from grpcmock.verify.requests.cel import variants
from grpcmock.verify.requests.constraints import Constraint, described, satisfied
from grpcmock.verify.requests.solver import ConstraintSolver
from grpcmock.verify.requests.spec import RequestSpec, by_key
from grpcmock.verify.requests.unsatisfiable import UnsatisfiableError, problem_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.matching.index import Index
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata
    from grpcmock.tree import Node

_MAX_REQUESTS = 60
_MAX_BY_EXPRESSION = 2_000
_MAX_TRIES = 3_000
"""Messages that are made for one stub, whether it takes them or not."""

_MAX_COMPETING = 8
"""Competing stubs that are kept from answering, one after the other."""

_DIFFERENT = 5
"""Messages of a stream that differ from each other, where nothing says what they hold."""

_PRECISION = 0.2
"""Seconds that a call may take to arrive: the deadline that the server sees is shorter by as much."""

_TEXT = ListType(STRING, "metadata")
_BINARY = ListType(BYTES, "binary metadata")


class ShadowedError(Exception):
    """Whatever was tried, another stub answers."""

    def __init__(self, stub: CompiledStub) -> None:
        super().__init__(f"the stub {str(stub)!r} comes before it, whatever is sent")
        self.stub = stub


class RequestBuilder:
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
        self._solver = ConstraintSolver(registry, seed)
        self._kinds = Kinds.of(registry)
        self._left = 0
        """How many more messages are made for the stub at hand."""
        self._constraints: dict[int, CallConstraints] = {}
        """Of each stub, so that the same condition is the same object."""
        self._searched: set[frozenset[tuple[str, int, bool]]] = set()
        """The constraints that were searched for it: the conditions of others are violated in any order."""

    def build(self, stub: CompiledStub) -> RequestSpec:
        """Return what to say. Raises :class:`UnsatisfiableError` or :class:`ShadowedError`."""
        index = self._indexes[stub.method.path]
        competing: dict[int, CompiledStub] = {}
        self._left = _MAX_TRIES
        self._state = stub.stub.state
        for may_wait in (False, True):  # for another stub to be exhausted
            self._searched.clear()
            spec = self._search(stub, index, self._constraints_of(stub), competing, 0, may_wait)
            if spec is not None:
                return spec
        assert competing
        for state in self._other_states(stub, competing.values()):
            self._state = state
            self._searched.clear()
            spec = self._search(stub, index, self._constraints_of(stub), {}, 0, False)
            if spec is not None:
                return spec
        raise ShadowedError(next(iter(competing.values())))

    def _constraints_of(self, stub: CompiledStub) -> CallConstraints:
        found = self._constraints.get(id(stub))
        if found is None:
            found = self._constraints[id(stub)] = CallConstraints.of(stub)
        return found

    def _other_states(self, stub: CompiledStub, competing: Iterable[CompiledStub]) -> Iterator[dict[str, str]]:
        """Yield states in which one of the competing stubs, at least, would not answer."""
        own = stub.stub.state
        for other in competing:
            for scenario, taken in other.stub.state.items():
                for state in (*self._states.get(scenario, ()), STARTED):
                    if scenario not in own and state != taken:
                        yield {**own, scenario: state}

    def _search(
        self,
        stub: CompiledStub,
        index: Index[CompiledStub],
        constraints: CallConstraints,
        competing: dict[int, CompiledStub],
        depth: int,
        may_wait: bool,
    ) -> RequestSpec | None:
        """Try requests; where another stub answers them all, try those that violate one of its conditions."""
        first: CompiledStub | None = None
        for spec, context in self._candidates(stub, constraints, strict=not depth):
            winner = index.first(context, lambda _: True, Stage.ALL)
            if winner is stub:
                return self._completed(spec, context, stub, index)
            if winner is not None and may_wait and _can_be_exhausted(winner):
                behind = index.first(context, lambda other: not _can_be_exhausted(other) or other is stub, Stage.ALL)
                if behind is stub:
                    return replace(spec, before=winner)
            if winner is not None:
                competing.setdefault(id(winner), winner)
                first = first or winner
        if first is None or depth >= _MAX_COMPETING or self._left < 0:
            return None
        for narrower in constraints.violating(self._constraints_of(first)):
            if self._left < 0:
                return None
            if narrower.identity in self._searched:
                continue
            self._searched.add(narrower.identity)
            if (found := self._search(stub, index, narrower, competing, depth + 1, may_wait)) is not None:
                return found
        return None

    def _candidates(
        self, stub: CompiledStub, constraints: CallConstraints, *, strict: bool
    ) -> Iterator[tuple[RequestSpec, CallContext]]:
        """Yield calls that satisfy the stub. With *strict*, raise :class:`UnsatisfiableError` if there are none."""
        refused = self._solver.refused
        refused.clear()
        found = False
        deadline = self._deadline(constraints)
        metadata = self._metadata(constraints)
        if metadata is not None and deadline is not None:
            pairs = tuple((key, value) for key, values in metadata.items() for value in values)
            most = _MAX_REQUESTS if stub.stub.when is None else _MAX_BY_EXPRESSION
            for messages in islice(self._messages(stub, constraints), most):
                if self._left < 0 and (found or not strict):
                    break
                self._left -= 1
                context = CallContext(metadata, deadline[0], dict(self._state))
                context.request = messages[0] if messages else None
                context.requests = messages if stub.method.kind.client_streams else None
                context.half_closed = True
                if stub.conditions.holds(context):
                    found = True
                    yield RequestSpec(messages, pairs, *deadline, state=self._state), context
        if strict and not found:
            raise UnsatisfiableError(problem_of(stub, refused))

    # Messages ---------------------------------------------------------------------------------------

    def _messages(self, stub: CompiledStub, constraints: CallConstraints) -> Iterator[tuple[Message, ...]]:
        method = stub.method
        kind = self._kinds.message(method.input)
        natural = self._solver.natural(method.request_class)
        if method.kind.client_streams:
            stream = self._kinds.stream(method.input)
            several = [self._solver.natural(method.request_class, number) for number in range(_DIFFERENT)]
            plains = self._solver.solve(constraints.messages, stream, Place.ROOT, "requests", several)
        else:
            plains = (
                [plain] for plain in self._solver.solve(constraints.messages, kind, Place.ROOT, "request", natural)
            )
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

    def message(self, constraints: Iterable[Constraint], method: Method, path: str) -> Iterator[Message]:
        """Yield single request messages that satisfy *constraints*, for a step of a script."""
        kind = self._kinds.message(method.input)
        constraints = tuple(constraints)
        natural = self._solver.natural(method.request_class)
        for plain in islice(self._solver.solve(constraints, kind, Place.ROOT, path, natural), _MAX_REQUESTS):
            message = self._solver.build(plain, method.request_class)
            if message is not None and satisfied(
                constraints, message if kind.normalize is None else kind.normalize(message)
            ):
                yield message

    def wins(self, stub: CompiledStub, spec: RequestSpec, first: Message) -> bool:
        """Whether the stub answers a call that begins with this message."""
        context = CallContext(spec.metadata_by_key(), spec.deadline, dict(spec.state), first, (first,), True)
        winner = self._indexes[stub.method.path].first(context, lambda other: other is not spec.before, Stage.ALL)
        return winner is stub

    def _completed(
        self, spec: RequestSpec, context: CallContext, stub: CompiledStub, index: Index[CompiledStub]
    ) -> RequestSpec:
        """Where a message breaks the rules of its own type, add natural values for what the stub doesn't speak of."""
        if all(is_valid(message, self._registry) for message in spec.messages):
            return spec
        natural = self._solver.natural(stub.method.request_class)
        named = _named(stub.stub.request)
        made = []
        for message in spec.messages:
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
            return replace(spec, messages=tuple(made))
        return spec

    # Metadata and deadline --------------------------------------------------------------------------

    def _metadata(self, constraints: CallConstraints) -> dict[str, Sequence[str | bytes]] | None:
        """Return the values of each key: those given, but where the stub expects others. None if there are none."""
        found = by_key(self._given)
        for key, own in constraints.metadata.items():
            if satisfied(own, found.get(key) or ABSENT):
                continue
            kind = _BINARY if key.endswith("-bin") else _TEXT
            likely = ["Bearer token"] if key == "authorization" else ["value"]
            path = f"metadata.{key}"
            for plain in islice(self._solver.solve(own, kind, Place.FIELD, path, likely), _MAX_REQUESTS):
                values = [] if plain is ABSENT else [kind.element.read(item) for item in plain]  # type: ignore[attr-defined]
                if all(map(_sendable, values)) and satisfied(own, values or ABSENT):
                    found[key] = values
                    break
            else:
                return None
        return {key: values for key, values in found.items() if values}

    def _deadline(self, constraints: CallConstraints) -> tuple[float | None, bool] | None:
        """Return the deadline and whether there must be none; None if no deadline will do."""
        own = constraints.deadline
        if not own:
            return None, False
        for plain in islice(self._solver.solve(own, DOUBLE, Place.FIELD, "deadline", 10.0), _MAX_REQUESTS):
            if plain is ABSENT:
                return None, True
            seconds = float(plain)
            if seconds > _PRECISION and satisfied(own, seconds) and satisfied(own, seconds - _PRECISION):
                return seconds, False
        self._solver.refused.append(("deadline", described(own)))
        return None


def _can_be_exhausted(stub: CompiledStub) -> bool:
    return stub.stub.times is not None or stub.stub.then == "miss"


def _sendable(value: str | bytes) -> bool:
    # What gRPC sends of ASCII metadata (grpc/grpc, doc/PROTOCOL-HTTP2.md); spaces at the ends may be lost on the way.
    return isinstance(value, bytes) or (value.isascii() and value.isprintable() and value.strip() == value)


def _named(pattern: Node | None) -> frozenset[Any]:
    return frozenset(pattern.value) if pattern is not None and pattern.is_mapping else frozenset()
