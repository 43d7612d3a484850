"""Lists come in the order that is asked for, or that comments tell: one way or the other, and the same each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise, starmap
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.list_orders import TURNS, Order, are_in_one_place, order_of, value_in
from grpcmock.fuzz.expectations.ordered_values import are_comparable
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_FEWEST = 3
"""So many different values tell an order from chance."""


@dataclass(slots=True)
class Orders:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _ways: dict[tuple[str, str, bytes], bool] = field(default_factory=dict)
    """Which way lists came, by methods, orders, and what may turn them round: whether the least came first."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself, or those before it."""
        method = reply.call.method
        item = item_of(method) if method is not None and only_lists(method) else None
        shown = listed(reply) if item is not None else None
        if method is None or item is None or shown is None:
            return
        order, items = order_of(method, item, shown.request, self.registry), shown.items
        if order is None or not are_in_one_place(items, order):
            return
        try:
            values = [tuple(value_in(one, key) for key in order.keys) for one in items]
        except ValueError:
            return
        if all(map(_are_in_one_form, zip(*values, strict=True))):
            yield from self._judged(method, shown.request, order, values)

    def _judged(
        self, method: Method, request: Message, order: Order, values: list[tuple[Any, ...]]
    ) -> Iterator[Finding]:
        for level, key in enumerate(order.keys):
            alike = groupby(values, itemgetter(slice(level)))
            runs = [_without_ends([one[level] for one in run]) for _, run in alike]
            if any(value is None for run in runs for value in run):
                return
            if not level and len(set(runs[0] if runs else ())) < _FEWEST:
                return
            ups = {one < other for run in runs for one, other in pairwise(run) if one != other}
            told = f"{key.name} {_several(runs)}"
            if len(ups) > 1:
                yield _finding(method, key, f"sorted by {key.name}, as {order.told} says", f"not sorted: {told}")
                return
            if level or not ups:
                continue
            (is_up,) = ups
            if order.is_up is not None and is_up is not order.is_up:
                first = "lowest" if order.is_up else "highest"
                yield _finding(method, key, f"the {first} {key.name} first, as {order.told} says", told)
                return
            way = (method.path, order.told, _choices(request))
            if self._ways.setdefault(way, is_up) is not is_up:
                expected = f"the same sort direction by {key.name} as in the earlier response to {order.told}"
                yield _finding(method, key, expected, f"the opposite direction: {told}")
                return


def _are_in_one_form(values: Iterable[Any]) -> bool:
    """Whether the order of values of one field is known: each is compared with the next that is there."""
    return all(starmap(are_comparable, pairwise(value for value in values if value is not None)))


def _without_ends(run: list[Any]) -> list[Any]:
    """Leave out what has no value at the ends, or a zero that may stand for none."""
    start, end = 0, len(run)
    while start < end and run[start] in (None, 0):
        start += 1
    while end > start and run[end - 1] in (None, 0):
        end -= 1
    return run[start:end]


def _several(runs: list[list[Any]]) -> str:
    values = ["-".join(map(str, one)) if isinstance(one, tuple) else str(one) for run in runs for one in run]
    return ", ".join(values[:6])


def _choices(request: Message) -> bytes:
    """Return what in a request may turn a list round: its switches, the values of enums, and what is called so."""
    plain = type(request)()
    plain.CopyFrom(request)
    for one, _ in plain.ListFields():
        may_turn = one.enum_type is not None or one.cpp_type == one.CPPTYPE_BOOL or TURNS.fullmatch(one.name)
        if one.is_repeated or not may_turn:
            plain.ClearField(one.name)
    return bytes_of(plain)


def _finding(method: Method, key: FieldDescriptor, expected: str, actual: str) -> Finding:
    return Finding(
        check="read_after_write",
        expected=expected,
        actual=actual,
        path=key.name,
        key=f"order {key.name}",
        method=method,
        may_lag=True,
    )
