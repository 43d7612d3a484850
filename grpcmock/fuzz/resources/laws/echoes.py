"""Values kept under keys, where nothing tells of a resource: what one method is given, another shows.

That they belong together is learned from the calls themselves: once a value was shown as it was given, under a key of
its own, the next one must be so, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.wording import said
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import same_type
from grpcmock.fuzz.resources.known_resources import is_tombstone
from grpcmock.fuzz.resources.laws.exchanges import exchange_in

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method

_KEY = re.compile(r"(name|id|key|slug|path|uid|uuid)|.*_(id|key|name)")
DELETING = re.compile(r"(Delete|Remove|Erase|Drop|Unset|Discard|Revoke|Unregister|Evict)(?=[A-Z]|$)")
_DEEPEST = 3

_KEPT = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def keys_in(descriptor: Descriptor) -> list[FieldDescriptor]:
    """Return the fields of a request that may say under which key something is kept."""
    types = (*_KEPT, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32)
    return [one for one in descriptor.fields if not one.is_repeated and one.type in types and _KEY.fullmatch(one.name)]


def values_in(descriptor: Descriptor) -> list[FieldDescriptor]:
    """Return the fields of a request with what may be kept under a key."""
    return [
        one for one in descriptor.fields if not one.is_repeated and one.type in _KEPT and not _KEY.fullmatch(one.name)
    ]


def is_key_of(field: FieldDescriptor, method: Method) -> bool:
    """Whether a request of another method may mean the same by a field of the same name."""
    other = method.input.fields_by_name.get(field.name)
    return other is not None and not other.is_repeated and same_type(field, other)


@dataclass(slots=True)
class _Kept:
    """What was given under a key, and no other call that changes something has named since."""

    by: Method
    key: FieldDescriptor
    request: Message
    item: Message | None = None
    """How it was shown."""

    gone_by: Reply | None = None
    """The call that deleted it."""


@dataclass(slots=True)
class Echoes:
    """Hears of the calls of a case, one after the other."""

    resources: Resources
    """Those have laws of their own."""

    _kept: dict[Any, _Kept] = field(default_factory=dict)
    """By keys."""

    _proven: set[tuple[str, str, str]] = field(default_factory=set)
    """The methods that give and that show a value, and its field: it was shown as it was given."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        reply = with_meant_status(reply)
        exchange = exchange_in(reply)
        if exchange is None or exchange.method.path in self.resources.by_path:
            return
        method, (request, *_), answers = exchange
        if only_reads(method):
            if reply.is_ok and len(answers) == 1:
                yield from self._read(method, request, answers[0], reply)
        else:
            self._written(method, request, reply)

    def _written(self, method: Method, request: Message, reply: Reply) -> None:
        for key in keys_in(method.input):
            value = getattr(request, key.name)
            if not value:
                continue
            before = self._kept.pop(value, None)
            if not reply.is_ok:
                continue
            if DELETING.match(method.name):
                only_key = [one.name for one, _ in request.ListFields()] == [key.name]
                if before is not None and before.item is not None and only_key and before.key.name == key.name:
                    before.gone_by = reply
                    self._kept[value] = before
            elif before is None:
                self._kept[value] = _Kept(method, key, request)

    def _read(self, method: Method, request: Message, answer: Message, reply: Reply) -> Iterator[Finding]:
        for key in keys_in(method.input):
            kept = self._kept.get(getattr(request, key.name))
            if kept is None or not is_key_of(kept.key, method):
                continue
            item = next(_items(answer, kept.key, getattr(request, key.name)), None)
            if item is None or not _tells_more(item, kept.key):
                continue
            if kept.gone_by is None:
                kept.item = item
                yield from self._shown(method, kept, item)
            elif item == kept.item and not is_tombstone(item):
                by = kept.gone_by.call.method
                expected = f"no {shown(getattr(request, key.name))} after {by.name if by else ''} answered OK"
                actual = f"{said(reply)}, and it is shown as before"
                yield Finding(
                    check="use_after_delete", expected=expected, actual=actual, key="shown as before", method=by
                )

    def _shown(self, method: Method, kept: _Kept, item: Message) -> Iterator[Finding]:
        descriptor: Any = item.DESCRIPTOR
        for one in values_in(kept.by.input):
            given, own = getattr(kept.request, one.name), descriptor.fields_by_name.get(one.name)
            if not given or own is None or own.is_repeated or not same_type(own, one):
                continue
            told, now = (kept.by.path, method.path, one.name), getattr(item, one.name)
            if now == given:
                self._proven.add(told)
            elif told in self._proven and _is_plain(given):
                expected = f"{one.name} {shown(given)}, which {kept.by.name} was given"
                yield Finding(
                    check="read_after_write",
                    expected=expected,
                    actual=f"{one.name} {shown(now)}",
                    path=one.name,
                    key=f"kept {one.name}",
                    method=kept.by,
                )


def _is_plain(value: str | bytes) -> bool:
    """Whether there is nothing in a value that a server may tidy up."""
    return value.isascii() and value.isalnum()


def _tells_more(item: Message, key: FieldDescriptor) -> bool:
    """Whether something is shown besides the key, which may come from the request alone."""
    return any(
        field.name != key.name and (not isinstance(value, Message) or value.ListFields())
        for field, value in item.ListFields()
    )


def _items(message: Message, key: FieldDescriptor, value: Any, depth: int = _DEEPEST) -> Iterator[Message]:
    """Yield the messages in an answer that have a key."""
    descriptor: Any = message.DESCRIPTOR
    own = descriptor.fields_by_name.get(key.name)
    if own is not None and not own.is_repeated and same_type(own, key) and getattr(message, key.name) == value:
        yield message
    for one, inner in message.ListFields():
        if one.message_type is None or not depth or one.message_type.GetOptions().map_entry:
            continue
        for item in inner if one.is_repeated else (inner,):
            yield from _items(item, key, value, depth - 1)
