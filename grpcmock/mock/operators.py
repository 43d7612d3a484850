"""The operators of patterns as words: each has the name that stub files give it, or the one that Python leaves it.

========================  ====================================  ========================  ==========================
word                      in a stub file                        word                      in a stub file
========================  ====================================  ========================  ==========================
``eq(value)``             ``$eq``: exact, deep equality         ``matches(regex)``        ``$regex``
``ne(value)``             ``$ne``                               ``glob(pattern)``         ``$glob``
``one_of(*values)``       ``$in``                               ``prefix(text)``          ``$prefix``
``none_of(*values)``      ``$nin``                              ``suffix(text)``          ``$suffix``
``exists``                ``$exists: true``                     ``contains(text)``        ``$contains``
``absent``                ``$exists: false``                    ``ignore_case(text)``     ``$ignoreCase``
``not_(pattern)``, ``~``  ``$not``                              ``size(pattern)``         ``$size``
``and_(…)``, ``&``        ``$and``                              ``as_json(pattern)``      ``$json``
``or_(…)``, ``|``         ``$or``                               ``as_message(type, …)``   ``$message``
``gt(value)``             ``$gt``                               ``first(pattern)``        ``$first``
``gte(value)``            ``$gte``                              ``last(pattern)``         ``$last``
``lt(value)``             ``$lt``                               ``each(pattern)``         ``$each``
``lte(value)``            ``$lte``                              ``some(pattern)``         ``$some``
``approx(value, …)``      ``$approx``                           ``all_(*patterns)``       ``$all``
``keys(pattern)``         ``$keys``                             ``unordered(*patterns)``  ``$unordered``
``values(pattern)``       ``$values``                           ``only(**fields)``        ``$only``
========================  ====================================  ========================  ==========================

Which of them a field has depends on its type; one that it doesn't have is a :class:`StubError` where it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "Operator",
    "absent",
    "all_",
    "and_",
    "approx",
    "as_json",
    "as_message",
    "contains",
    "each",
    "eq",
    "exists",
    "first",
    "glob",
    "gt",
    "gte",
    "ignore_case",
    "keys",
    "last",
    "lt",
    "lte",
    "matches",
    "ne",
    "none_of",
    "not_",
    "one_of",
    "only",
    "or_",
    "prefix",
    "size",
    "some",
    "suffix",
    "unordered",
    "values",
]


class Operator(Mapping[str, Any]):
    """A pattern made of operators: an immutable mapping such as ``{"$gt": 1}``. Combines by ``&``, ``|`` and ``~``."""

    __slots__ = ("_tree",)

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = dict(tree)

    def __getitem__(self, key: str) -> Any:
        return self._tree[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)

    def __and__(self, other: Any) -> Operator:
        return and_(self, other)

    def __rand__(self, other: Any) -> Operator:
        return and_(other, self)

    def __or__(self, other: Any) -> Operator:
        return or_(self, other)

    def __ror__(self, other: Any) -> Operator:
        return or_(other, self)

    def __invert__(self) -> Operator:
        return not_(self)

    def __repr__(self) -> str:
        return repr(self._tree)


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
