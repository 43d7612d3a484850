"""Sums of money whose units and nanos have the same sign, or one of which is nothing, as ``google.type.Money`` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of, reachable
from grpcmock.fuzz.expectations.money import MONEY, TRIED
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import SUMS, Case, Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 2
_DEEPEST = 2


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a case for each of the first sums in a request that the server takes."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None:
        return
    for way in [way for way in reachable(method.input) if _is_sum(way) and is_set(accepted.fullest, way)][:_MOST]:
        path = ".".join(field.name for field in way)
        data = [_with(accepted, way, units, nanos) for units, nanos in TRIED]
        calls = accepted.calls(*data, salt=f"sums {path}")
        yield Case(
            id=f"boundary/{method.full_name}/{path}~sums",
            phase=Phase.BOUNDARY,
            method=method,
            calls=calls,
            setup=len(calls) - len(data),
            why=f"{path} of whole units, of parts of one, and of both",
            expect=Expect.ANY,
            path=path,
            rule=SUMS,
            targets=frozenset({"boundary_pair"}),
            shrinks_as_one=True,
        )


def _is_sum(way: Fields) -> bool:
    kind = way[-1].message_type
    return kind is not None and kind.full_name == MONEY and len(way) <= _DEEPEST and not any(map(_is_many, way))


def _is_many(field: Any) -> bool:
    return bool(field.is_repeated)


def _with(accepted: AcceptedRequest, way: Fields, units: int, nanos: int) -> bytes:
    message = accepted.fullest
    money = value_at(message, path_of(way))
    money.units, money.nanos = units, nanos
    return message.SerializePartialToString(deterministic=True)
