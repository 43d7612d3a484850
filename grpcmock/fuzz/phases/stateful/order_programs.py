"""Programs on the order of lists: things with values in no order are made, and listed in each order that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.expectations.list_criteria import criteria_of
from grpcmock.fuzz.expectations.list_orders import orders_to_try
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.phases.stateful.criteria_programs import narrowing, plainly
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.phases.stateful.range_programs import place_in, with_values_at
from grpcmock.fuzz.phases.stateful.selection_programs import creating_of, makes
from grpcmock.fuzz.resources.fields import type_name
from grpcmock.fuzz.resources.laws.lists import item_of, only_lists

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_ROWS = ((2, 4, 1, 3), (1, 3, 4, 2), (4, 1, 3, 2))
"""What has the values of one row in order has those of the others in none."""

_MOST = 8
_DAY, _START = 86_400, 1_709_640_000
_TEXTS = ((re.compile(r"\d{4}-\d\d-\d\d"), "2031-05-{:02}"), (re.compile(r"\d\d:\d\d"), "{:02}:00"))


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the program of a method that lists in an order that is known."""
    own, item = plan.acceptance.first.get(method.path), item_of(method) if only_lists(method) else None
    if own is None or item is None:
        return
    orders = list(islice(orders_to_try(method, item, plan.registry), _MOST))
    maker = maker_of(method, own, plan)
    if not orders or maker is None:
        return
    keys = list(dict.fromkeys(key for _, _, keys in orders for key in keys))
    program = MethodProgram(method, plan, "orders")
    for number in range(len(_ROWS[0])):
        program.add(_made(maker, keys, number), anew=number + 1)
    criteria = list(criteria_of(method, item, plan.registry))
    listing, narrow = plainly(own, criteria, method, plan), narrowing(program, maker, criteria)
    for name, value, _ in orders:
        message: Any = listing.message
        for asked in {name for name, _, _ in orders} - {""}:
            message.ClearField(asked)
        if name:
            setattr(message, name, value)
        program.add(replace(listing, data=message.SerializePartialToString(deterministic=True)), more=narrow)
    yield program.case("things in no order, listed in each")


def maker_of(method: Method, own: AcceptedRequest, plan: Plan) -> AcceptedRequest | None:
    """Return the request that makes what a method lists; None if it isn't clear which one does."""
    creating = creating_of(method, plan)
    if creating is not None:
        return plan.acceptance.first.get(creating.method.path)
    item = item_of(method)
    fitting = [one for one in plan.acceptance.first.values() if makes(one, own, plan) and one.method.output is item]
    methods = [one.method for one in fitting]
    first = [one for one in fitting if not any(need.made_by.method in methods for need in one.needs)]
    return first[0] if len(first) == 1 else None  # the others do something to what it has made


def _made(maker: AcceptedRequest, keys: list[FieldDescriptor], number: int) -> AcceptedRequest:
    """Return a request that makes a thing with one of the values of each row."""
    values = []
    for key, row in zip(keys, _ROWS, strict=False):
        way = place_in(maker, key)
        value = _value(maker, way, row[number]) if way else None
        values += [(way, value)] if value is not None else []
    return with_values_at(replace(maker, full=b"", values={}), values)


def _value(maker: AcceptedRequest, way: list[FieldDescriptor], number: int) -> Any:
    """Return a value of the type of a field, more for a higher number; of texts in the form that the server takes."""
    key = way[-1]
    match type_name(key):
        case "google.type.Date":
            return {"year": 2031, "month": 5, "day": number}
        case "google.protobuf.Timestamp":
            return {"seconds": _START + number * _DAY}
        case "":
            if key.type != key.TYPE_STRING:
                return number
            taken = str(value_at(maker.fullest, path_of(way)))
            return next((form.format(number) for shape, form in _TEXTS if shape.fullmatch(taken)), None)
    return None
