"""After which methods something can be made again, as comments say: "The plate of a retired vehicle is free again"."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.method_comments import SENTENCE, method_comments
from grpcmock.fuzz.expectations.naming import participle
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry

_AGAIN = re.compile(
    r"\b(?:free|available|possible|allowed) again\b|\bcome back\b|\b(?:may|can) be (?:\w+ )?again\b"
    r"|\b(?:may|can) (?:get|have|make|take|start|open|join) (?:another(?: one)?\b|a new one\b|again\b)",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(
    r"\b(?:not|never|no|unless|except|only|if|until|days?|hours?|later|first|eventually|might|cannot)\b|n't\b",
    re.IGNORECASE,
)
_SHORTEST = 4
"""Verbs with fewer letters begin many words."""


@lru_cache(1024)
def freed_by(method: Method, registry: Registry) -> tuple[Method, ...]:
    """Return the methods of a service after which the same can be made again, as the comment of its maker says."""
    words = " ".join(told_again(method_comments(registry).get(method.full_name, "")))
    others = [one for one in registry.methods.values() if one.service == method.service and one is not method]
    return tuple(one for one in others if words and not only_reads(one) and _speaks_of(words, one))


def told_again(comment: str) -> list[str]:
    """Return the sentences of a comment that say, without a condition, that something is possible again.

    >>> told_again("The plate of a retired vehicle is free again. Others aren't.")
    ['The plate of a retired vehicle is free again.']
    """
    sentences = [" ".join(one.split()) for one in SENTENCE.split(" ".join(comment.split()))]
    return [one for one in sentences if _AGAIN.search(one) and not _UNCLEAR.search(one)]


def _speaks_of(words: str, method: Method) -> bool:
    """Whether words name what a method does: ``closed``, or ``after a withdrawal``."""
    verb = snake_case(method.name).partition("_")[0]
    told = re.findall("[a-z]+", words.lower())
    return participle(verb) in told or (len(verb) >= _SHORTEST and any(one.startswith(verb) for one in told))
