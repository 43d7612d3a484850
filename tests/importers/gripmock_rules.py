"""The rules of GripMock 3, written down anew from how it behaves: what it sees of a message, and when it matches."""

from __future__ import annotations

import base64
import fnmatch
import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor


def seen(message: Any) -> dict[str, Any]:
    """Give a message as GripMock sees it: defaults are there, unset messages are null, empty lists and maps aren't."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            if len(value):
                found[field.name] = _many(field, value)
        elif field.message_type is not None:
            found[field.name] = seen(value) if message.HasField(field.name) else None
        else:
            found[field.name] = _one(field, value)
    return found


def _many(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {str(key): value[key] for key in value}
    return [seen(one) if kind is not None else _one(field, one) for one in value]


def _one(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def fits(block: dict[str, Any], actual: dict[str, Any]) -> bool:
    """Whether an input fits a message."""
    unordered = bool(block.get("ignoreArrayOrder"))
    kinds = {
        "equals": lambda one, other: _equal(one, other, unordered=unordered),
        "contains": _contains,
        "matches": _matches,
        "glob": _glob,
    }
    for kind, compare in kinds.items():
        for key, expected in (block.get(kind) or {}).items():
            if key not in actual or not compare(expected, actual[key]):
                return False
    arms = block.get("anyOf")
    return not arms or any(fits(arm, actual) for arm in arms)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _equal(one: Any, other: Any, *, unordered: bool) -> bool:
    if unordered and isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and _each_once(one, other, _same)
    return _same(one, other)


def _contains(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and all(key in other and _contains(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) <= len(other) and _each_once(one, other, _contains)
    return _same(one, other)


def _matches(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and all(key in other and _matches(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and _each_once(one, other, _matches)
    if isinstance(one, str) and isinstance(other, (str, int, float)) and not isinstance(other, bool):
        return re.search(one, f"{other:g}" if isinstance(other, float) else str(other)) is not None
    return _same(one, other)


def _each_once(expected: list[Any], actual: list[Any], compare: Any) -> bool:
    free = list(actual)
    for one in expected:
        found = next((other for other in free if compare(one, other)), None)
        if found is None:
            return False
        free.remove(found)
    return True


def _glob(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and all(key in other and _glob(one[key], other[key]) for key in one)
    if not isinstance(one, str) or not isinstance(other, str) or one.count("/") != other.count("/"):
        return False
    return all(map(fnmatch.fnmatchcase, other.split("/"), one.split("/")))


def specificity(block: dict[str, Any]) -> int:
    """Count the fields that an input names, none of which is at its default in the request."""
    kinds = ("equals", "contains", "matches", "glob")
    return sum(len(block.get(kind) or ()) for kind in kinds) + sum(map(specificity, block.get("anyOf") or ()))
