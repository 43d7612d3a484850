"""Lint of what stubs send: responses that break the rules of their protos, words where base64 is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.engine.validation import violation_text
from grpcmock.errors import Problem
from grpcmock.responses.plan import SendStep
from grpcmock.schema import codec
from grpcmock.schema.values import Mismatch, is_map, octets
from grpcmock.synthesis import violations

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.schema import Registry
    from grpcmock.tree import Node

_WORD = re.compile(r"[a-z]{4,}|[A-Z][a-z]{3,}")
"""What hardly any bytes look like in base64, and many a word does."""


def lint_answers(entry: CompiledStub, registry: Registry) -> Iterator[Problem]:
    """Yield a warning for each response that can't be meant as it stands."""
    for answer, plan in zip(entry.stub.answers, entry.plans, strict=True):
        responses = answer.responses or ()
        replies = [step.reply for step in plan.steps if isinstance(step, SendStep)]
        for number, node in enumerate(responses):
            path = "response" if len(responses) == 1 else f"responses[{number}]"
            for word, place in _words(node, entry.method.output, path):
                text = f"{word.value!r} is read as base64, which gives {octets(word.value)!r}."
                yield _problem(entry, "plain-word", text, word, place, f"For the text itself, {{$text: {word.value}}}.")
            if number < len(replies) and (data := replies[number].constant):
                found = violations(entry.method.response_class.FromString(data), registry)
                for violation in found:
                    text = f"the response breaks a rule of its proto: {violation_text(violation)}."
                    yield _problem(entry, "broken-rule", text, node, path)


def _problem(entry: CompiledStub, rule: str, text: str, node: Node, path: str, hint: str = "") -> Problem:
    where = node.location if node.file else entry.stub.location
    return Problem(text, where, path, entry.stub.name, hint, rule, "warning")


def _words(node: Node, descriptor: Descriptor, path: str) -> Iterator[tuple[Node, str]]:
    """Yield each value of a ``bytes`` field that is a plain word, and its path."""
    if not node.is_mapping:
        return
    for key, child in node.value.items():
        field = codec.find_field(descriptor, key) if isinstance(key, str) else None
        if field is None:
            continue
        here = f"{path}.{field.name}"
        if is_map(field):
            assert field.message_type is not None
            field = field.message_type.fields_by_name["value"]
            inner = list(child.value.values()) if child.is_mapping else []
        else:
            inner = child.value if child.is_list else [child]
        for one in inner:
            if field.message_type is not None:
                yield from _words(one, field.message_type, here)
            elif _is_word(field, one.value):
                yield one, here


def _is_word(field: FieldDescriptor, value: Any) -> bool:
    if field.type != FieldDescriptor.TYPE_BYTES or not isinstance(value, str) or not _WORD.fullmatch(value):
        return False
    try:
        octets(value)
    except Mismatch:
        return False
    return True
