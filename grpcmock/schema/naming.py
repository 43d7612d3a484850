"""What the names of types, methods and fields are made of."""

from __future__ import annotations

from functools import lru_cache


def words_of(name: str) -> frozenset[str]:
    """Return the words in the name of a type or field.

    >>> sorted(words_of("GetUserResponse"))
    ['get', 'response', 'user']
    """
    return frozenset(snake_case(name).split("_"))


@lru_cache(16_384)
def snake_case(name: str) -> str:
    """Return a name in lower case with underscores: ``pageSize``, ``page_size`` and ``PageSize`` alike."""
    pieces = []
    for position, char in enumerate(name):
        after_lower = position and char.isupper() and not name[position - 1].isupper()
        ends_acronym = (
            position and char.isupper() and name[position - 1].isupper() and name[position + 1 : position + 2].islower()
        )
        if (after_lower or ends_acronym) and name[position - 1] != "_":
            pieces.append("_")
        pieces.append(char.lower())
    return "".join(pieces)
