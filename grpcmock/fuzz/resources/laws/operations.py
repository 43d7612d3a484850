"""What takes its time: an operation has its result once it is done, stays so, and is never done by more than a whole.

An operation is ``google.longrunning.Operation`` (AIP-151), or a message that is built like it: with a name, ``done``,
and a oneof of an error and what else may come of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_map

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, OneofDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

_KEYS = ("name", "id", "uid")
_ERROR = re.compile(r"(.*_)?(error|failure|fault)")
_PARTIAL = re.compile(r"(.*_)?(partial|preliminary|interim|intermediate|so_far)(_.*)?")
_PERCENT = re.compile(
    r"(progress|completion|complete|done)_?(percent|percentage|pct)|percent(age)?_?(complete|completed|done)"
)
_DEEPEST = 3


@dataclass(slots=True)
class Operations:
    """Hears of the calls of a case, one after the other."""

    _done: dict[tuple[str, Any], bytes] = field(default_factory=dict)
    """What came of the operations that were done, by their types and names."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or reply.call.raw is not None:
            return
        for data in reply.responses:
            for message in _inside(method.response_class.FromString(data)):
                yield from self._seen(method, message)

    def _seen(self, method: Method, message: Message) -> Iterator[Finding]:
        descriptor: Any = message.DESCRIPTOR
        outcome, operation = outcome_of(descriptor), f"the operation {_key(message)!r}"
        if outcome is None or not _key(message):
            return
        for one, value in message.ListFields():
            if _PERCENT.fullmatch(one.name) and one.message_type is None and not 0 <= value <= 100:
                expected = f"{operation} to be done by 0 to 100 percent"
                yield _finding(method, expected, f"{one.name} {value}", one.name, "percent")
        key, arm = (descriptor.full_name, _key(message)), message.WhichOneof(outcome.name)
        is_done: bool = getattr(message, "done")  # noqa: B009 (it is no attribute of all messages)
        if not is_done and arm is not None:
            expected = f"no {arm} in {operation} before it is done (AIP-151)"
            yield _finding(
                method, expected, f"done is false, and {arm} is {shown(getattr(message, arm))}", arm, "early"
            )
        before = self._done.get(key)
        if before is None:
            if is_done:
                self._done[key] = _outcome(message, arm)
        elif not is_done:
            yield _finding(method, f"{operation} to be done, as it was before", "done is false", "done", "undone")
        elif _outcome(message, arm) != before:
            expected = f"{operation} to have come to the same each time that it is shown, once it is done"
            yield _finding(method, expected, "something else", arm or outcome.name, "another outcome")


def outcome_of(descriptor: Descriptor) -> OneofDescriptor | None:
    """Return the oneof with what came of an operation; None if messages of this type are none."""
    done = descriptor.fields_by_name.get("done")
    if (
        done is None
        or done.type != FieldDescriptor.TYPE_BOOL
        or not any(name in descriptor.fields_by_name for name in _KEYS)
    ):
        return None
    for oneof in descriptor.oneofs:
        names = [one.name for one in oneof.fields]
        if len(names) > 1 and any(map(_ERROR.fullmatch, names)) and not any(map(_PARTIAL.fullmatch, names)):
            return oneof
    return None


def _key(message: Message) -> Any:
    descriptor: Any = message.DESCRIPTOR
    return next((getattr(message, name) for name in _KEYS if name in descriptor.fields_by_name), "")


def _outcome(message: Message, arm: str | None) -> bytes:
    """Return what came of an operation; of an error which arm it is, for it may be worded in another way."""
    if arm is None or _ERROR.fullmatch(arm):
        return (arm or "").encode()
    value = getattr(message, arm)
    data = bytes_of(value) if isinstance(value, Message) else str(value).encode()
    return arm.encode() + b"=" + data


def _inside(message: Message, depth: int = _DEEPEST) -> Iterator[Message]:
    yield message
    for one, value in message.ListFields():
        if depth and one.message_type is not None and not is_map(one):
            for inner in value if one.is_repeated else (value,):
                yield from _inside(inner, depth - 1)


def _finding(method: Method, expected: str, actual: str, path: str, key: str) -> Finding:
    return Finding(
        check="read_after_write", expected=expected, actual=actual, path=path, key=f"operation {key}", method=method
    )
