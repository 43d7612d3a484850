"""Bindings filled in: values from earlier replies put into a request before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.client.actions import Action, Send
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.schema.codec import DecodeError, decode

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Path
    from grpcmock.fuzz.model.results import Reply


def bound(call: Call, replies: Sequence[Reply], calls: Sequence[Call]) -> Call:
    """Fill in the bindings of a call. One whose value isn't there, for the earlier call failed, leaves its place."""
    index = next((i for i, action in enumerate(call.actions) if isinstance(action, Send)), None)
    if index is None or call.method is None or not call.bindings:
        return call
    message = call.method.request_class.FromString(call.messages[0])
    for binding in call.bindings:
        earlier = calls[binding.call].method
        reply = replies[binding.call] if binding.call < len(replies) else None
        if earlier is None or reply is None or not reply.responses:
            continue
        if reply.is_ok and not with_meant_status(reply).is_ok:
            continue  # it failed, and says so in its response
        try:
            answer = decode(earlier.response_class, reply.responses[0])
            put(message, binding.target, value_at(answer, binding.source))
        except (DecodeError, LookupError, AttributeError, TypeError, ValueError):
            continue
    actions: list[Action] = list(call.actions)
    actions[index] = Send(message.SerializePartialToString(deterministic=True))
    return replace(call, actions=tuple(actions), bindings=())


def value_at(message: Message, path: Path) -> Any:
    """Give the value at a path. Raises ``LookupError`` or ``AttributeError`` if there is nothing."""
    value: Any = message
    for step in path:
        value = getattr(value, step) if isinstance(value, Message) and isinstance(step, str) else value[step]
    return value


def put(message: Message, path: Path, value: Any) -> None:
    """Set the value at a path; an empty path replaces the whole message."""
    if not path:
        message.CopyFrom(value)
        return
    *way, last = path
    place: Any = message
    for step in way:
        if isinstance(place, Message) and isinstance(step, str):
            place = getattr(place, step)
        elif isinstance(step, int) and step == len(place) and hasattr(place, "add"):
            place = place.add()
        else:
            place = place[step]
    if not isinstance(place, Message):
        _put_item(place, last, value)
        return
    field = getattr(place, str(last))
    if isinstance(field, Message):
        field.CopyFrom(value)
    elif hasattr(field, "extend"):
        del field[:]
        is_many = not isinstance(value, str | bytes | Message) and hasattr(value, "__len__")  # lists of messages, too
        field.extend(value if is_many else [value])
    elif isinstance(value, Mapping):
        field.clear()
        field.update(value)
    else:
        setattr(place, str(last), value)


def _put_item(place: Any, key: str | int, value: Any) -> None:
    if isinstance(key, int) and hasattr(place, "append") and key == len(place):
        place.append(value)
    elif isinstance(place[key], Message):
        place[key].CopyFrom(value)
    else:
        place[key] = value
