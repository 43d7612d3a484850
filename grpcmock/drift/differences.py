"""A difference between two versions of the protos: what it is, where, whom it breaks and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from grpcmock.errors import Location


class Breaks(Enum):
    """Who can't go on as before."""

    WIRE = "wire"
    """Programs of the two versions misread each other's bytes, or can't call each other at all."""

    JSON = "json"
    """The same of those that exchange ProtoJSON: transcoding gateways, logs, tests with JSON in them."""

    SOURCE = "source"
    """Code that was written for the one version doesn't fit what is generated from the other."""


COMPATIBLE: frozenset[Breaks] = frozenset()
WIRE = frozenset({Breaks.WIRE})
JSON = frozenset({Breaks.JSON})
SOURCE = frozenset({Breaks.SOURCE})
EVERYONE = frozenset(Breaks)

Use: TypeAlias = tuple[Literal["method", "message", "field", "value"], str]
"""Something that a stub can use, by its full name: ``("field", "user.UserResponse.email")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same in both versions."""

    rule: str
    """A stable name for this sort of difference: ``field-renumbered``."""

    element: str
    """The full name of what differs, in the old version if it is there: ``user.UserResponse.email``."""

    breaks: frozenset[Breaks]
    """Whom it breaks; empty where it is compatible."""

    message: str
    """What differs: one sentence that goes on from the element, ``has number 4, not 3``."""

    why: str
    """What breaks, or what to know where nothing does: one sentence."""

    hint: str = ""
    """The next step: one sentence."""

    old: Location | None = None
    """Where it stands in the old version; None if it isn't there."""

    new: Location | None = None

    touches: frozenset[Use] = frozenset()
    """What a stub would have to use, for this difference to concern it; by the names of both versions."""

    names: frozenset[str] = frozenset()
    """What others may call it by: simple names and numbers, of itself, what it stands in, and its type; its files."""

    stubs: tuple[str, ...] = ()
    """The stubs that it concerns, each with its place."""

    buf: tuple[str, ...] = ()
    """The rules of ``buf breaking`` that say the same, where buf was asked."""

    @property
    def is_breaking(self) -> bool:
        return bool(self.breaks)


def in_words(breaks: Iterable[Breaks]) -> str:
    """Say what something breaks: ``the wire, JSON and source``."""
    words = {Breaks.WIRE: "the wire", Breaks.JSON: "JSON", Breaks.SOURCE: "source"}
    names = [words[one] for one in Breaks if one in set(breaks)]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def in_order(differences: Iterable[Difference]) -> list[Difference]:
    """Sort by what breaks (the wire first), then by place."""
    rank = list(Breaks)

    def key(one: Difference) -> tuple[int, str, int, int, str, str]:
        first = min((rank.index(broken) for broken in one.breaks), default=len(rank))
        where = one.old or one.new or Location("")
        return first, where.file, where.line, where.column, one.element, one.rule

    return sorted(differences, key=key)
