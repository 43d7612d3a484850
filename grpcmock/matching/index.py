"""The index: finds the stub that answers a call, at a cost that doesn't grow with the number of stubs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from grpcmock.matching.paths import Path, Stage

if TYPE_CHECKING:
    from grpcmock.matching.call_context import CallContext
    from grpcmock.matching.conditions import Conditions


class Entry(Protocol):
    """What can be indexed."""

    @property
    def conditions(self) -> Conditions: ...

    @property
    def rank(self) -> tuple[Any, ...]:
        """The order of precedence: the lower wins. No two entries have the same."""


E = TypeVar("E", bound=Entry)

_MOST_PATHS = 8
"""More equalities than this in one stub are not looked up, but tested."""

_MOST_KEYS = 1024
"""How many keys one entry may have, by ``$in``."""


class Index(Generic[E]):
    """Entries, grouped by the shape of their equality conditions: which paths must have a given value.

    To find what holds, each shape takes one look-up of the values found at its paths; entries without any equality are
    one shape, too, whose look-up finds them all.
    """

    def __init__(self) -> None:
        self._shapes: dict[tuple[tuple[Path, ...], bool], Shape[E]] = {}
        self._ordered: list[Shape[E]] | None = None
        self._unsorted: dict[int, list[E]] = {}
        self._entries: dict[int, E] = {}
        self._sorted: list[E] | None = []
        self.version = 0
        """Changes with every change."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, entry: E) -> bool:
        return id(entry) in self._entries

    def __iter__(self) -> Iterator[E]:
        """Yield the entries in order of precedence."""
        if self._sorted is None:
            self._sorted = sorted(self._entries.values(), key=_rank)
        return iter(self._sorted)

    @property
    def shapes(self) -> list[Shape[E]]:
        """The shapes, by their best entry."""
        if self._ordered is None:
            self._ordered = sorted(self._shapes.values(), key=_best)
        if self._unsorted:
            for bucket in self._unsorted.values():
                bucket.sort(key=_rank)
            self._unsorted.clear()
        return self._ordered

    def add(self, entry: E) -> None:
        """Take in an entry."""
        paths, keys, exact = _keys(entry.conditions)
        shape = self._shapes.get((paths, exact))
        if shape is None:
            shape = self._shapes[paths, exact] = Shape(paths, exact, entry)
            self._ordered = None
        elif entry.rank < shape.best:
            shape.best = entry.rank
            self._ordered = None
        table = shape.table
        for key in keys:
            bucket = table.setdefault(key, entry)
            if bucket is entry:
                continue
            if type(bucket) is not list:
                bucket = table[key] = [bucket]
            if entry.rank < bucket[-1].rank:
                self._unsorted[id(bucket)] = bucket
            bucket.append(entry)
        shape.size += 1
        self._entries[id(entry)] = entry
        self._changed()

    def remove(self, entry: E) -> None:
        """Take out an entry. Raises ``KeyError`` if it isn't there."""
        del self._entries[id(entry)]
        paths, keys, exact = _keys(entry.conditions)
        shape = self._shapes[paths, exact]
        for key in keys:
            bucket = shape.table[key]
            left = [other for other in bucket if other is not entry] if type(bucket) is list else []
            self._unsorted.pop(id(bucket), None)
            if len(left) > 1:
                shape.table[key] = left
                self._unsorted[id(left)] = left
            elif left:
                shape.table[key] = left[0]
            else:
                del shape.table[key]
        shape.size -= 1
        if not shape.size:
            del self._shapes[paths, exact]
            self._ordered = None
        self._changed()

    def _changed(self) -> None:
        self._sorted = None
        self.version += 1

    def first(self, context: CallContext, accept: Callable[[E], bool], stage: Stage) -> E | None:
        """Find the first entry, in order of precedence, that needs no more than *stage*, holds, and is accepted."""
        best: E | None = None
        shapes = self._ordered
        for shape in self.shapes if shapes is None or self._unsorted else shapes:
            if best is not None and best.rank < shape.best:
                break
            if shape.stage > stage:
                continue
            get = shape.get
            if get is not None:
                bucket = shape.table.get(get(context))
                if bucket is None:
                    continue
                buckets: Iterable[Any] = (bucket,)
            else:
                buckets = shape.find(context)
            exact = shape.exact
            for bucket in buckets:
                for entry in bucket if type(bucket) is list else (bucket,):
                    if best is not None and best.rank < entry.rank:
                        break
                    conditions = entry.conditions
                    if conditions.stage <= stage and (exact or conditions.holds(context)) and accept(entry):
                        best = entry
                        break
        return best

    def linear(self, context: CallContext, accept: Callable[[E], bool], stage: Stage) -> E | None:
        """Do as :meth:`first` does, by looking at every entry: what the index must agree with."""
        for entry in self:
            conditions = entry.conditions
            if conditions.stage <= stage and conditions.holds(context) and accept(entry):
                return entry
        return None


class Shape(Generic[E]):
    """The entries whose equality conditions are about the same paths."""

    __slots__ = ("best", "exact", "get", "paths", "size", "stage", "table")

    def __init__(self, paths: tuple[Path, ...], exact: bool, first: E) -> None:
        self.paths = paths
        self.exact = exact
        """Whether an entry that is found by its keys needs no further test."""

        self.stage = max((path.stage for path in paths), default=Stage.OPEN)
        self.best = first.rank
        """No entry comes before this rank."""

        self.size = 0
        self.table: dict[Any, Any] = {}
        """From the value at the one path, or the tuple of those at several, to an entry, or a list of them by rank."""

        self.get: Callable[[CallContext], Any] | None = None
        """Gives the key to look up, where there is just one."""
        if not any(path.many for path in paths):
            self.get = paths[0].get if len(paths) == 1 else _tuple_of(paths)

    def find(self, context: CallContext) -> list[Any]:
        """Give the entries, or lists of them, under every key that the call has."""
        table = self.table
        columns = [dict.fromkeys(path.get(context)) if path.many else (path.get(context),) for path in self.paths]
        if len(columns) == 1:
            return [table[key] for key in columns[0] if key in table]
        if prod(map(len, columns)) <= len(table):
            return [table[key] for key in product(*columns) if key in table]
        return [bucket for key, bucket in table.items() if all(part in c for part, c in zip(key, columns, strict=True))]


def _tuple_of(paths: tuple[Path, ...]) -> Callable[[CallContext], Any]:
    if len(paths) == 2:
        one, other = paths[0].get, paths[1].get
        return lambda context: (one(context), other(context))
    gets = [path.get for path in paths]
    return lambda context: tuple([get(context) for get in gets])


def _keys(conditions: Conditions) -> tuple[tuple[Path, ...], list[Any], bool]:
    """Give the paths of the shape of some conditions, the keys to be found under, and whether those say it all."""
    equalities, exact = conditions.equalities
    if len(equalities) == 1 and len(equalities[0][1]) == 1:
        path, (key,) = equalities[0]
        return (path,), [key], exact
    by_path: dict[Path, tuple[Any, ...]] = {}
    for path, values in equalities:
        if path in by_path or len(by_path) >= _MOST_PATHS:
            exact = False
        else:
            by_path[path] = values
    while prod(map(len, by_path.values())) > _MOST_KEYS:
        # Too many keys: the path with the most values is tested instead.
        del by_path[max(by_path, key=lambda path: len(by_path[path]))]
        exact = False
    paths = tuple(sorted(by_path, key=_order))
    if len(paths) == 1:
        return paths, list(dict.fromkeys(by_path[paths[0]])), exact
    return paths, list(dict.fromkeys(product(*(by_path[path] for path in paths)))), exact


def _rank(entry: Entry) -> tuple[Any, ...]:
    return entry.rank


def _best(shape: Shape[Any]) -> tuple[Any, ...]:
    best: tuple[Any, ...] = shape.best
    return best


def _order(path: Path) -> int:
    return path.order
