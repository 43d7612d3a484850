"""What a method says that it has done shows where things tell so: what CloseAccount has closed is ``closed``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.expectations.naming import capitalized, participle
from grpcmock.fuzz.expectations.side_effects import JUST_CHECKS, only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.exchanges import exchange_in
from grpcmock.fuzz.resources.laws.lists import items_in, list_field, only_lists
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_VERB_AND_NOUN = re.compile(r"([A-Z][a-z]+)([A-Z]\w*)")
_DEEPEST = 2
_NOT_REALLY = JUST_CHECKS | {"at", "when", "schedule_time", "effective_time"}
"""With these, a call does nothing now."""


@dataclass(slots=True)
class Flags:
    """Hears of the calls of a case, one after the other."""

    _done: tuple[Method, Any] | None = None
    """The last call that changed something, and the only thing that it named."""

    _field: str = ""
    """By which field it named it."""

    _lists: dict[tuple[str, bytes], dict[Any, Message]] = field(default_factory=dict)
    """What lists have shown by the keys of things, by methods and requests: since the last change but the one that was
    done."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts the one before it."""
        exchange = exchange_in(reply)
        if exchange is None or exchange.method.kind is not MethodKind.UNARY:
            self._done = None
            return
        method, (request, *_), answers = exchange
        answer = next(iter(answers), None)
        is_ok = with_meant_status(reply).is_ok
        names = [value for one, value in request.ListFields() if isinstance(value, str | bytes | int)]
        if only_reads(method):
            if is_ok and answer is not None and self._done is not None and names == [self._done[1]]:
                yield from _unsaid(self._done[0], answer)
            elif is_ok and answer is not None and only_lists(method) and list_field(method) is not None:
                yield from self._listed(method, reply.call.messages[0], answer)
            return
        if self._done is not None:
            self._lists.clear()
        self._done = None
        if is_ok and names and len(names) == len(request.ListFields()) and not is_put_off(request):
            self._done = (method, names[0]) if len(names) == 1 else None
            self._field = request.ListFields()[0][0].name
            if answer is not None:
                yield from _unsaid(method, answer)
        if self._done is None:
            self._lists.clear()

    def _listed(self, method: Method, request: bytes, answer: Message) -> Iterator[Finding]:
        """Hear of a list: what was done to one thing shows there, and not of another one."""
        items: dict[Any, Message] = {}
        twice: set[Any] = set()
        for item in items_in(answer):
            descriptor: Any = item.DESCRIPTOR
            for name in dict.fromkeys((self._field, "id", "name")):
                if (own := descriptor.fields_by_name.get(name)) is not None and not own.is_repeated:
                    key = getattr(item, own.name)
                    twice.update({key} if key in items else ())
                    items[key] = item
                    break
        before = self._lists.get((method.path, request))
        if self._done is None:
            self._lists[method.path, request] = items
            return
        by, key = self._done
        mine = items.get(key)
        if twice or mine is None or before is None or key not in before:
            return
        yield from _unsaid(by, mine, is_inside=False)
        flag = flag_of(by, mine)
        for other, item in items.items() if flag else ():
            was = before.get(other)
            if other == key or was is None or was.DESCRIPTOR is not item.DESCRIPTOR or _speaks_of(item, key):
                continue
            if not getattr(was, flag) and getattr(item, flag):
                yield Finding(
                    check="read_after_write",
                    expected=f"{flag} to be false of {shown(item)}, as before: {by.name} was to change {shown(key)}",
                    actual="true",
                    path=flag,
                    key=f"{flag} of another",
                    method=by,
                    may_lag=True,
                )
                return


def is_put_off(request: Message) -> bool:
    """Whether a request asks for nothing to be done now."""
    return any(one.name in _NOT_REALLY for one, _ in request.ListFields())


def _unsaid(method: Method, answer: Message, *, is_inside: bool = True) -> Iterator[Finding]:
    """Yield that a thing in an answer doesn't say what was done to it."""
    for owner in _inside(answer) if is_inside else (answer,):
        flag = flag_of(method, owner)
        if flag and not getattr(owner, flag):
            yield Finding(
                check="read_after_write",
                expected=f"{flag} to be true after {method.name}",
                actual="false",
                path=flag,
                key=f"not {flag}",
                method=method,
                may_lag=True,
            )


def flag_of(method: Method, owner: Message | Descriptor) -> str:
    """Return the switch of a thing that says that a method was called for it; empty if it has none."""
    told = _VERB_AND_NOUN.fullmatch(capitalized(method.name))
    if told is None:
        return ""
    done, noun = participle(told[1].lower()), snake_case(told[2])
    descriptor: Any = owner.DESCRIPTOR if isinstance(owner, Message) else owner
    flag = descriptor.fields_by_name.get(done) or descriptor.fields_by_name.get(done.replace("celled", "celed"))
    if flag is None or flag.is_repeated or flag.type != FieldDescriptor.TYPE_BOOL:
        return ""
    return str(flag.name) if snake_case(descriptor.name).startswith(noun) else ""


def _speaks_of(item: Message, key: Any) -> bool:
    """Whether a thing may go along with another one: it has its key."""
    return any(
        key == value or (one.is_repeated and one.message_type is None and key in value)
        for one, value in item.ListFields()
    )


def _inside(message: Message, depth: int = _DEEPEST) -> Iterator[Message]:
    yield message
    for one, value in message.ListFields():
        if depth and one.message_type is not None and not one.is_repeated:
            yield from _inside(value, depth - 1)
