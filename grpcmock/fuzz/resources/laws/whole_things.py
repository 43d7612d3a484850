"""Things as answers show them whole: with all of their fields, and the key that tells them from others."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.fields import is_key, named
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.laws.flags import is_put_off
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_KEYS = ("id", "name", "uid", "uuid", "key")
_PART = re.compile(
    r"(.*_)?(mask|masks|view|fields?|select|projection|include|expand|snapshot|revision|version|as_of|at)"
)
"""Requests with these may show a part of a thing, or how it was earlier."""

_PARENT = re.compile(
    r"parent|scope|namespace|location|region|project|tenant|owner|.*_(?:id|name|key|code|number|uid|uuid)"
)
_NO_PARENT = re.compile(
    r"(?:external|request|idempotency|correlation|trace)_\w+|client_\w+_\w+|(?:display|user|given|full|file)_name"
)
"""What a thing is called elsewhere or by people, or a request; nothing that it stands below."""


class Told(NamedTuple):
    """A call that was answered OK, or not."""

    method: Method
    request: Any
    answer: Any
    """None where it was refused."""


def told_by(reply: Reply) -> Told | None:
    """Return what a call with one request and at most one answer has told; None if that isn't clear."""
    exchange = exchange_in(reply) if len(reply.call.messages) == 1 else None
    if exchange is None or exchange.method.kind is not MethodKind.UNARY:
        return None
    method, (request,), answers = exchange
    if is_put_off(request):
        return None
    is_ok = with_meant_status(reply).is_ok and len(answers) == 1
    return Told(method, request, answers[0] if is_ok else None)


def wholes(told: Told) -> Iterator[Message]:
    """Yield the messages of an answer that show a thing whole, as long as the request doesn't ask for a part."""
    if told.answer is None or any(_PART.fullmatch(one.name) for one, _ in told.request.ListFields()):
        return
    yield told.answer
    for one, value in told.answer.ListFields():
        if one.message_type is not None and not one.is_repeated:
            yield value


def key_of(message: Message) -> Any:
    """Return what tells a thing from others of its type; None if nothing does."""
    name = key_name(message.DESCRIPTOR)
    return getattr(message, name) or None if name else None


@lru_cache(1024)
def key_name(descriptor: Descriptor) -> str:
    """Return the field with the key of things of a type; empty if there is none."""
    noun = snake_case(descriptor.name)
    name = named(descriptor, f"{noun}_id", *_KEYS[:1], f"{noun.rpartition('_')[2]}_id", *_KEYS[1:])
    return name if name and is_key(descriptor.fields_by_name[name]) else ""


def may_be_parent(field: FieldDescriptor) -> bool:
    """Whether a field of a request may say below what a thing stands, by its name."""
    name = snake_case(field.name)
    return is_key(field) and _PARENT.fullmatch(name) is not None and _NO_PARENT.fullmatch(name) is None


def parents_in(request: Message, own: Container[str]) -> tuple[tuple[str, Any], ...]:
    """Return below what a thing may stand, as a request says, with the names of its fields; *own* are those by which
    the thing itself may be called."""
    above = (
        (snake_case(one.name), value)
        for inner in messages_in(request)
        for one, value in inner.ListFields()
        if snake_case(one.name) not in own and may_be_parent(one)
    )
    return tuple(sorted(above, key=str))


def makes_things(method: Method) -> bool:
    """Whether a method makes a thing with each call, by the verb in its name."""
    told = verb_and_noun(method.name)
    return not only_reads(method) and told is not None and told[0] is Role.CREATE


def may_take_away(method: Method) -> bool:
    """Whether a method may take things away, or bring them back, by the verb in its name, or nothing is told by it."""
    told = verb_and_noun(method.name)
    return told is None or told[0] in (Role.DELETE, Role.EXPUNGE, Role.UNDELETE, Role.MOVE, Role.IMPORT)
