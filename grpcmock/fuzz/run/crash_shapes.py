"""Which requests are like those that brought the server down: with no more parts than one of them had.

A handler that looks into a part that isn't there falls with every request without it. Requests that have one part more
may get past that, so that one such fault doesn't hide all that is behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.model.readable import first_request
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method

Shape = frozenset[str]
"""The paths of the messages that are set in a request, and an empty one if anything is set."""

_ANYTHING = ""
_DEEPEST = 2
_MOST = 5
"""After so many requests of different shapes, it isn't what they lack."""

_LOOKED_AT = frozenset({Code.OK, Code.NOT_FOUND, Code.ALREADY_EXISTS})
"""Who says so has looked at all that there was to look at."""


class CrashShapes:
    """Knows the shapes of requests that the server fell with, and of those that it answered."""

    def __init__(self) -> None:
        self._fallen: dict[Method, set[Shape]] = {}
        self._answered: dict[Method, set[Shape]] = {}

    def hear(self, reply: Reply) -> None:
        """Take an answer: what has as many parts isn't avoided."""
        method = reply.call.method
        if method is not None and reply.termination is Termination.SERVER and reply.code in _LOOKED_AT:
            shape = _shape_of(reply.call)
            if shape is not None:
                self._answered.setdefault(method, set()).add(shape)

    def explain(self, reply: Reply) -> Shape | None:
        """Take a call with which the server went down. Give the shape of its request if it may be what is missing there
        that brought it down, so that others are worth trying; None if it isn't, or if nobody can tell."""
        method, shape = reply.call.method, _shape_of(reply.call)
        if method is None or shape is None or self._is_answered(method, shape):
            return None
        fallen = self._fallen.setdefault(method, set())
        if shape in fallen or len(fallen) >= _MOST or not _has_more(method.input, shape):
            return None
        fallen.add(shape)
        return shape

    def avoids(self, case: Case) -> bool:
        """Whether a case makes a call with a request like one with which the server went down."""
        return bool(self._fallen) and any(map(self._is_like_fallen, case.calls))

    def _is_like_fallen(self, call: Call) -> bool:
        fallen = self._fallen.get(call.method) if call.method is not None else None
        if not fallen or call.method is None or call.bindings:
            return False  # what is put into a request later may be the very part
        shape = _shape_of(call)
        return (
            shape is not None and any(shape <= other for other in fallen) and not self._is_answered(call.method, shape)
        )

    def _is_answered(self, method: Method, shape: Shape) -> bool:
        return any(other <= shape for other in self._answered.get(method, ()))


def _shape_of(call: Call) -> Shape | None:
    """Return the shape of the only request of a call; None where there is none, or more, or it is no message."""
    message = first_request(call) if call.raw is None and len(call.messages) == 1 else None
    if message is None:
        return None
    return frozenset((_ANYTHING, *_parts(message, ""))) if call.messages[0] else frozenset()


def _parts(message: Message, path: str, depth: int = 1) -> Iterator[str]:
    for field, value in message.ListFields():
        if _is_part(field):
            place = f"{path}.{field.name}" if path else field.name
            yield place
            if depth < _DEEPEST:
                yield from _parts(value, place, depth + 1)


def _has_more(descriptor: Descriptor, shape: Shape) -> bool:
    """Whether a request can have parts that one of this shape hasn't."""
    if not shape:
        return bool(descriptor.fields)
    return any(place not in shape for place in _possible(descriptor, shape, "", 1))


def _possible(descriptor: Descriptor, shape: Shape, path: str, depth: int) -> Iterator[str]:
    for field in descriptor.fields:
        if not _is_part(field):
            continue
        prefix = f"{path}." if path else ""
        oneof = field.containing_oneof
        if oneof is not None and any(f"{prefix}{arm.name}" in shape for arm in oneof.fields if arm is not field):
            continue  # it would take the place of another one
        yield prefix + field.name
        if depth < _DEEPEST and field.message_type is not None:
            yield from _possible(field.message_type, shape, prefix + field.name, depth + 1)


def _is_part(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not field.is_repeated
