"""What replaces the one with the same title, as the comment of a method says, doesn't stand beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import is_map, same_type
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.schema.method import MethodKind
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_REPLACES = re.compile(
    r"\b(?:replac(?:es|ing)|overwrit(?:es|ing)|updates|updating) (?:the|an?|any) "
    r"(?:(?:one|item|entry|existing|earlier|previous|old) ?(?:[a-z]+ )?)?(?:with|of|for|under|that has) the same "
    r"`?(?P<name>[A-Za-z_]+)`?(?! and\b)(?P<rest>[^.;]*)"
)
_SOMETIMES = re.compile(r"\b(?:unless|except|if|when|only|and|or|per|within)\b")


@lru_cache(1024)
def replaced_by(words: str) -> str:
    """Return by which field a thing replaces another one, as a comment says; empty if it says nothing of the kind.

    >>> replaced_by("Adds a grade, or replaces the one with the same title.")
    'title'
    >>> replaced_by("Replaces the one with the same title and day.")
    ''
    """
    found = _REPLACES.search(" ".join(words.split()).replace("Replaces", "replaces"))
    return snake_case(found["name"]) if found is not None and not _SOMETIMES.search(found["rest"]) else ""


@dataclass(slots=True)
class Replaced:
    """Hears of the calls of a case."""

    registry: Registry

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what is there twice in its answer."""
        method = reply.call.method
        if method is None or method.kind is not MethodKind.UNARY:
            return
        name = replaced_by(method_comments(self.registry).get(method.full_name, ""))
        own, both = method.input.fields_by_name.get(name), answered(reply) if name else None
        if own is None or own.is_repeated or both is None or not getattr(both[0], name):
            return
        value, answer = getattr(both[0], name), both[1]
        things = [answer, *(inner for one, inner in answer.ListFields() if one.message_type and not one.is_repeated)]
        for thing in things:
            for one, items in _lists(thing):
                field = one.message_type.fields_by_name.get(name)
                if field is None or field.is_repeated or not same_type(field, own):
                    continue
                count = sum(getattr(item, name) == value for item in items)
                if count > 1:
                    yield Finding(
                        check="duplicate_create",
                        expected=f"one of the {one.name} with the {name} {shown(value)}: {method.name} replaces the one"
                        " before, as its comment says",
                        actual=f"{count} of them",
                        path=str(one.name),
                        key=f"replaced {one.name}",
                        method=method,
                    )
                    return


def _lists(thing: Message) -> Iterator[tuple[Any, Any]]:
    for one, items in thing.ListFields():
        if one.is_repeated and one.message_type is not None and not is_map(one):
            yield one, items
