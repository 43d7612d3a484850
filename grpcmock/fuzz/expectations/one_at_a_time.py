"""Of what a thing has one at a time, as comments of the methods say that make it: "FAILED_PRECONDITION if the driver is
on a trip", "ALREADY_EXISTS if the order has an open reservation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.promises import IS_OVER
from grpcmock.fuzz.expectations.refusal_sentences import refusal_sentences
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Method, Registry

_REFUSED_IF = re.compile(r".*\b(?:ALREADY_EXISTS|FAILED_PRECONDITION)`?,? (?:if|when|where|while) (?P<what>.+)")
_HAS_ONE = re.compile(
    r"(?:(?:the|this|that|its) )?(?P<noun>[a-z]+(?: (?!already|still|currently)[a-z]+)?) "
    r"(?:already |still |currently )?(?:(?:is|are) (?:already |still |currently )?(?:on|in|at)|has(?: already| still)?)"
    r" (?:an?|another|some other)(?: (?P<state>open|active|unfinished|ongoing|current))? (?P<made>[a-z]+)(?: already)?"
)
_UNCLEAR = re.compile(r"\b(?:not|never|unless|except)\b|n't\b")
_SUFFIX = re.compile(r"_(?:id|name|key|code|number|uid|uuid)")


class OneAtATime(NamedTuple):
    """What is refused a second time, for the same thing in a field."""

    field: FieldDescriptor
    state: str
    """In which the first one has to be, by a word; empty if nothing is said of it."""


@lru_cache(1024)
def one_at_a_time(method: Method, registry: Registry) -> tuple[OneAtATime, ...]:
    """Return what a method says that there is one of at a time, which is what it makes."""
    made = snake_case(method.output.name)
    found = []
    for noun, state, of in told_once(method_comments(registry).get(method.full_name, "")):
        names = [one for one in method.input.fields if _SUFFIX.sub("", snake_case(one.name)) == noun.replace(" ", "_")]
        if of == made and len(names) == 1 and not names[0].is_repeated and names[0].message_type is None:
            found.append(OneAtATime(names[0], state))
    return tuple(found)


def told_once(comment: str) -> Iterator[tuple[str, str, str]]:
    """Yield what has one of something at a time: what it is, in which state, and what it has.

    >>> list(told_once("ALREADY_EXISTS if the order has an open reservation."))
    [('order', 'open', 'reservation')]
    >>> list(told_once("FAILED_PRECONDITION if the driver is on a trip that was booked."))
    []
    """
    for sentence in refusal_sentences(comment):
        told = _REFUSED_IF.fullmatch(sentence)
        for clause in re.split(r",? or ", told["what"]) if told is not None else ():
            found = _HAS_ONE.fullmatch(clause.strip())
            if found is not None and not _UNCLEAR.search(sentence) and not IS_OVER.search(clause):
                yield found["noun"], found["state"] or "", found["made"]
