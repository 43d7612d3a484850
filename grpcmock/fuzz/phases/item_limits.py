"""Cases at the limits of the texts in a list, as the server states them itself, or a comment in the protos: what is
checked of the first is often taken for granted of the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.documented_limits import documented_item_limit
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.expectations.field_sizes import has_texts, text_of
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import ITEMS_DOCUMENTED, ITEMS_OWN_WORDS
from grpcmock.fuzz.phases.limit_cases import FAR, LARGEST, limit_case

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.stated_limits import StatedLimit
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def documented(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a case for each limit of items that a comment states: the lengths of the first item far beyond it, at it,
    just past it, and well within; then the length just past it in a second item."""
    for way, accepted in _lists(method, plan):
        if (limit := documented_item_limit(way[-1], plan.registry)) is not None:
            yield from _case(accepted, way, limit, ITEMS_DOCUMENTED)


def stated(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the same for each limit of items that the server has stated so far."""
    limits = plan.limits.of_items(method)
    for way, accepted in _lists(method, plan):
        if way in limits and documented_item_limit(way[-1], plan.registry) is None:
            yield from _case(accepted, way, limits[way][0], ITEMS_OWN_WORDS)


def _lists(method: Method, plan: Plan) -> Iterator[tuple[Fields, AcceptedRequest]]:
    accepted = plan.acceptance.of(method)
    for way in reachable(method.input) if accepted is not None else ():
        if accepted is None or not has_texts(way[-1]) or any(field.is_repeated for field in way[:-1]):
            continue
        if is_set(accepted.fullest, way) and path_of(way) not in (*accepted.references, accepted.own_id):
            yield way, accepted


def _case(accepted: AcceptedRequest, way: Fields, limit: StatedLimit, rule: str) -> Iterator[Case]:
    if limit.most is None or not 1 < limit.most <= LARGEST:
        return
    most, path = limit.most, ".".join(path_of(way))
    sizes = (2 * most + FAR, most, most + 1, most - 1)
    items: Any = value_at(accepted.fullest, path_of(way))
    first = items[0]
    lists = [[text_of(first, size)] for size in sizes] + [[first, text_of(first, most + 1)]]
    messages = []
    for texts in lists:
        message = accepted.fullest
        put(message, path_of(way), texts)
        messages.append(message.SerializePartialToString(deterministic=True))
    source = "documented" if rule == ITEMS_DOCUMENTED else "stated"
    yield limit_case(
        accepted,
        messages,
        f"{path}[]~{source}={most}",
        salt=f"limit of {path}[]",
        why=f"an item of {path} beyond {rule}, at it, and just past it; then a second item that is",
        path=path,
        rule=rule,
    )
