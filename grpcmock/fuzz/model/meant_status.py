"""Errors told in other ways than by gRPC's statuses: beside OK, as far as the names in the protos say so (an enum at
``result.code``), and by numbers that gRPC doesn't have.

Nobody has said that these are errors (``--status-field`` does), so no call fails for it alone, but for those by which
a server says that it is the one to blame. What was refused like that was not done, and what is asked next should be
what the words ask for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.readable import first_answer
from grpcmock.schema.codec import try_decode
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply

_HOLDERS = frozenset({"result", "status", "error", "outcome", "response_status"})
_CODES = ("code", "error_code", "status_code", "result_code")
_TEXTS = ("message", "error_message", "text", "description", "reason", "detail")
_FIELDS = ("field", "path", "parameter", "property")

_ERRORS = frozenset({"error", "errors", "failure", "failures", "failed_requests", "partial_errors"})

_WORDS = (
    ("NOT_FOUND", Code.NOT_FOUND),
    ("NOT_EXIST", Code.NOT_FOUND),
    ("MISSING", Code.NOT_FOUND),
    ("EXISTS", Code.ALREADY_EXISTS),
    ("DUPLICATE", Code.ALREADY_EXISTS),
    ("INVALID", Code.INVALID_ARGUMENT),
    ("ILLEGAL", Code.INVALID_ARGUMENT),
    ("BAD_REQUEST", Code.INVALID_ARGUMENT),
    ("INTERNAL", Code.INTERNAL),
    ("UNKNOWN_ERROR", Code.UNKNOWN),
)
"""What the names of enum values begin or end with, and which status means that."""

_FINE = ("OK", "SUCCESS", "SUCCEEDED", "NONE", "UNSPECIFIED", "ACCEPTED", "DONE", "PENDING")


_OWN = (
    (re.compile(r"\binternal (server )?error|\bpanic", re.IGNORECASE), Code.INTERNAL),
    (re.compile(r"not found|no such|no [\w ]+ found|n't exist|not exist", re.IGNORECASE), Code.NOT_FOUND),
    (re.compile(r"already exist|duplicate", re.IGNORECASE), Code.ALREADY_EXISTS),
)
"""What is said with statuses that gRPC doesn't have, and which of its own means that."""


_BY_LIBRARY = re.compile(r"^(Unexpected <class '[^']*'>: |Exception calling application: )")
"""What grpcio says before the text of an exception."""


def with_meant_status(reply: Reply) -> Reply:
    """Return a reply with the error that its first response or its own status tells, as one of gRPC's.

    As it is where it tells none.
    """
    if not 0 <= reply.code <= 16:
        code = next((code for words, code in _OWN if words.search(reply.message)), Code.FAILED_PRECONDITION)
        return replace(reply, code=code)
    method = reply.call.method
    if not reply.is_ok or method is None or _place(method.output) is None:
        return reply
    answer = first_answer(reply)
    told = _told(answer) if answer is not None else None
    return reply if told is None else replace(reply, code=told[0], message=told[1])


def with_meant_refusal(reply: Reply) -> Reply:
    """Return a reply with UNKNOWN as the status that its words mean, if they mean one, without the library's own words.

    What a handler returns or raises that is no status of gRPC's, such as any ``error`` in Go, is told as UNKNOWN.
    """
    if reply.code not in (Code.UNKNOWN, Code.FAILED_PRECONDITION):
        return reply
    code = next((code for words, code in _OWN if words.search(reply.message)), reply.code)
    return replace(reply, code=code, message=_BY_LIBRARY.sub("", reply.message))


def tells_error(reply: Reply) -> bool:
    """Whether an answer holds an error anywhere, as that to many requests at once does where some can't be served."""
    method = reply.call.method
    if not reply.is_ok or method is None:
        return False
    answers = (try_decode(method.response_class, response) for response in reply.responses)
    return any(answer is not None and _holds_error(answer) for answer in answers)


def _holds_error(message: Message) -> bool:
    return any(field.name in _ERRORS for inner in messages_in(message) for field, _ in inner.ListFields())


def _told(message: Message) -> tuple[int, str] | None:
    place = _place(message.DESCRIPTOR)
    assert place is not None
    holder, own = place
    inner = message if holder is None else getattr(message, holder.name)
    if holder is not None and not message.HasField(holder.name):
        return None
    value = own.enum_type.values_by_number.get(getattr(inner, own.name))  # type: ignore[union-attr]
    if value is None or not value.number or _as_constant(value.name).endswith(_FINE):
        return None
    code = next((code for word, code in _WORDS if word in _as_constant(value.name)), Code.FAILED_PRECONDITION)
    words = [_text(inner, names) for names in (_FIELDS, _TEXTS)]
    return code, " ".join(filter(None, words)) or value.name


def _text(message: Message, names: tuple[str, ...]) -> str:
    fields = message.DESCRIPTOR.fields_by_name
    for name in names:
        if name in fields and fields[name].type == fields[name].TYPE_STRING and not fields[name].is_repeated:
            return str(getattr(message, name))
    return ""


@lru_cache(1024)
def _place(descriptor: Descriptor) -> tuple[FieldDescriptor | None, FieldDescriptor] | None:
    """Return the field with the code, and that of the message in which it stands; None if there is none."""
    for holder in descriptor.fields:
        inner = holder.message_type
        if holder.name not in _HOLDERS or inner is None or holder.is_repeated:
            continue
        if (own := _code(inner, _CODES)) is not None:
            return holder, own
    own = _code(descriptor, _CODES[1:])
    return (None, own) if own is not None else None


def _code(descriptor: Descriptor, names: tuple[str, ...]) -> FieldDescriptor | None:
    """Return a field of an enum that has errors among its values."""
    for name in names:
        field = descriptor.fields_by_name.get(name)
        if field is None or field.enum_type is None or field.is_repeated:
            continue
        if any(word in _as_constant(value.name) for value in field.enum_type.values for word, _ in _WORDS):
            return field
    return None


def _as_constant(name: str) -> str:
    """Return the name of an enum's value as the style guide has it: ``UserNotExists`` as USER_NOT_EXISTS."""
    return snake_case(name).upper()
