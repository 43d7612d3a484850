"""Whether ProtoJSON says all of a message: written and read again, it must be the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.unknown_fields import UnknownFieldSet

from grpcmock.drafting.recorded_stub import NotExpressibleError
from grpcmock.errors import Problems
from grpcmock.schema.codec import build, to_tree
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Registry


def lost_in(tree: Any, message: Message, registry: Registry) -> str:
    """Return what the tree of a message doesn't say of it; empty if it says all.

    Raises :class:`NotExpressibleError` where the tree is not to be used.
    """
    problems = Problems()
    again = build(Node.of(tree), type(message), registry, problems)
    if problems.errors:
        problem = problems.errors[0]
        where = f"{message.DESCRIPTOR.name}.{problem.path}" if problem.path else message.DESCRIPTOR.name
        raise NotExpressibleError(f"{where} can't be written as ProtoJSON: {problem.message}")
    if again.SerializePartialToString(deterministic=True) == message.SerializePartialToString(deterministic=True):
        return ""
    if _holds_unknown(message):
        return f"a {message.DESCRIPTOR.name} holds fields that its proto doesn't know"
    if canonical(to_tree(again)) != canonical(tree):
        text = f"a {message.DESCRIPTOR.name} can't be written as ProtoJSON so that it stays the same"
        raise NotExpressibleError(text)
    return ""


def canonical(tree: Any) -> str:
    """Return a tree as a text that is the same for equal trees: the order of a map's entries means nothing."""
    return json.dumps(tree, ensure_ascii=False, sort_keys=True)


def _holds_unknown(message: Any) -> bool:
    """Whether a message, or one inside of it, has fields that its type doesn't declare."""
    if len(UnknownFieldSet(message)):
        return True
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if not descriptor.is_repeated:
            inner = [value]
        elif descriptor.message_type.GetOptions().map_entry:
            holds = descriptor.message_type.fields_by_name["value"].message_type is not None
            inner = list(value.values()) if holds else []
        else:
            inner = list(value)
        if any(map(_holds_unknown, inner)):
            return True
    return False
