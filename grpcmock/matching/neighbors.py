"""Of many stubs, those that may be near a call: found by the index, not by holding each against the call."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from grpcmock.matching.findings import ABSENT
from grpcmock.matching.index import Entry, Index, Shape
from grpcmock.matching.paths import Stage

if TYPE_CHECKING:
    from grpcmock.matching.call_context import CallContext
    from grpcmock.stubs.model import Stub

_BESIDE = 4
"""Entries of a shape that are looked at beside the place where the one looked for would stand. Each costs something."""

_MAX_CANDIDATES = 24


class Candidate(Entry, Protocol):
    """A stub, as far as a miss tells of it."""

    @property
    def stub(self) -> Stub: ...

    @property
    def exhausted(self) -> bool:
        """Whether it has stepped aside."""


class _Neighbors:
    """What finds the entries of one shape that have nearly the values looked for; made when a miss first asks."""

    __slots__ = ("_columns", "_keys", "shape")

    def __init__(self, shape: Shape[Any]) -> None:
        self.shape = shape
        self._columns: list[tuple[list[Any], list[Any]]] = []
        keys = shape.table if len(shape.paths) > 1 else [(key,) for key in shape.table]
        for column in range(len(shape.paths)):
            # Sorted by one value after the other, another one in the lead each time.
            turned = [(_sortable(key, column), key) for key in keys]
            turned.sort(key=_first)
            self._columns.append(([lead for lead, _ in turned], [key for _, key in turned]))

    def near(self, context: CallContext) -> Iterator[Any]:
        """Yield entries near the call, or lists of them."""
        values = []
        for path in self.shape.paths:
            value = path.get(context)
            if path.many:
                value = next(iter(value), ABSENT)
            values.append(value)
        single = len(values) == 1
        for column, (leads, keys) in enumerate(self._columns):
            at = bisect_left(leads, _sortable(tuple(values), column)) - _BESIDE // 2
            begin = max(min(at, len(keys) - _BESIDE), 0)
            for key in keys[begin : begin + _BESIDE]:
                yield self.shape.table[key[0] if single else key]


def _sortable(key: tuple[Any, ...], column: int) -> tuple[tuple[str, Any], ...]:
    """Return a form of a key that sorts whatever stands in it, the value of one column first."""
    turned = (key[column], *key[:column], *key[column + 1 :])
    return tuple([_with_type(value) for value in turned])


def _with_type(value: Any) -> tuple[str, Any]:
    if isinstance(value, (bool, int, float)):
        return ("number", value if value == value else float("-inf"))
    if isinstance(value, (str, bytes)):
        return (type(value).__name__, value)
    return ("other", repr(value))


def _first(item: tuple[Any, ...]) -> Any:
    return item[0]


_NEIGHBORS: WeakKeyDictionary[Index[Any], tuple[int, dict[int, _Neighbors]]] = WeakKeyDictionary()


def likely(index: Index[Any], context: CallContext) -> list[Candidate]:
    """Return a bounded number of stubs, those that hold what the index can look up among them."""
    version, neighbors = _NEIGHBORS.get(index, (-1, {}))
    if version != index.version:
        neighbors = {}
        _NEIGHBORS[index] = (index.version, neighbors)
    found: dict[int, Candidate] = {}

    def take(buckets: Iterable[Any], most: int) -> None:
        for bucket in buckets:
            for entry in bucket[:most] if type(bucket) is list else (bucket,):
                found[id(entry)] = entry
            if len(found) >= _MAX_CANDIDATES:
                return

    reached = Stage.ALL if context.requests is not None or context.half_closed else Stage.FIRST
    known = [shape for shape in index.shapes if shape.stage <= reached]
    for shape in known:
        take(_found(shape, context), 4)
    for shape in known[:_MAX_CANDIDATES]:
        if shape.paths:
            near = neighbors.get(id(shape))
            if near is None:
                near = neighbors[id(shape)] = _Neighbors(shape)
            take(near.near(context), 1)
    return list(found.values())


def _found(shape: Shape[Any], context: CallContext) -> list[Any]:
    if shape.get is None:
        return shape.find(context)
    bucket = shape.table.get(shape.get(context))
    return [] if bucket is None else [bucket]
