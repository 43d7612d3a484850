"""Answers as words, for ``sequence``: ``reply(name="Alice")``, ``failure("UNAVAILABLE")``, ``replies(a, b)``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from grpcmock.errors import Location, StubError
from grpcmock.errors import Problem as _Problem
from grpcmock.mock import protojson


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of several: the keys of an answer in the stub format."""

    keys: Mapping[str, Any]
    messages: tuple[Any, ...] = ()
    """The messages in it as they were given, for their types to be checked."""


def reply(message: Message | Mapping[str, Any] | None = None, /, **fields: Any) -> Reply:
    """Answer with one message, given whole, or by its fields."""
    return Reply({"response": merged(message, fields)}, (message,))


def replies(*messages: Message | Mapping[str, Any], interval: Any = None) -> Reply:
    """Answer with a stream of messages, *interval* apart: seconds, a ``timedelta``, or as in stub files."""
    keys: dict[str, Any] = {"responses": [protojson.tree(message, messages=True) for message in messages]}
    if interval is not None:
        keys["interval"] = protojson.tree(protojson.delay(interval))
    return Reply(keys, messages)


def failure(
    code: Any,
    message: str = "",
    *,
    details: Iterable[Message | Mapping[str, Any]] = (),
    trailers: Mapping[str, Any] | None = None,
) -> Reply:
    """Answer with a status: the name or number of its code, or a ``grpc.StatusCode``."""
    error: dict[str, Any] = {"code": protojson.code(code)}
    if message:
        error["message"] = message
    if listed := [protojson.detail(detail) for detail in details]:
        error["details"] = listed
    if trailers:
        error["trailers"] = protojson.metadata(trailers)
    return Reply({"error": error})


def answer(given: Any) -> Reply:
    """Take one element of a sequence: a :class:`Reply`, a message or its fields, a list of these for a stream."""
    if isinstance(given, Reply):
        return given
    if isinstance(given, (list, tuple)):
        return replies(*given)
    return reply(given)


def merged(message: Message | Mapping[str, Any] | None, fields: Mapping[str, Any]) -> Any:
    """Give one tree of a message and of fields by keyword, which come over those of the message."""
    if message is None:
        return protojson.tree(fields, messages=True)
    if not fields:
        return protojson.tree(message, messages=True)
    return {**protojson.tree(message), **protojson.tree(fields, messages=True)}


def check_type(messages: Iterable[Any], expected: str, path: str, location: Location) -> None:
    """Raise :class:`StubError` if one of *messages* is a message of another type than *expected*."""
    for message in messages:
        if isinstance(message, Message) and message.DESCRIPTOR.full_name != expected:
            text = f"expected a message {expected}, not {message.DESCRIPTOR.full_name}."
            raise StubError([_Problem(text, location, path, rule="type-mismatch")])
