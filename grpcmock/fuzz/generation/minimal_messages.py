"""The least that a message of a type has to hold to be valid, and natural messages to fall back on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.message_classes import bytes_of, message_of
from grpcmock.fuzz.generation.message_shrinking import drop
from grpcmock.synthesis import generate

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.rule_validator import RuleValidator
    from grpcmock.schema import Registry

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"(^|_)(id|uid|uuid|ref|reference|parent)$")

NATURALS = 4
"""So many natural messages are kept for each type."""


class MinimalMessages:
    """The least valid messages of types, each found once."""

    def __init__(self, registry: Registry, validator: RuleValidator, *, as_request: bool, now: datetime) -> None:
        self._registry = registry
        self._validator = validator
        self._as_request = as_request
        self._now = now
        self._least: dict[type[Message], tuple[bytes, bool]] = {}
        self._naturals: dict[type[Message], tuple[bytes, ...]] = {}

    def least(self, message_class: type[Message]) -> bytes:
        """Give the least valid message; of a type that has none, the empty one."""
        return self._found(message_class)[0]

    def satisfiable(self, message_class: type[Message]) -> bool:
        """Whether a valid message was found at all."""
        return self._found(message_class)[1]

    def naturals(self, message_class: type[Message]) -> tuple[bytes, ...]:
        """Give a few messages with natural values, valid if possible."""
        found = self._naturals.get(message_class)
        if found is None:
            found = self._naturals[message_class] = tuple(self._make_naturals(message_class))
        return found

    def _found(self, message_class: type[Message]) -> tuple[bytes, bool]:
        found = self._least.get(message_class)
        if found is None:
            self._least[message_class] = b"", True  # for types that hold themselves
            found = self._least[message_class] = self._search(message_class)
        return found

    def _search(self, message_class: type[Message]) -> tuple[bytes, bool]:
        descriptor: Any = message_class.DESCRIPTOR
        empty = message_class()
        if not self._validator.has_rules(descriptor) or not self._validator.violations(empty):
            return b"", True
        if self._validator.is_endless(descriptor):
            return b"", False
        for data in self.naturals(message_class):
            message = message_of(message_class, data)
            if not self._validator.violations(message):
                plain = self._without_names(message)
                return bytes_of(drop(plain, lambda candidate: not self._validator.violations(candidate))), True
        return b"", False

    def _without_names(self, message: Message) -> Message:
        """Return a valid message without what names other things, as far as it can be without: where a rule asks for
        the one or the other, nothing has to be there then."""
        for field, value in message.ListFields():
            if isinstance(value, str) and (_UUID.fullmatch(value) or _NAME.search(field.name)):
                less = message_of(type(message), bytes_of(message))
                less.ClearField(field.name)
                if not self._validator.violations(less):
                    message = less
        return message

    def _make_naturals(self, message_class: type[Message]) -> Iterator[bytes]:
        descriptor: Any = message_class.DESCRIPTOR
        for seed in range(0 if self._validator.is_endless(descriptor) else NATURALS):
            message = self._natural(message_class, seed)
            yield bytes_of(message)
            if seed == 1 and self._validator.violations(message):
                return  # it is hard to make one, and takes long

    def _natural(self, message_class: type[Message], seed: int) -> Message:
        return generate(message_class, self._registry, seed, as_request=self._as_request, now=lambda: self._now)
