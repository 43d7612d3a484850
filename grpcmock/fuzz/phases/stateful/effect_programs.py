"""Programs on what a call changes: looks at what others show, before and after it, whether it is taken or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.bindings import put
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram, spoiled
from grpcmock.fuzz.resources.amounts import move_of
from grpcmock.fuzz.resources.laws.effects import UNDOING
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_LOOKS = 4
_REFUSALS = 6
_AMOUNTS = (2, 3)


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that changes what it names."""
    own = plan.acceptance.first.get(method.path)
    if own is None or only_reads(method) or method.kind is not MethodKind.UNARY or plan.acceptance.takes_away(method):
        return
    looks = list(islice(_looks(own, plan), _MOST_LOOKS))
    if not looks:
        return
    if move_of(method) is not None:
        yield _moving(own, looks, plan)
    yield _refused(own, looks, plan)
    undoing = next((one for one in plan.acceptance.first.values() if _undoes(one, own)), None)
    if undoing is not None:
        yield _taken_back(own, undoing, looks, plan)


def _moving(own: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, "effects")
    program.add(own)
    for amount in _AMOUNTS:
        _look(program, looks)
        program.add(replace(own, data=_data(_with_amount(own, amount)), full=b"", values={}), anew=amount)
    _look(program, looks)
    return program.case("what leaves one arrives at the other")


def _refused(own: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan) -> Case:
    program = MethodProgram(own.method, plan, "no-effects")
    program.add(own)
    _look(program, looks)
    for message in islice(spoiled(own), _REFUSALS):
        _look(program, looks)
        program.add(replace(own, data=_data(message), full=b"", values={}))
        _look(program, looks)
    _look(program, looks)
    return program.case("what is shown before and after calls that are likely refused")


def _taken_back(
    own: AcceptedRequest, undoing: AcceptedRequest, looks: list[tuple[AcceptedRequest, int]], plan: Plan
) -> Case:
    program = MethodProgram(own.method, plan, f"before-{undoing.method.name}")
    program.add(own)
    _look(program, looks)
    program.add(own, anew=1)
    _look(program, looks)
    for _ in range(2):
        program.add(undoing, latest=True)
        _look(program, looks)
    return program.case("what is taken back is as it was, and can't be taken back twice")


def _undoes(one: AcceptedRequest, own: AcceptedRequest) -> bool:
    return UNDOING.match(one.method.name) is not None and {need.made_by.method for need in one.needs} == {own.method}


def _looks(own: AcceptedRequest, plan: Plan) -> Iterator[tuple[AcceptedRequest, int]]:
    """Yield requests that show one of the things which another names, and which of these it is."""
    made = Counter(need.made_by.method.path for need in own.needs)
    for reader in plan.acceptance.first.values():
        if not only_reads(reader.method) or reader.method.kind is not MethodKind.UNARY or len(reader.needs) != 1:
            continue
        for number in range(made[reader.needs[0].made_by.method.path]):
            yield reader, number


def _look(program: MethodProgram, looks: list[tuple[AcceptedRequest, int]]) -> None:
    for reader, number in looks:
        program.add(reader, skip=number)


def _with_amount(own: AcceptedRequest, amount: int) -> Message:
    message: Any = own.message
    move = move_of(own.method)
    assert move is not None
    path = (move.amount.name,) if move.amount.message_type is None else (move.amount.name, "units")
    put(message, path, amount)
    found: Message = message
    return found


def _data(message: Message) -> bytes:
    return message.SerializePartialToString(deterministic=True)
