"""The calls of a failure as plain values, and back: messages in base64, and beside them in ProtoJSON for readers."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from grpcmock.client.actions import HALF_CLOSE, Action, Cancel, HalfClose, Headers, Pause, Receive, Send
from grpcmock.client.raw import RawRequest
from grpcmock.fuzz.model.cases import Binding, Call, Caller
from grpcmock.fuzz.model.message_text import message_text

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry
    from grpcmock.status import Metadata


_SHORT = 1024
"""Bytes of a message that is kept as it is; a longer one is packed (zlib)."""

_LARGEST = 1 << 28


def written_call(call: Call) -> dict[str, Any]:
    keys: dict[str, Any] = {
        "path": call.path,
        "actions": [_action(action, call.method) for action in call.actions],
    }
    if call.metadata:
        keys["metadata"] = [[key, _text(value)] for key, value in call.metadata]
    if call.deadline is not None:
        keys["deadline"] = call.deadline
    if call.compression:
        keys["compression"] = call.compression
    if call.unread:
        keys["unread"] = call.unread
    if call.bindings:
        keys["bindings"] = [[binding.call, list(binding.source), list(binding.target)] for binding in call.bindings]
    if call.caller is not Caller.OWN:
        keys["caller"] = call.caller.value
    if call.raw is not None:
        keys["raw"] = {one.name: _raw_value(getattr(call.raw, one.name)) for one in fields(RawRequest)}
    return keys


def read_call(keys: Mapping[str, Any], registry: Registry) -> Call:
    raw = keys.get("raw")
    return Call(
        path=keys["path"],
        method=registry.methods.get(keys["path"]),
        actions=tuple(map(_read_action, keys["actions"])),
        metadata=_read_metadata(keys.get("metadata", ())),
        deadline=keys.get("deadline"),
        compression=keys.get("compression", ""),
        unread=keys.get("unread", 0.0),
        bindings=tuple(
            Binding(call, tuple(source), tuple(target)) for call, source, target in keys.get("bindings", ())
        ),
        caller=Caller(keys.get("caller", "own")),
        raw=None if raw is None else RawRequest(**{name: _read_raw(name, value) for name, value in raw.items()}),
    )


def _action(action: Action, method: Method | None) -> Any:
    match action:
        case Send():
            shown = message_text(action.data, method)
            if len(action.data) > _SHORT:
                return {"packed": base64.b64encode(zlib.compress(action.data, 9)).decode(), "shown": shown}
            return {"send": base64.b64encode(action.data).decode(), "shown": shown}
        case HalfClose():
            return "half_close"
        case Cancel():
            return "cancel"
        case Headers():
            return "headers"
        case Receive():
            return {"receive": action.count}
        case Pause():
            return {"pause": action.seconds}


_PLAIN: Mapping[str, Action] = {"half_close": HALF_CLOSE, "cancel": Cancel(), "headers": Headers()}


def _read_action(written: Any) -> Action:
    if isinstance(written, str):
        return _PLAIN[written]
    if "send" in written:
        return Send(base64.b64decode(written["send"], validate=True))
    if "packed" in written:
        return Send(_unpacked(written["packed"]))
    return Receive(written["receive"]) if "receive" in written else Pause(written["pause"])


def _unpacked(text: str) -> bytes:
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(text, validate=True), _LARGEST)
    if not unpacking.eof:
        raise ValueError(f"a message of more than {_LARGEST} bytes")
    return data


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _read_metadata(pairs: Iterable[tuple[str, str]]) -> Metadata:
    return tuple((key, base64.b64decode(text) if key.endswith("-bin") else text) for key, text in pairs)


def _raw_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_text(item) if isinstance(item, bytes) else list(item) for item in value]
    return value


def _read_raw(name: str, value: Any) -> Any:
    if name == "headers":
        return tuple((key, text) for key, text in value)
    return tuple(map(base64.b64decode, value)) if isinstance(value, list) else value
