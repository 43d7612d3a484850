"""What comes of what was put: an id for each that is put, no more at a time than was asked for, and something in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.lending import Lending, lendings

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_MOST = re.compile(r"max(imum)?_.*|.*_max")
_IDS = re.compile(r"(.*_)?ids")
_HOLDS_BACK = re.compile(
    r"(.*_)?(filters?|push|endpoint|delay|start|schedule|paused?|enabled|state|key|group|partition|priority|expir\w*|ttl"
    r"|retention|deduplication|ordering|dead|policy|sample|rate|offset|position|seek)(_.*)?"
)
"""What may keep something from coming that was put."""

_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
_LEAST_PUT = 3
_LEAST_ASKED = 4
"""So many were put, and so often something was asked for, before it is strange that nothing ever came."""


@dataclass(slots=True)
class _Queue:
    puts: int = 0
    """How many were put that must come."""

    asked: int = 0
    """How often there was room for them."""

    has_given: bool = False


@dataclass(slots=True)
class LentItems:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _linked: list[frozenset[Any]] = field(default_factory=list)
    """The texts in what made things, a set for each: queues are linked by them to where something is put."""

    _queues: dict[tuple[str, Any], _Queue] = field(default_factory=dict)
    _is_held_back: bool = False

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        kinds = lendings(self.registry)
        exchange = exchange_in(reply) if kinds and reply.is_ok and len(reply.responses) == 1 else None
        if exchange is None:
            return
        method, (request, *_), (answer,) = exchange
        for kind in kinds:
            if method is kind.giving:
                yield from self._given(kind, request, answer)
                return
            if method is kind.returning:
                return
            if (what := next((one for putting, one in kind.putting if putting is method), None)) is not None:
                yield from self._put(method, what, request, answer)
                return
        if not only_reads(method):
            texts: set[Any] = set()
            for message in messages_in(request):
                self._is_held_back |= any(_HOLDS_BACK.fullmatch(one.name) for one, _ in message.ListFields())
                texts.update(value for one, value in message.ListFields() if one.type in _TEXTS and not one.is_repeated)
            self._linked.append(frozenset(texts))

    def _put(self, method: Method, what: FieldDescriptor, request: Message, answer: Message) -> Iterator[Finding]:
        value = getattr(request, what.name)
        put = list(value) if what.is_repeated else [value]
        besides = {
            own for one, own in request.ListFields() if one.type in _TEXTS and not one.is_repeated and one is not what
        }
        self._is_held_back |= any(_HOLDS_BACK.fullmatch(one.name) for each in put for one, _ in each.ListFields())
        for (_, name), queue in self._queues.items():
            if any(name in texts and (name in besides or besides & texts) for texts in self._linked):
                queue.puts += len(put)
        ids = _ids_in(answer)
        are_other = len({each.SerializeToString(deterministic=True) for each in put}) == len(put)
        if ids is not None and are_other and len(ids[1]) == len(put) > len(set(ids[1])):
            yield Finding(
                check="duplicate_create",
                expected=f"{ids[0]} by which {len(put)} things that differ are told apart",
                actual=f"{ids[0]}: {', '.join(repr(each)[:40] for each in ids[1][:4])}",
                path=ids[0],
                key=f"alike {ids[0]}",
                method=method,
            )

    def _given(self, kind: Lending, request: Message, answer: Message) -> Iterator[Finding]:
        name = getattr(request, kind.queue.name)
        queue = self._queues.setdefault((kind.giving.path, name), _Queue())
        items = list(getattr(answer, kind.items.name))
        for one, most in request.ListFields():
            if _MOST.fullmatch(one.name) and isinstance(most, int) and 0 < most < len(items):
                yield _finding(kind, "too many", f"{most} at most, as {one.name} says", f"{len(items)}")
        if queue.puts and items and not any(item.HasField(kind.payload.name) for item in items):
            expected = f"{kind.payload.name} in what is lent, as it was put"
            yield _finding(kind, "empty", expected, f"{len(items)} with a {kind.receipt.name}, and nothing to it")
        queue.has_given |= bool(items)
        limits = [
            value for one, value in request.ListFields() if isinstance(value, int) and not isinstance(value, bool)
        ]
        if queue.puts and all(value > queue.puts for value in limits):
            queue.asked += 1
        is_strange = queue.puts >= _LEAST_PUT and queue.asked >= _LEAST_ASKED
        if is_strange and not queue.has_given and not self._is_held_back:
            expected = f"some of {queue.puts} that were put"
            actual = f"nothing ever came, though it was asked for {queue.asked} times"
            yield _finding(kind, "nothing ever", expected, actual, may_lag=True)


def _ids_in(answer: Message) -> tuple[str, list[Any]] | None:
    """Return the ids in an answer that has nothing else, with the name of their field."""
    shown = answer.ListFields()
    if len(shown) != 1:
        return None
    ((one, ids),) = shown
    is_list = one.is_repeated and one.type in _TEXTS and _IDS.fullmatch(one.name) is not None
    return (one.name, list(ids)) if is_list else None


def _finding(kind: Lending, key: str, expected: str, actual: str, *, may_lag: bool = False) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=kind.items.name,
        key=f"lent {key}",
        method=kind.giving,
        may_lag=may_lag,
    )
