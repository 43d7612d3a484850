"""From the keys of the stub format, as keywords in Python, to a stub: the spelling that the fluent one is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems, StubError
from grpcmock.mock import protojson
from grpcmock.mock.answer_builders import Reply
from grpcmock.mock.functions import Handler, Predicate
from grpcmock.mock.pusher import Pusher
from grpcmock.stubs.parser import MATCHING, WITH_ANSWER, parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from grpcmock.errors import Location
    from grpcmock.stubs.model import Stub

_PATTERNS = ("request", "requests", "metadata", "deadline")
_METADATA = ("metadata", "headers", "trailers")
_DELAYS = ("delay", "interval")
_OF_ANSWER = frozenset((*WITH_ANSWER, "error"))
_OF_STUB = frozenset(("name", "priority", *MATCHING))


def stub_of(
    keys: Mapping[str, Any],
    location: Location,
    *,
    where: Callable[[Any], object] | None = None,
    handler: Callable[..., Any] | None = None,
) -> Stub:
    """Make a stub of the keys of the format; *location* is where all of them were written.

    Values may be what Python has for them: messages, bytes, times, durations, seconds as numbers. *where* is a
    condition on the first request message, *handler* a function that answers.

    Raises :class:`StubError` with all that is wrong.
    """
    problems = Problems()
    stub = parse_stub(Node.of({key: _value(key, value) for key, value in keys.items()}, location), problems)
    problems.raise_errors()
    if stub is None:
        raise StubError(tuple(problems))
    if where is not None:
        stub = replace(stub, where=Predicate(where))
    if handler is not None:
        stub = replace(stub, answers=tuple(replace(answer, handler=_handler(handler)) for answer in stub.answers))
    return stub


def _handler(given: Any) -> Any:
    """Take a function for a handler; what is one already, as it is."""
    return given if isinstance(given, Pusher) else Handler.declared(given)


def changed(stub: Stub, keys: Mapping[str, Any], location: Location) -> Stub:
    """Give a stub with other values for some of its keys; those of an answer are for all of its answers."""
    method = {"method": stub.method}
    part = stub_of({**method, **{key: value for key, value in keys.items() if value is not None}}, location)
    own = {key: getattr(part, key) for key in keys if key in _OF_STUB}
    of_answer = {key: getattr(part.answers[0], key) for key in keys if key in _OF_ANSWER}
    if of_answer:
        own["answers"] = tuple(replace(answer, **of_answer) for answer in stub.answers)
    return replace(stub, **own)


def _value(key: str, value: Any) -> Any:
    if key in _DELAYS:
        return _delay(value)
    if key in _METADATA and isinstance(value, Mapping):
        return protojson.metadata(value)
    if key in _PATTERNS:
        return protojson.tree(value)
    if key == "error" and isinstance(value, Mapping):
        return _error(value)
    if key == "answers" and isinstance(value, (list, tuple)):
        return [_answer(item) for item in value]
    return protojson.tree(value, messages=True)


def _answer(value: Any) -> Any:
    if isinstance(value, Reply):
        value = value.keys
    return {key: _value(key, item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _delay(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: item if key == "sigma" else protojson.delay(item) for key, item in value.items()}
    return protojson.delay(value)


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    plain = {
        key: _value(key, value) if key in _METADATA else protojson.tree(value)
        for key, value in error.items()
        if key not in ("code", "details")
    }
    if "code" in error:
        plain["code"] = protojson.code(error["code"])
    if "details" in error:
        details = error["details"]
        plain["details"] = list(map(protojson.detail, details)) if isinstance(details, (list, tuple)) else details
    return plain
