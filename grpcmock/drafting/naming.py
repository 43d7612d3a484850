"""A name for a draft, told from its method and its request: ``get-user-42``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from grpcmock.drafting.redaction.rules import sounds_secret
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.drafting.recorded_stub import RecordedStub

_LONGEST = 24
"""Characters of a value that a name shows."""


def draft_name(recorded: RecordedStub, taken: Collection[str]) -> str:
    """Return a name that is none of those *taken*."""
    patterns = [recorded.matching.get("request"), *(recorded.matching.get("requests") or ())]
    value = next((slug for pattern in patterns for slug in _slugs(pattern)), "")
    name = "-".join(filter(None, (snake_case(recorded.method.name).replace("_", "-"), value)))
    return next(found for number in count(1) if (found := name if number == 1 else f"{name}-{number}") not in taken)


def _slugs(pattern: Any) -> Iterator[str]:
    """Yield the texts and numbers of a pattern, each as a part of a name."""
    if isinstance(pattern, dict):
        for key, value in pattern.items():
            if not sounds_secret(key) and key != "$exists":
                yield from _slugs(value)
    elif isinstance(pattern, list):
        for item in pattern:
            yield from _slugs(item)
    elif isinstance(pattern, (str, int, float)) and not isinstance(pattern, bool):
        slug = re.sub(r"[^a-z0-9]+", "-", str(pattern).lower())[:_LONGEST].strip("-")
        if slug:
            yield slug
