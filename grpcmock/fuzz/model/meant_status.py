"""Errors told in other ways than by gRPC's statuses: beside OK, as far as the names in the protos say so (an enum at
``result.code``, a count of rows that were ``rejected``), and by numbers that gRPC doesn't have.

Nobody has said that these are errors (``--status-field`` does), so no call fails for it alone, but for those by which
a server says that it is the one to blame. What was refused like that was not done, and what is asked next should be
what the words ask for.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.failure_words import OWN, WORDS, as_constant
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.readable import first_answer
from grpcmock.fuzz.model.told_refusals import ToldRefusal, may_tell, refusal_in, tells_done, tells_refusal, text_in
from grpcmock.schema.codec import try_decode
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply

_HOLDERS = frozenset({"result", "status", "error", "outcome", "response_status"})
_CODES = ("code", "error_code", "status_code", "result_code")
_ERRORS = frozenset({"error", "errors", "failure", "failures", "failed_requests", "partial_errors"})

_FINE = ("OK", "SUCCESS", "SUCCEEDED", "NONE", "UNSPECIFIED", "ACCEPTED", "DONE", "PENDING")


_BY_LIBRARY = re.compile(r"^(Unexpected <class '[^']*'>: |Exception calling application: )")
"""What grpcio says before the text of an exception."""


def with_meant_status(reply: Reply) -> Reply:
    """Return a reply with the error that its first response or its own status tells, as one of gRPC's.

    As it is where it tells none.
    """
    if not 0 <= reply.code <= 16:
        code = next((code for words, code in OWN if words.search(reply.message)), Code.FAILED_PRECONDITION)
        return replace(reply, code=code)
    method = reply.call.method
    if not reply.is_ok or method is None or not (_place(method.output) or may_tell(method)):
        return reply
    answer = first_answer(reply)
    if answer is None:
        return reply
    told = _told(answer)
    if told is None and len(reply.responses) == 1:
        told = refusal_in(answer, method)
    return reply if told is None else replace(reply, code=told.code, message=told.message)


def with_meant_refusal(reply: Reply) -> Reply:
    """Return a reply with UNKNOWN as the status that its words mean, if they mean one, without the library's own words.

    What a handler returns or raises that is no status of gRPC's, such as any ``error`` in Go, is told as UNKNOWN.
    """
    if reply.code not in (Code.UNKNOWN, Code.FAILED_PRECONDITION):
        return reply
    code = next((code for words, code in OWN if words.search(reply.message)), reply.code)
    return replace(reply, code=code, message=_BY_LIBRARY.sub("", reply.message))


def tells_error(reply: Reply) -> bool:
    """Whether an answer tells of an error anywhere, as that to many requests at once does where some can't be served.

    What says of the only one that it was done doesn't, whatever else it says.
    """
    method = reply.call.method
    if not reply.is_ok or method is None:
        return False
    decoded = (try_decode(method.response_class, response) for response in reply.responses)
    answers = [answer for answer in decoded if answer is not None]
    if len(reply.call.messages) == 1 and any(tells_done(answer, method) for answer in answers):
        return False
    return any(_holds_error(answer) or tells_refusal(answer, method) for answer in answers)


def _holds_error(message: Message) -> bool:
    return any(field.name in _ERRORS for inner in messages_in(message) for field, _ in inner.ListFields())


def _told(message: Message) -> ToldRefusal | None:
    place = _place(message.DESCRIPTOR)
    if place is None:
        return None
    holder, own = place
    inner = message if holder is None else getattr(message, holder.name)
    if holder is not None and not message.HasField(holder.name):
        return None
    value = own.enum_type.values_by_number.get(getattr(inner, own.name))  # type: ignore[union-attr]
    if value is None or not value.number or as_constant(value.name).endswith(_FINE):
        return None
    code = next((code for word, code in WORDS if word in as_constant(value.name)), Code.FAILED_PRECONDITION)
    return ToldRefusal(code, text_in(inner) or value.name)


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
        if any(word in as_constant(value.name) for value in field.enum_type.values for word, _ in WORDS):
            return field
    return None
