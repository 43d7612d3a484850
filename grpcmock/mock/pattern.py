"""Patterns made of operators, as Python holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


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
        return Operator({"$and": [self, other]})

    def __rand__(self, other: Any) -> Operator:
        return Operator({"$and": [other, self]})

    def __or__(self, other: Any) -> Operator:
        return Operator({"$or": [self, other]})

    def __ror__(self, other: Any) -> Operator:
        return Operator({"$or": [other, self]})

    def __invert__(self) -> Operator:
        return Operator({"$not": self})

    def __repr__(self) -> str:
        return repr(self._tree)
