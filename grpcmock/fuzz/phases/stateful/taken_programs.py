"""Programs on updates that ask for what another thing has, of which there can be one only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import is_there
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.phases.stateful.effect_programs import MOST_LOOKS, look, looks_at
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MASK = "google.protobuf.FieldMask"


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that changes what another method makes once only, as the server has shown."""
    own = plan.acceptance.first.get(method.path)
    if own is None or only_reads(method) or method.kind is not MethodKind.UNARY or plan.acceptance.may_make(method):
        return
    for need in own.needs:
        making = need.made_by
        if making.own_id is None or not is_there(making.message, making.own_id):
            continue
        way = _same_field(own, making)
        if way is not None and path_of(way) not in own.references:
            yield _taken(own, making, way, plan)


def _same_field(own: AcceptedRequest, making: AcceptedRequest) -> Fields | None:
    """Return the way to the field of a request that asks for what a thing is made under."""
    assert making.own_id is not None
    given = next(way for way in reachable(making.method.input) if path_of(way) == making.own_id)[-1]
    for way in reachable(own.method.input):
        is_single = len(way) <= 2 and not any(one.is_repeated for one in way)
        if is_single and way[-1].name == given.name and same_type(way[-1], given):
            return way
    return None


def _taken(own: AcceptedRequest, making: AcceptedRequest, way: Fields, plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, f"taken-{way[-1].name}")
    program.add(making)
    other = program.request(program.add(making, anew=1))
    program.add(replace(making, data=bytes_of(other), full=b"", values={}, own_id=None, also_own=()))
    looks = list(islice(looks_at(own, plan), MOST_LOOKS))
    for _ in range(2):
        look(program, looks)
    assert making.own_id is not None
    value = value_at(other, making.own_id)
    for number, asking in enumerate((own, own.filled())):
        message = asking.message
        _ask_for(message, way, value, is_alone=not number)
        program.add(replace(asking, data=bytes_of(message), full=b"", values={}, own_id=None, also_own=()))
        for _ in range(2):
            look(program, looks)
    return program.case(f"a {way[-1].name} that another one has")


def _ask_for(message: Any, way: Fields, value: Any, *, is_alone: bool) -> None:
    """Let a request ask for a value, by its mask as well."""
    put(message, path_of(way), value)
    for one in message.DESCRIPTOR.fields:
        if one.message_type is not None and one.message_type.full_name == _MASK and not one.is_repeated:
            paths = [] if is_alone else [path for path in getattr(message, one.name).paths if path != way[-1].name]
            getattr(message, one.name).paths[:] = [*paths, way[-1].name]
