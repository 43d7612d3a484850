"""What is made shows what it was made of: the note that AddNote adds to a task is one of this task, with this text.

For things that have a key of their own, the model of what is kept says so. Others, numbered below what they belong to,
are looked at in the answer that makes them alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import verb_and_noun
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.given_values import losses
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.laws.flags import is_put_off
from grpcmock.fuzz.resources.resource import Resource
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources

_PROSE = re.compile(r"(.*_)?(title|subtitle|text|description|comment|notes?|body|summary|message|subject|content)")
"""Texts for people. Phone numbers, addresses and codes are written as servers like, and authors by their names."""

_ALIASES = re.compile(r"me|self|current|default|latest|head|root|-|_|~|\*|'.*'", re.IGNORECASE)
"""What stands for another key."""

_REFERENCES = ("_id", "_number", "_key", "_code", "_name", "_uid", "_uuid")


@dataclass(slots=True)
class GivenBack:
    """Hears of the calls of a case, one after the other."""

    resources: Resources

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what its answer shows otherwise than it was given."""
        method = reply.call.method
        told = verb_and_noun(method.name) if method is not None else None
        if method is None or told is None or told[0] not in MAKING or method.kind is not MethodKind.UNARY:
            return
        both = answered(reply) if method.path not in self.resources.by_path else None
        if both is None:
            return
        request, answer = both
        made = _made(answer, told[1])
        if made is None or is_put_off(request):
            return
        descriptor: Any = made.DESCRIPTOR
        thing = Resource(name=told[1], descriptor=descriptor, key="")
        if not _repeats_any(request, made):
            return
        for lost in losses(thing, request, made):
            own = descriptor.fields_by_name.get(lost.path)
            is_text = own is not None and own.type == own.TYPE_STRING and _PROSE.fullmatch(own.name) is not None
            given = getattr(request, lost.path, "") if own is not None else ""
            is_alias = isinstance(given, str) and _ALIASES.fullmatch(given) is not None
            if own is not None and not is_alias and (is_text or str(own.name).endswith(_REFERENCES)):
                yield Finding(
                    check="read_after_write",
                    expected=f"{lost.expected}: {method.name} was given it",
                    actual=lost.actual,
                    path=lost.path,
                    key=f"given back {lost.path}",
                    method=method,
                )
                return


def _made(answer: Message, noun: str) -> Message | None:
    """Return the message in an answer that is what was made, by the name of its type."""
    descriptor: Any = answer.DESCRIPTOR
    if descriptor.name == noun:
        return answer
    inner = [value for one, value in answer.ListFields() if one.message_type is not None and not one.is_repeated]
    return next((value for value in inner if value.DESCRIPTOR.name == noun), None)


def _repeats_any(request: Message, made: Message) -> bool:
    """Whether something in an answer is as it was given: a mock, which answers the same to all, repeats nothing."""
    given = {(one.name, one.type): value for one, value in request.ListFields() if one.message_type is None}
    return any(given.get((one.name, one.type)) == value for one, value in made.ListFields() if one.message_type is None)
