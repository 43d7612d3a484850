"""What a method says that it has done shows where things tell so: what CloseAccount has closed is ``closed``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.naming import capitalized, participle
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_VERB_AND_NOUN = re.compile(r"([A-Z][a-z]+)([A-Z]\w*)")
_DEEPEST = 2
_NOT_REALLY = frozenset({"validate_only", "dry_run", "preview", "at", "when", "schedule_time", "effective_time"})
"""With these, a call does nothing now."""


@dataclass(slots=True)
class Flags:
    """Hears of the calls of a case, one after the other."""

    _done: tuple[Method, Any] | None = None
    """The last call that changed something, and the only thing that it named."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts the one before it."""
        method = reply.call.method
        if method is None or reply.call.raw is not None or method.kind is not MethodKind.UNARY:
            self._done = None
            return
        try:
            request = method.request_class.FromString(reply.call.messages[0])
            answer = method.response_class.FromString(reply.responses[0]) if reply.responses else None
        except (DecodeError, RuntimeError, IndexError):
            self._done = None
            return
        is_ok = with_meant_status(reply).is_ok
        names = [value for one, value in request.ListFields() if isinstance(value, str | bytes | int)]
        if only_reads(method):
            if is_ok and answer is not None and self._done is not None and names == [self._done[1]]:
                yield from _unsaid(self._done[0], answer)
            return
        self._done = None
        if is_ok and names and len(names) == len(request.ListFields()) and not is_put_off(request):
            self._done = (method, names[0]) if len(names) == 1 else None
            if answer is not None:
                yield from _unsaid(method, answer)


def is_put_off(request: Message) -> bool:
    """Whether a request asks for nothing to be done now."""
    return any(one.name in _NOT_REALLY for one, _ in request.ListFields())


def _unsaid(method: Method, answer: Message) -> Iterator[Finding]:
    """Yield that a thing in an answer doesn't say what was done to it."""
    told = _VERB_AND_NOUN.fullmatch(capitalized(method.name))
    if told is None:
        return
    done, noun = participle(told[1].lower()), snake_case(told[2])
    for owner in _inside(answer):
        descriptor: Any = owner.DESCRIPTOR
        flag = descriptor.fields_by_name.get(done) or descriptor.fields_by_name.get(done.replace("celled", "celed"))
        kind = snake_case(descriptor.name)
        if flag is None or flag.is_repeated or flag.type != FieldDescriptor.TYPE_BOOL or not kind.startswith(noun):
            continue
        if not getattr(owner, flag.name):
            yield Finding(
                check="read_after_write",
                expected=f"{flag.name} to be true after {method.name}",
                actual="false",
                path=flag.name,
                key=f"not {flag.name}",
                method=method,
                may_lag=True,
            )


def _inside(message: Message, depth: int = _DEEPEST) -> Iterator[Message]:
    yield message
    for one, value in message.ListFields():
        if depth and one.message_type is not None and not one.is_repeated:
            yield from _inside(value, depth - 1)
