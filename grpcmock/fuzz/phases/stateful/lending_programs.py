"""Programs on what is lent: put, lent, put again, lent to nobody else meanwhile, given back, never seen again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.cases import Binding
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.lending import body_of, lendings

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.fuzz.resources.lending import Lending
    from grpcmock.schema import Method

_AT_ONCE = 2
_ENOUGH = 10
"""So many are asked for, which is more than there are."""

_MOST = re.compile(r"(max|limit|count|batch|size|n)(_.*)?|.*_(limit|count|size)")
_BODY = "what is put here once"


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that lends."""
    first = plan.acceptance.first
    for kind in lendings(plan.registry):
        giving, returning = first.get(method.path), first.get(kind.returning.path)
        for putting, what in kind.putting if kind.giving is method else ():
            if giving is not None and returning is not None and putting.path in first:
                yield _program(kind, giving, returning, first[putting.path], what, plan)


def _program(
    kind: Lending,
    giving: AcceptedRequest,
    returning: AcceptedRequest,
    putting: AcceptedRequest,
    what: FieldDescriptor,
    plan: Plan,
) -> Case:
    program = MethodProgram(kind.giving, plan, f"lent-{putting.method.name}")
    one_only, giving = (_asking(kind, giving, most) for most in (1, _ENOUGH))
    returning = replace(returning, full=b"", values={})

    def put(*numbers: int) -> None:
        message = putting.message
        value = getattr(message, what.name)
        one = (value[0] if value else value.add()) if what.is_repeated else value
        parts = [_with_body(one, number, plan) for number in numbers]
        if what.is_repeated:
            del value[:]
            value.extend(parts)
        else:
            value.CopyFrom(parts[0])
        program.add(replace(putting, data=bytes_of(message), full=b"", values={}))

    several = (2, 3) if what.is_repeated else (2,)
    program.add(giving)
    put(1)
    lent = program.add(giving)
    put(*several)
    program.add(one_only)
    program.add(giving)
    program.add(giving)
    receipt = Binding(lent, (kind.items.name, 0, kind.receipt.name), (kind.receipts.name,))
    program.add(returning, more=(receipt,))
    program.add(giving)
    program.add(returning, more=(receipt,))
    put(4)
    program.add(giving)
    program.add(giving)
    return program.case("what is put is lent once, as it was put, until it is given back, and then never again")


def _asking(kind: Lending, giving: AcceptedRequest, most: int) -> AcceptedRequest:
    """Return a request for so many at most, where it may say so."""
    asking = giving.message
    for field in kind.giving.input.fields:
        if _MOST.fullmatch(field.name) and field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64):
            setattr(asking, field.name, most)
    return replace(_plainly(giving), data=bytes_of(asking), full=b"", values={})


def _plainly(request: AcceptedRequest) -> AcceptedRequest:
    """Return a request for which nothing is made but what must be: a filter would leave nothing to lend."""
    needs = []
    for need in request.needs:
        made = _plainly(need.made_by)
        needs.append(replace(need, made_by=replace(made, data=made.plain or made.data, full=b"", plain=b"", values={})))
    return replace(request, needs=tuple(needs))


def _with_body(message: Message, number: int, plan: Plan) -> Message:
    """Return a message that says something else than the others, and nothing that might hold it back."""
    body = body_of(message.DESCRIPTOR)  # type: ignore[arg-type]
    assert body is not None
    made = type(message)()
    made.CopyFrom(message)
    for field, _ in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            made.ClearField(field.name)
    text = varied(_BODY, f"{plan.seed} {number}")
    setattr(made, body.name, text if body.type == FieldDescriptor.TYPE_STRING else text.encode("ascii"))
    return made
