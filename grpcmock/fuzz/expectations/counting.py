"""Which whole numbers count things: by their names, by the messages that they stand in, and by their comments.

A count is no sum, score or difference, which may well be below zero, and nothing that a client has given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.number_types import SIGNED
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.schema.annotations import AnnotationReader

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.schema import Registry

_COUNT = re.compile(
    r"[a-z][a-z_]*_count|count|num_[a-z_]+s|(number|count)_of_[a-z_]+s"
    r"|total_(count|size|items|results|elements|entries|records|rows|hits|pages)"
)
_COUNTS = re.compile(r"(?:[A-Z]\w*)?(?:Counts|Tally|Tallies)")
"""Messages in which each whole number counts something."""

_NUMBER = re.compile(r"number|(.*_)?(sequence|seq|sequence_number|ordinal|version|revision|generation)")
"""What these are, is told by comments alone: there are servers that have numbers below zero for special versions."""

_HOW_MANY = re.compile(r"\W*(?:the )?(?:(?:total )?number of|how many)\b", re.IGNORECASE)
_NEXT_TO = r"(?:1|one)\b(?!\.?\d)(?=\s*(?:[,;:)]|\.?\s*$|\.\s|upwards?|and up|on(?:wards?)?\b))"
_FROM_ONE = re.compile(
    rf"\bfrom {_NEXT_TO}|\b(?:the )?first(?: one)? (?:is|has|gets|is given) (?:number )?(?:1|one)\b"
    rf"|\b(?:starts?|starting|begins?|beginning) (?:at|with|from) {_NEXT_TO}|\b(?:1|one)-based\b"
    r"|\A\W*(?:1|one) (?:at first|at the beginning|when it)\b",
    re.IGNORECASE,
)
_SPOKEN_OF = re.compile(
    r"\b(?:negative|below|minus|unknown|unlimited|infinite|(?:less|lower|smaller) than (?:0|zero|one|1)|signed)\b"
    r"|(?<![\w.])[-\u2212]\s?\d",
    re.IGNORECASE,
)
"""A comment that has this may tell of numbers below zero."""

_NO_COUNT = re.compile(
    r"\b(?:delta|diff\w*|change|net|balance|scores?|votes?|karma|points?|offset|adjust\w*|stock|inventory|available"
    r"|remaining|left|free|quota|growth|credits?|debts?|gain|loss|surplus|excess|over|trend|cents|amount|money|units?"
    r"|(?:milli|micro|nano)?(?:second|minute|hour|day|night|week|month|quarter|year)s?|millis|micros|nanos|degrees?"
    r"|levels?|floors?|steps?|met(?:er|re)s?|pixels?|ref|refs|reference|skew|drift|lag|margin|variation)\b",
    re.IGNORECASE,
)
"""Sums, differences and measures, which may be below zero, and what may be given out more than there is."""

_NEAR = 4
"""So many words after ``how many`` tell of what."""


class Counting(Enum):
    """What a whole number counts."""

    THINGS = "things"
    """How many there are."""

    FROM_ONE = "from one"
    """Which one it is, as its comment says: the first is 1."""

    NUMBERS = "numbers"
    """Which one it is, or how often something was changed, by its name alone."""


@lru_cache(4096)
def counts_in(descriptor: Descriptor, registry: Registry) -> Mapping[str, Counting]:
    """Return the fields of a message that count, by their names, with what they count."""
    found = {}
    for one in descriptor.fields:
        counting = _counting(one, registry)
        if counting is not None:
            found[str(one.name)] = counting
    return found


@lru_cache(1024)
def may_tell_counts(descriptor: Descriptor, registry: Registry) -> bool:
    """Whether there may be counts in a message, or in what is in it."""
    return any(counts_in(one, registry) for one in _within(descriptor))


def _counting(one: FieldDescriptor, registry: Registry) -> Counting | None:
    comment = " ".join(field_comments(registry).get(one.full_name, "").split())
    if one.is_repeated or one.cpp_type not in SIGNED or _NO_COUNT.search(one.name.replace("_", " ")):
        return None
    name = one.full_name.split(".")[-2]
    owner = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    if _SPOKEN_OF.search(comment) or _NO_COUNT.search(owner) or is_given(one, registry):
        return None
    if counts_from_one(one, registry):
        return Counting.FROM_ONE
    how_many = _HOW_MANY.match(comment)
    if how_many and _NO_COUNT.search(" ".join(comment[how_many.end() :].split()[:_NEAR])):
        return None
    if how_many or _COUNT.fullmatch(one.name) or _COUNTS.fullmatch(name):
        return Counting.THINGS
    return Counting.NUMBERS if _NUMBER.fullmatch(one.name) else None


def counts_from_one(one: FieldDescriptor, registry: Registry) -> bool:
    """Whether a comment says of a field that it counts from 1."""
    return _FROM_ONE.search(" ".join(field_comments(registry).get(one.full_name, "").split())) is not None


def says_how_many(comment: str) -> bool:
    """Whether a comment says that a number is how many there are of something."""
    return _HOW_MANY.match(comment) is not None


def is_given(one: FieldDescriptor, registry: Registry) -> bool:
    """Whether clients may give what a field shows: requests that make or change things have one of the same name."""
    return one.name in _given_names(registry) and not _is_servers_own(one, AnnotationReader(registry))


@lru_cache(16)
def _given_names(registry: Registry) -> frozenset[str]:
    options = AnnotationReader(registry)
    return frozenset(
        str(field.name)
        for method in registry.methods.values()
        if not only_reads(method)
        for message in _within(method.input)
        for field in message.fields
        if not _is_servers_own(field, options)
    )


def _is_servers_own(one: FieldDescriptor, options: AnnotationReader) -> bool:
    return "OUTPUT_ONLY" in options.field(one).behaviors


def _within(descriptor: Descriptor) -> Iterator[Descriptor]:
    """Yield a type, and all the types inside it."""
    seen, pending = set(), [descriptor]
    while pending:
        current = pending.pop()
        if current.full_name not in seen:
            seen.add(current.full_name)
            yield current
            pending += [one.message_type for one in current.fields if one.message_type is not None]
