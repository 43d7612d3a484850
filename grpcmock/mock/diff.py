"""The difference of two protobuf messages, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from grpcmock.matching.findings import cut
from grpcmock.schema.codec import to_text, to_tree

_MOST = 40
"""Fields that a diff shows."""

_ABSENT = object()

_Difference = tuple[str, str, str]


def diff_messages(left: Message, right: Message) -> list[str]:
    """Tell in lines what differs; an empty list if the messages are equal. Values are shown as ProtoJSON."""
    if left == right:
        return []
    left_type, right_type = left.DESCRIPTOR.full_name, right.DESCRIPTOR.full_name
    if left_type != right_type:
        return [
            f"These are messages of different types: {left_type} and {right_type}.",
            f"  left:  {to_text(left, 300)}",
            f"  right: {to_text(right, 300)}",
        ]
    found = list(_differences(to_tree(left), to_tree(right), ""))
    if not found:
        if left.DESCRIPTOR is not right.DESCRIPTOR:
            return [
                f"All fields of {left_type} are the same, but the classes come from two descriptor pools,",
                "and such messages are never equal. Compare with a message of the class that the other one has.",
            ]
        return [
            f"All known fields of {left_type} are the same when shown as ProtoJSON:",
            "the messages hold a NaN, which is never equal to itself, or fields that their type does not have.",
        ]
    return [f"{_fields(len(found))} of {left_type} differ{'s' if len(found) == 1 else ''}:", *_rows(found)]


def diff_lists(left: Sequence[Any], right: Sequence[Any]) -> list[str]:
    """Tell in lines what differs in two lists of messages."""
    lines = []
    if len(left) != len(right):
        lines.append(f"The left has {len(left)}, the right {len(right)}.")
    for at in range(max(len(left), len(right))):
        if at >= len(right):
            lines.append(f"[{at}] only on the left:  {_one(left[at])}")
        elif at >= len(left):
            lines.append(f"[{at}] only on the right: {_one(right[at])}")
        elif isinstance(left[at], Message) and isinstance(right[at], Message):
            if different := diff_messages(left[at], right[at]):
                lines += [f"[{at}] {different[0]}", *different[1:]]
        elif left[at] != right[at]:
            lines.append(f"[{at}] {_one(left[at])} != {_one(right[at])}")
    return [*lines[:_MOST], f"… and {len(lines) - _MOST} more lines"] if len(lines) > _MOST else lines


def _one(value: Any) -> str:
    return to_text(value, 300) if isinstance(value, Message) else cut(repr(value))


def _differences(left: Any, right: Any, path: str) -> Iterator[_Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in [*left, *(name for name in right if name not in left)]:
            below = f"{path}.{name}" if path and not name.startswith("[") else f"{path}{name}"
            yield from _differences(left.get(name, _ABSENT), right.get(name, _ABSENT), below)
    elif isinstance(left, list) and isinstance(right, list):
        for at in range(max(len(left), len(right))):
            yield from _differences(
                left[at] if at < len(left) else _ABSENT, right[at] if at < len(right) else _ABSENT, f"{path}[{at}]"
            )
    elif left != right or type(left) is not type(right):
        yield path or "value", _shown(left), _shown(right)


def _rows(found: Sequence[_Difference]) -> list[str]:
    shown = found[:_MOST]
    path_width = min(max(len(path) for path, _, _ in shown), 40)
    left_width = min(max(len(left) for _, left, _ in shown), 40)
    rows = [f"  {path:<{path_width}}  {left:<{left_width}}  !=  {right}" for path, left, right in shown]
    return [*rows, f"  … and {_fields(len(found) - _MOST)} more"] if len(found) > _MOST else rows


def _shown(value: Any) -> str:
    return "absent" if value is _ABSENT else cut(json.dumps(value, ensure_ascii=False))


def _fields(number: int) -> str:
    return f"{number} field" if number == 1 else f"{number} fields"
