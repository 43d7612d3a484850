"""Which values of things aren't given again, as comments say: the number of a task that is deleted, ids.

A comment that limits this, to a time or a place, or that tells clients what to do, promises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.resources.fields import all_fields, is_key
from grpcmock.schema.comments import comments_of
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.schema import Method, Registry

_NOT_AGAIN = re.compile(
    r"(?<!must )(?<!should )(?<!may )(?<!shall )\b(?:never|not|isn't|aren't|cannot|can't|won't)\s+"
    r"(?:(?:ever|be|get|been|going to be)\s+)*"
    r"(?:re-?used|recycled|re-?assigned|re-?issued|(?:used|given|assigned|issued|handed out|taken)(?: out)? again)\b",
    re.IGNORECASE,
)
_WITH_LIMITS = re.compile(
    r"\b(?:until|unless|within|except|days?|hours?|minutes?|immediately|right away|while|during|before|as long as|soon"
    r"|may|might|should|must|usually|typically|generally|restarts?|clients?|callers?|across|by default|if)\b",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.;!?])\s+")


@lru_cache(1024)
def given_once(thing: Descriptor, method: Method, registry: Registry) -> tuple[FieldDescriptor, ...]:
    """Return the fields of a thing that a method makes whose values aren't given again, and that its requests don't
    give: who chooses a value may choose the same."""
    chosen = {str(one.name) for one in all_fields(method.input)}
    return tuple(
        one
        for one in thing.fields
        if is_key(one) and one.name not in chosen and any(_promises(one, thing, method, registry))
    )


def _promises(one: FieldDescriptor, thing: Descriptor, method: Method, registry: Registry) -> Iterator[bool]:
    comments = comments_of(registry)
    for sentence in _sentences(comments.get(one.full_name, "")):
        yield _is_promise(sentence)
    last = one.name.rpartition("_")[2]
    noun = snake_case(thing.name).replace("_", " ")
    plain = re.compile(rf"\W*(?:all |the )?{last}s?\b(?! (?:of|for|in)\b)", re.IGNORECASE)
    of_these = re.compile(
        rf"\W*(?:all |the )?(?:{noun} {last}s?|{last}s? of (?:an? |the )?(?:deleted )?{noun}s?)\b", re.IGNORECASE
    )
    for owner in (thing.full_name, method.service):
        for sentence in _sentences(comments.get(owner, "")):
            yield _is_promise(sentence) and any(form.match(sentence) for form in (plain, of_these))


def _sentences(comment: str) -> list[str]:
    return _SENTENCES.split(" ".join(comment.split()))


def _is_promise(sentence: str) -> bool:
    return _NOT_AGAIN.search(sentence) is not None and _WITH_LIMITS.search(sentence) is None
