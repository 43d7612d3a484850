"""Programs on names that are free again: something is made under one, taken away, and made once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, is_there, varied
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST = 2


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that makes what there may be once only, as the server has shown."""
    own = plan.acceptance.first.get(method.path)
    if (
        own is None
        or own.own_id is None
        or method.kind is not MethodKind.UNARY
        or not is_there(own.fullest, own.own_id)
    ):
        return
    first = plan.acceptance.first.values()
    taking = next((one for one in first if takes_away(one, own, plan)), None)
    if taking is None:
        return
    message: Any = own.fullest
    fresh = varied(value_at(message, own.own_id), f"{plan.seed} {method.full_name} freed")
    try:
        put(message, own.own_id, fresh)
    except (TypeError, ValueError):
        return
    made = replace(own, data=message.SerializePartialToString(deterministic=True), full=b"", values={}, own_id=None)
    field = method.input.fields_by_name[str(own.own_id[0])]
    for reader in [one.method for one in first if _asks_for(one.method, own)][:_MOST]:
        asking: Any = reader.request_class()
        put(asking, (field.name,), getattr(message, field.name))
        reading = AcceptedRequest(reader, asking.SerializePartialToString(deterministic=True))
        program = MethodProgram(method, plan, f"freed-{reader.name}")
        for one in (made, reading, taking, reading, made, reading):
            program.add(one, latest=True)
        yield program.case(f"a {field.name} that is free again after {taking.method.name}")


def takes_away(one: AcceptedRequest, own: AcceptedRequest, plan: Plan) -> bool:
    """Whether a request takes away what another one makes, and names nothing else."""
    is_unary = one.method.kind is MethodKind.UNARY and plan.acceptance.takes_away(one.method)
    return is_unary and [need.made_by.method for need in one.needs] == [own.method]


def _asks_for(reader: Method, own: AcceptedRequest) -> bool:
    """Whether a method that reads may be asked for a thing by what its maker was given."""
    assert own.own_id is not None
    field = own.method.input.fields_by_name[str(own.own_id[0])]
    other = reader.input.fields_by_name.get(field.name)
    is_reader = only_reads(reader) and reader.kind is MethodKind.UNARY
    return is_reader and other is not None and not other.is_repeated and same_type(field, other)
