"""Programs on what is sent to be kept: a little, then more than fits into one part, each asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.phases.stateful.method_programs import MethodProgram
from grpcmock.fuzz.resources.contents import contents_of, owners

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_SIZES = (5, 40_000, 65_536, 65_537)
"""Parts are often as large as a power of two: less than one, several, and a byte more."""


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method that is sent bytes which another one gives."""
    own = plan.acceptance.first.get(method.path)
    if own is None or only_reads(method) or not any(map(contents_of, _messages(own))):
        return
    for reader in plan.acceptance.first.values():
        is_of_own = {need.made_by.method for need in reader.needs} == {method} and len(reader.needs) == 1
        if is_of_own and only_reads(reader.method) and _holds_bytes(reader.method):
            program = MethodProgram(method, plan, f"contents-{reader.method.name}")
            for number, size in enumerate(_SIZES):
                program.add(_of_size(own, size, plan), anew=number)
                program.add(replace(reader, full=b"", values={}), latest=True)
            yield program.case(f"what {method.name} is sent is what {reader.method.name} gives")


def _messages(request: AcceptedRequest) -> list[Message]:
    return [request.method.request_class.FromString(data) for data in (request.data, *request.later)]


def _holds_bytes(method: Method) -> bool:
    return any(field.type == FieldDescriptor.TYPE_BYTES for field in method.output.fields)


def _of_size(request: AcceptedRequest, size: int, plan: Plan) -> AcceptedRequest:
    """Return the request with so many bytes where it has some, and with what it says of them made true."""
    messages = _messages(request)
    for message in messages:
        for owner in owners(message):
            for field, _ in owner.ListFields():
                if field.type == FieldDescriptor.TYPE_BYTES and not field.is_repeated:
                    place: Any = owner
                    setattr(place, field.name, bytes(number * number // 7 % 251 for number in range(size)))
    agreed = plan.acceptance.agreed(*messages)
    first, *later = (message.SerializePartialToString(deterministic=True) for message in agreed)
    return replace(request, data=first, later=tuple(later), full=b"", values={})
