"""Programs on what calls leave that are refused when a part of their work may be done: a call under a name that is
taken, and one on several things of which the last can't be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import is_there
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.effect_programs import (
    does_all_or_none,
    look,
    maker_itself,
    missing_like,
    with_looks,
)
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest, Need
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MUCH = 900_000
_MORE = 7
"""For one number, where others follow from it, and a little more is as good as another one."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that changes what it names."""
    if (found := with_looks(method, plan)) is None:
        return
    own, looks = found
    if own.own_id is not None and is_there(own.fullest, own.own_id):
        yield _as_taken(own, looks, plan)
    for need in _items_of_keys(own) if does_all_or_none(method, plan) else ():
        yield _with_one_that_cannot_be(own, need, looks, plan)


def _as_taken(own: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan) -> Case:
    """Ask for the same once more, with other numbers: what there is once only is refused, and nothing else done."""
    program = MethodProgram(own.method, plan, "taken-already")
    whole = own.filled()
    first = program.request(program.add(whole))
    look(program, looks)
    message: Any = first
    for one, value in message.ListFields():
        if not one.is_repeated and one.cpp_type in WHOLE and (one.name,) not in own.references:
            setattr(message, one.name, value + _MORE)
    look(program, looks)
    for again in (message, whole.message):
        for path in own.own:
            _copy(first, again, path)
        program.add(replace(whole, data=bytes_of(again), own_id=None, also_own=(), values={}))
        look(program, looks)
        look(program, looks)
    return program.case("the same again with other numbers: if it's taken already, nothing is done")


def _copy(source: Message, target: Any, path: tuple[str | int, ...]) -> None:
    if is_there(source, path):
        put(target, path, value_at(source, path))


def _items_of_keys(own: AcceptedRequest) -> Iterator[Need]:
    """Yield what a request needs and names in the first message of a list."""
    for need in own.needs:
        one = own.method.input.fields_by_name.get(str(need.target[0]))
        if len(need.target) == 3 and need.target[1] == 0 and one is not None and one.is_repeated:
            yield need


def _with_one_that_cannot_be(
    own: AcceptedRequest, need: Need, looks: list[tuple[AcceptedRequest, int]], plan: Plan
) -> Case:
    """Name a thing of which it is known that it can be done, and behind it one that is new, or isn't there."""
    name, _, key = map(str, need.target)
    program = MethodProgram(own.method, plan, f"{name}-of-which-one-cannot-be")
    program.add(own)
    fresh = maker_itself(need)
    new = program.add(fresh.made_by, anew=_MORE)
    for _ in range(2):
        look(program, looks)
    messages: list[tuple[Any, tuple[Binding, ...]]] = []
    for number in (None, _MUCH):
        message: Any = own.message
        items = getattr(message, name)
        del items[1:]
        items.add().CopyFrom(items[0])
        for one, _ in items[1].ListFields():
            if number is not None and not one.is_repeated and one.cpp_type in (*WHOLE, one.CPPTYPE_DOUBLE):
                setattr(items[1], one.name, number)
        messages.append((message, (Binding(new, fresh.source, (name, 1, key)),)))
    absent: Any = messages[0][0].__class__()
    absent.CopyFrom(messages[0][0])
    second = getattr(absent, name)[1]
    setattr(second, key, missing_like(getattr(second, key), f"{plan.seed} {own.method.full_name}"))
    for message, more in (*messages, (absent, ())):
        for one in _otherwise(message, name):
            program.add(replace(own, data=bytes_of(one), full=b"", values={}), more=more)
            look(program, looks)
            look(program, looks)
    return program.case("several at once, of which the last can't be: then nothing is done")


def _otherwise(message: Any, name: str) -> Iterator[Any]:
    """Yield a request with what is done to its things, and with something else, as they may be so already."""
    yield message
    other = message.__class__()
    other.CopyFrom(message)
    first = getattr(other, name)[0]
    for one, value in first.ListFields():
        if one.enum_type is not None and not one.is_repeated:
            numbers = [number for number in one.enum_type.values_by_number if number not in (0, value)]
            if numbers:
                setattr(first, one.name, numbers[-1] if len(numbers) < 2 else numbers[1])
    if other != message:
        yield other
