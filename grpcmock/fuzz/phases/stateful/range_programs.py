"""Programs on lists from one value to another: things with two values, looked at together, by each, and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.selection_programs import makes
from grpcmock.fuzz.resources.fields import same_type, type_name
from grpcmock.fuzz.resources.laws.ranges import range_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_MAKERS = 2
_DAYS = ({"year": 2024, "month": 3, "day": 5}, {"year": 2024, "month": 4, "day": 1})
_VALUES: dict[str, tuple[Any, Any]] = {
    "google.type.Date": _DAYS,
    "google.protobuf.Timestamp": ({"seconds": 1_709_640_000}, {"seconds": 1_711_972_800}),
}
"""The same days."""

_NUMBERS = (2, 4)


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that lists what lies within a range."""
    asked, own = range_of(method), plan.acceptance.first.get(method.path)
    if asked is None or own is None:
        return
    first, second = _VALUES.get(type_name(asked.low), _NUMBERS)
    makers = [one for one in plan.acceptance.first.values() if makes(one, own, plan) and place_in(one, asked.way[-1])]
    for maker in makers[:_MOST_MAKERS]:
        program = MethodProgram(method, plan, f"from-{asked.low.name}-of-{maker.method.name}")
        for number, value in enumerate((first, second), 1):
            program.add(with_values_at(maker, [(place_in(maker, asked.way[-1]), value)]), anew=number)

        def look(low: Any, high: Any, skip: int = 0, program: MethodProgram = program) -> None:
            plain = replace(own, full=b"", values={})
            program.add(with_values_at(plain, [([asked.low], low), ([asked.high], high)]), skip=skip)

        look(first, second)
        look(first, first)
        look(second, second)
        if own.needs:
            elsewhere = sum(1 for need in maker.needs if need.made_by.method is own.needs[0].made_by.method)
            look(first, second, elsewhere)
            look(first, first, elsewhere)
        yield program.case("what lies within a range, and what beyond it")


def place_in(maker: AcceptedRequest, value: FieldDescriptor) -> list[FieldDescriptor]:
    """Return the way in a request to the field with the value that is shown; nothing if it has none."""
    for one in maker.method.input.fields:
        if one.is_repeated:
            continue
        if one.name == value.name and same_type(one, value):
            return [one]
        inner = one.message_type.fields_by_name.get(value.name) if one.message_type is not None else None
        if inner is not None and not inner.is_repeated and same_type(inner, value):
            return [one, inner]
    return []


def with_values_at(request: AcceptedRequest, values: list[tuple[list[FieldDescriptor], Any]]) -> AcceptedRequest:
    """Return a request with other values at the ends of these ways."""
    message: Any = request.message
    for way, value in values:
        place = message
        for step in way[:-1]:
            place = getattr(place, step.name)
        if isinstance(value, dict):
            inner: Message = getattr(place, way[-1].name)
            inner.CopyFrom(type(inner)(**value))
        else:
            setattr(place, way[-1].name, value)
    data = message.SerializePartialToString(deterministic=True)
    return replace(request, data=data, full=b"", values={})
