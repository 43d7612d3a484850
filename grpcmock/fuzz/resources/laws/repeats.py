"""What is idempotent, or has no side effects, by its options: the same call right after itself changes nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.inner_messages import messages_in
from grpcmock.fuzz.resources.fields import is_map
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.laws.known_states import heard
from grpcmock.fuzz.resources.versioned import VERSIONS
from grpcmock.reports.wording import counted
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_LEVELS = {
    level: f"idempotency_level = {MethodOptions.IdempotencyLevel.Name(level)}"
    for level in (MethodOptions.IDEMPOTENT, MethodOptions.NO_SIDE_EFFECTS)
}
_LOG = re.compile(r"(.*_)?(history|changes|events|revisions|log|entries|versions|audit\w*)")


@dataclass(slots=True)
class Repeats:
    """Hears of the calls of a case, one after the other."""

    _last: tuple[Method, bytes, Message] | None = None
    """The call before, and what it was answered."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts the one before it."""
        method, last = reply.call.method, self._last
        self._last = None
        if method is None or method.kind is not MethodKind.UNARY:
            return
        level = _LEVELS.get(method.descriptor.GetOptions().idempotency_level)
        both = answered(reply) if level is not None else None
        if both is None or not _names_one(both[0]):
            return
        _, answer = both
        self._last = method, reply.call.messages[0], answer
        if last is None or last[0] is not method or last[1] != reply.call.messages[0]:
            return
        if _goes_on(last[2]) or _goes_on(answer):
            return
        for name, before, now in _grown(last[2], answer):
            yield Finding(
                check="idempotency",
                expected=f"{before} as before: {method.name} has {level}",
                actual=now,
                path=name,
                key=f"again {name}",
                method=method,
            )
            return


def _names_one(request: Message) -> bool:
    """Whether a request names one thing, and asks for nothing else: what tells of all is changed by others."""
    given = request.ListFields()
    return len(given) == 1 and isinstance(given[0][1], str | int) and not isinstance(given[0][1], bool)


def _goes_on(answer: Message) -> bool:
    """Whether an answer shows something that changes by itself, as its state says: a job that runs."""
    return any(heard(one, is_whole=True).is_passing for one in messages_in(answer))


def _grown(before: Message, now: Message) -> Iterator[tuple[str, str, str]]:
    """Yield the fields with versions that went up between two answers, and with logs that have become longer; with what
    they had before and have now, in words."""
    for one, other in zip(messages_in(before), messages_in(now), strict=False):
        descriptor: Any = one.DESCRIPTOR
        if other.DESCRIPTOR is not descriptor:
            return
        fields: Any = descriptor.fields
        for field in fields:
            is_list = field.is_repeated and field.message_type is not None and not is_map(field)
            if is_list and _LOG.fullmatch(field.name):
                old, new = len(getattr(one, field.name)), len(getattr(other, field.name))
                told = f"{counted(old, 'item')} in {field.name}", f"{counted(new, 'item')} in {field.name}"
            elif not field.is_repeated and field.cpp_type in WHOLE and VERSIONS.fullmatch(field.name):
                old, new = getattr(one, field.name), getattr(other, field.name)
                told = f"{field.name} {old}", f"{field.name} {new}"
            else:
                continue
            if new > old:
                yield field.name, *told
