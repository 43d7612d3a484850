"""What was sent to be kept comes back as it was, however large: uploads and downloads.

That one method gives what another one was sent is learned from the calls: once all of it came back under the key that
was told, the next, larger one must, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.contents import contents_of
from grpcmock.fuzz.resources.fields import type_name

if TYPE_CHECKING:
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method


@dataclass(slots=True)
class Contents:
    """Hears of the calls of a case, one after the other."""

    _kept: dict[Any, tuple[Method, bytes]] = field(default_factory=dict)
    """By the keys that were told of it."""

    _proven: set[tuple[str, str]] = field(default_factory=set)
    """The methods that were sent something, and that gave it back whole."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or reply.call.raw is not None or not reply.call.messages:
            return
        try:
            requests = [method.request_class.FromString(data) for data in reply.call.messages]
            answers = [method.response_class.FromString(data) for data in reply.responses]
        except (DecodeError, RuntimeError):
            return
        is_ok = with_meant_status(reply).is_ok
        if not only_reads(method):
            for key in [key for request in requests for key in _keys(request)]:
                self._kept.pop(key, None)
            is_whole = not any(map(_has_mask, requests))
            if is_ok and is_whole and len(answers) == 1 and (sent := _joined(requests)):
                self._kept |= dict.fromkeys(_keys(answers[0]), (method, sent))
        elif is_ok and len(requests) == 1 and len(requests[0].ListFields()) == 1:
            key = next(iter(_keys(requests[0])), None)
            if key in self._kept:
                yield from self._came_back(method, *self._kept[key], _joined(answers))

    def _came_back(self, method: Method, by: Method, sent: bytes, got: bytes) -> Iterator[Finding]:
        if got == sent:
            self._proven.add((by.path, method.path))
        elif (by.path, method.path) in self._proven:
            same = next((at for at, (one, other) in enumerate(zip(sent, got, strict=False)) if one != other), None)
            where = f"other ones from byte {same} on" if same is not None else "the first of them or more"
            yield Finding(
                check="read_after_write",
                expected=f"the {len(sent)} bytes that {by.name} was sent",
                actual=f"{len(got)} bytes, {where}",
                key="contents",
                method=method,
                may_lag=True,
            )


def _keys(message: Message) -> list[Any]:
    """Return the texts in a message by which something can be named."""
    return [value for _, value in message.ListFields() if isinstance(value, str)]


def _has_mask(request: Message) -> bool:
    """Whether a request says which part of what it sends is meant."""
    return any(type_name(one) == "google.protobuf.FieldMask" for one, _ in request.ListFields())


def _joined(messages: list[Any]) -> bytes:
    return b"".join(content for message in messages for content in contents_of(message))
