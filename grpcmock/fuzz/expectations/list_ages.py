"""Lists that come by age, as comments say: "newest first", "in the order they were made"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.list_orders import SAYS_NOTHING, TURNS, asked_order, may_have_ahead
from grpcmock.fuzz.expectations.method_comments import SENTENCE, method_comments
from grpcmock.schema.comments import comments_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.schema import Method, Registry

_NEWEST = re.compile(
    r"\b(newest|youngest|latest|most recent(ly (created|added|made))?)\b( [a-z]+)?( comes?| is| are| go(es)?)? first\b"
    r"|\breverse (chronological|order of creation)\b",
    re.IGNORECASE,
)
_OLDEST = re.compile(
    r"\b(oldest|earliest)\b( [a-z]+)?( comes?| is| are| go(es)?)? first\b"
    r"|\bin the order (in which |that )?(they|these|those|[a-z]+s) (were|are) [a-z]+(ed|en|de|id|ut)\b"
    r"|(?<!reverse )\bin (the )?order of (their )?creation\b|\bin chronological order\b",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(r",? (unless|if not|by default)( [a-z]+){0,3} otherwise\b", re.IGNORECASE)
_OF_SOME = re.compile(r"\b(by|then|same|alike|equal\w*|ties?|if|when|each|per|asked|given|request\w*)\b", re.IGNORECASE)
"""A sentence with these may tell of a part of a list, or of things that are alike in something else."""

_OTHER_KEYS = re.compile(r"\b(sorted|ordered|in order|then) by\b(?! (creation|age))", re.IGNORECASE)
_TURN = re.compile(r"(?P<oldest>oldest|earliest)_first|(?:newest|latest|most_recent|recent)_first")
"""Switches that say themselves which way they turn a list."""


class Age(NamedTuple):
    """Which of two things comes first in a list."""

    is_oldest_first: bool
    told: str
    """Who says so: ``its comment``."""


@lru_cache(1024)
def switch_of(method: Method) -> FieldDescriptor | None:
    """Return the field of a request that turns a list, and says by its name which way."""
    found = [one for one in method.input.fields if one.type == one.TYPE_BOOL and _TURN.fullmatch(one.name)]
    return found[0] if len(found) == 1 else None


def age_of(method: Method, item: Descriptor, request: Any, registry: Registry) -> Age | None:
    """Return how old and new things come in the list that a request asks for; None if nothing says."""
    if may_have_ahead(item):
        return None
    asked, switch = asked_order(method), switch_of(method)
    is_turned = any(TURNS.fullmatch(one.name) for one, _ in request.ListFields() if one not in (asked, switch))
    if is_turned:
        return None
    value: Any = getattr(request, asked.name) if asked is not None else None
    if asked is not None and asked.enum_type is not None:
        by_value = _of_value(asked, value, registry)
        if by_value is not None or value:
            return by_value
    if value:
        return None
    if switch is not None and getattr(request, switch.name):
        found = _TURN.fullmatch(switch.name)
        return Age(found is not None and found["oldest"] is not None, switch.name)
    return usual_age(method, registry)


@lru_cache(1024)
def usual_age(method: Method, registry: Registry) -> Age | None:
    """Return how old and new things come in a list that isn't asked for another order."""
    of_fields = field_comments(registry)
    shown = [of_fields.get(one.full_name, "") for one in method.output.fields if one.is_repeated and one.message_type]
    for comment in (method_comments(registry).get(method.full_name, ""), *shown):
        if (age := _of_comment(comment)) is not None:
            return Age(age, "its comment")
    return None


def ages_to_try(method: Method, registry: Registry) -> Iterator[tuple[str, Any]]:
    """Yield the values of fields of a request by which a list comes by age; one without a name where nothing asks."""
    asked, switch = asked_order(method), switch_of(method)
    if usual_age(method, registry) is not None:
        yield "", None
    if asked is not None and asked.enum_type is not None:
        values = [value.number for value in asked.enum_type.values]
        yield from ((asked.name, value) for value in values if _of_value(asked, value, registry) is not None)
    if switch is not None:
        yield switch.name, True


def _of_value(asked: FieldDescriptor, value: Any, registry: Registry) -> Age | None:
    kind = asked.enum_type
    told = kind.values_by_number.get(value) if kind is not None else None
    if kind is None or told is None:
        return None
    comment = comments_of(registry).get(f"{kind.full_name}.{told.name}", "")
    age = _of_comment(comment)
    return Age(age, f"{asked.name} {told.name}") if age is not None else None


def _of_comment(comment: str) -> bool | None:
    """Return whether a comment says that the oldest come first; None if it doesn't say."""
    plain = _OTHERWISE.sub("", " ".join(comment.split()))
    if SAYS_NOTHING.search(plain) or _OTHER_KEYS.search(plain):
        return None
    found = {
        is_oldest
        for sentence in SENTENCE.split(plain)
        for is_oldest, words in ((True, _OLDEST), (False, _NEWEST))
        if words.search(sentence) and not _OF_SOME.search(sentence)
    }
    return found.pop() if len(found) == 1 else None
