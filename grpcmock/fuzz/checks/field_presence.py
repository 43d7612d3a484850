"""Which fields of messages are there: by paths, without their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.model.readable import all_decoded

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Method


def paths(responses: Iterable[bytes], method: Method) -> set[str] | None:
    """Give the paths of all fields that any of these responses has; None if one is no message of the method's.

    A number, boolean or enum without presence counts as there only if it isn't 0. What stands in a list is taken
    together: ``users[].name``. Messages of ``google.protobuf`` are values, and are not looked into.
    """
    answers = all_decoded(method.response_class, responses)
    return {path for answer in answers for path in _paths(answer, "")} if answers is not None else None


def tells(path: str, method: Method) -> bool:
    """Whether the absence of a field says something: not of numbers without presence, which are then 0."""
    descriptor: Any = method.output
    field: Any = None
    for name in path.split("."):
        field = descriptor.fields_by_name.get(name.removesuffix("[]"))
        if field is None:
            return True
        descriptor = field.message_type
    return bool(field.is_repeated or field.has_presence or field.cpp_type == FieldDescriptor.CPPTYPE_STRING)


def _paths(message: Message, before: str) -> Iterator[str]:
    for field, value in message.ListFields():
        path = f"{before}{field.name}"
        yield path
        inner = field.message_type
        if inner is None or inner.full_name.startswith("google.protobuf.") or inner.GetOptions().map_entry:
            continue
        if field.is_repeated:
            for one in value:
                yield from _paths(one, f"{path}[].")
        else:
            yield from _paths(value, f"{path}.")
