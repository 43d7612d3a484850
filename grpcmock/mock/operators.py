"""The operators of patterns as words: each has the name that stub files give it, or the one that Python leaves it.

A word gives the mapping that stands in a stub file: ``gt(1)`` is ``{"$gt": 1}``. Which operators a field has depends on
its type; one that it doesn't have is a :class:`StubError` where it is written.

Whatever is public here is a word, and the package hands it on: ``from grpcmock import gt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from grpcmock.mock.pattern import Operator

exists = Operator({"$exists": True})
"""The field is set; one without presence is not at its default."""

absent = Operator({"$exists": False})
"""The field is not set; one without presence is at its default."""


def eq(value: Any) -> Operator:
    """Equal to *value*; a mapping or message all the way down, with nothing else set."""
    return Operator({"$eq": value})


def ne(value: Any) -> Operator:
    """Not equal to *value*, absent included."""
    return Operator({"$ne": value})


def one_of(*values: Any) -> Operator:
    """Equal to one of *values*."""
    return Operator({"$in": list(values)})


def none_of(*values: Any) -> Operator:
    """Equal to none of *values*, absent included."""
    return Operator({"$nin": list(values)})


def not_(pattern: Any) -> Operator:
    """The pattern doesn't hold. The same as ``~pattern``."""
    return Operator({"$not": pattern})


def and_(*patterns: Any) -> Operator:
    """All patterns hold. The same as ``a & b``."""
    return Operator({"$and": list(patterns)})


def or_(*patterns: Any) -> Operator:
    """At least one of the patterns holds. The same as ``a | b``."""
    return Operator({"$or": list(patterns)})


def gt(value: Any) -> Operator:
    """Greater than *value*: a number, a string, a Timestamp, a Duration."""
    return Operator({"$gt": value})


def gte(value: Any) -> Operator:
    """Greater than *value*, or equal to it."""
    return Operator({"$gte": value})


def lt(value: Any) -> Operator:
    """Less than *value*."""
    return Operator({"$lt": value})


def lte(value: Any) -> Operator:
    """Less than *value*, or equal to it."""
    return Operator({"$lte": value})


def approx(value: float, within: float) -> Operator:
    """A float that is no further than *within* from *value*."""
    return Operator({"$approx": {"value": value, "within": within}})


def matches(regex: str) -> Operator:
    """A string in which the regular expression (RE2) is found somewhere; ``^`` and ``$`` tie it to the ends."""
    return Operator({"$regex": regex})


def glob(pattern: str) -> Operator:
    """A string that the pattern covers wholly: ``*`` any characters, ``?`` one, ``[…]`` one of these."""
    return Operator({"$glob": pattern})


def prefix(text: str | bytes) -> Operator:
    """A string, or bytes, beginning with *text*."""
    return Operator({"$prefix": text})


def suffix(text: str) -> Operator:
    """A string ending with *text*."""
    return Operator({"$suffix": text})


def contains(text: str) -> Operator:
    """A string containing *text*."""
    return Operator({"$contains": text})


def ignore_case(text: str) -> Operator:
    """A string equal to *text* but for upper and lower case."""
    return Operator({"$ignoreCase": text})


def size(pattern: Any) -> Operator:
    """A string of so many code points, bytes of so many bytes, a list or map of so many items; or a pattern on that."""
    return Operator({"$size": pattern})


def as_json(pattern: Any) -> Operator:
    """A string that holds JSON for which the pattern holds."""
    return Operator({"$json": pattern})


def as_message(type: str, pattern: Any) -> Operator:  # noqa: A002 - the word of the stub format
    """Bytes that hold a message of this type for which the pattern holds."""
    return Operator({"$message": {"type": type, "pattern": pattern}})


def first(pattern: Any) -> Operator:
    """A list whose first item holds."""
    return Operator({"$first": pattern})


def last(pattern: Any) -> Operator:
    """A list whose last item holds."""
    return Operator({"$last": pattern})


def each(pattern: Any) -> Operator:
    """A list all of whose items hold; the empty one does."""
    return Operator({"$each": pattern})


def some(pattern: Any) -> Operator:
    """A list at least one item of which holds."""
    return Operator({"$some": pattern})


def all_(*patterns: Any) -> Operator:
    """A list in which each pattern holds for some item."""
    return Operator({"$all": list(patterns)})


def unordered(*patterns: Any) -> Operator:
    """A list whose items hold the patterns in some order, one each."""
    return Operator({"$unordered": list(patterns)})


def keys(pattern: Any) -> Operator:
    """A map all of whose keys hold."""
    return Operator({"$keys": pattern})


def values(pattern: Any) -> Operator:
    """A map all of whose values hold."""
    return Operator({"$values": pattern})


def only(fields: Mapping[str, Any] | None = None, /, **more: Any) -> Operator:
    """A message in which these fields hold, and no other is set."""
    return Operator({"$only": {**(fields or {}), **more}})


if not TYPE_CHECKING:  # to type checkers, a module without this list offers whatever it defines
    __all__ = [name for name, value in list(globals().items()) if isinstance(value, (FunctionType, Operator))]
