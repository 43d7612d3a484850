"""What a refusal says: how far the request got, which fields it names, and what is there that shouldn't be."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, reachable, resolve, values_at
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.learning.request_changes import depth_of
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

STATE = 2
"""The stage of a request that is refused for how things are now."""

FALLS = frozenset({Code.UNKNOWN, Code.INTERNAL})
"""What a server says that fell over a request: its words are hardly about what it asks for."""

_TELLING = 4
"""Characters of a value that a refusal repeats hardly by accident, …"""

_TELLING_NUMBER = 10
"""… and the least such number."""

_UNWANTED = re.compile(
    r"\b(?:must|has to|have to|should|needs? to) "
    r"(?:be (?:empty|unset|absent|left (?:out|empty))|not be (?:set|given|there))"
    r"|\b(?:not allowed|no use|can't be (?:set|given)|cannot be (?:set|given)|only (?:allowed|valid|for|with))\b",
    re.IGNORECASE,
)
"""What is there, and should rather not be."""


def stage(reply: Reply) -> int:
    """Tell how far a request got: past what it says, past what it names, or to what can't be done now."""
    if reply.code in (Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE):
        return 0
    return 1 if reply.code in (Code.NOT_FOUND, Code.ALREADY_EXISTS) else 2


def says_unwanted(reply: Reply) -> bool:
    """Whether a refusal says of something that it should rather not be there."""
    return _UNWANTED.search(reply.message) is not None


def objected(
    reply: Reply, method: Method, registry: Registry, base: Message
) -> tuple[dict[Fields, str], tuple[Fields, ...]]:
    """Give the fields that a refusal names, the innermost first, and its words of each."""
    words: dict[Fields, str] = {}
    rich = decode_details(reply.trailers, registry) if reply.trailers else None
    for detail in rich.details if rich is not None else ():
        for path, description in violations_in(detail.message):
            if fields := resolve(method.input, path):
                words[fields] = f"{words.get(fields, '')} {description}"
    if words:
        return words, tuple(words)
    named = named_in(reply.message, method.input) or _quoted(reply.message, method, base)
    there = [way for way in named if len(way) <= depth_of(base, way)] or list(named)
    return {}, tuple(sorted(there, key=lambda way: (-len(way), way[-1].message_type is not None)))


def _quoted(text: str, method: Method, base: Message) -> tuple[Fields, ...]:
    """Return the fields whose values a refusal repeats: texts, or else numbers of several digits."""
    texts, numbers = list[Fields](), list[Fields]()
    for way in reachable(method.input):
        is_text = way[-1].type == way[-1].TYPE_STRING
        if len(way) > depth_of(base, way) or not (is_text or way[-1].cpp_type in WHOLE):
            continue
        held = chain.from_iterable(one if way[-1].is_repeated else [one] for one in values_at(base, way))
        if is_text and any(len(value) >= _TELLING and value in text for value in held):
            texts.append(way)
        elif not is_text and any(value >= _TELLING_NUMBER and _holds_number(text, value) for value in held):
            numbers.append(way)
    return tuple(texts or numbers)


def _holds_number(text: str, number: int) -> bool:
    return re.search(rf"(?<![\w.-]){number}(?![\w]|\.\d)", text) is not None
