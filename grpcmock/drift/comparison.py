"""One comparison under way: what is compared, the words for it, what was found, and which types wait to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from grpcmock.drift.differences import Breaks, Difference, Use

if TYPE_CHECKING:
    from grpcmock.drift.views import Schema
    from grpcmock.errors import Location


class Element(Protocol):
    """What has a name and a place: every view but a file."""

    @property
    def full_name(self) -> str: ...

    @property
    def location(self) -> Location: ...


@dataclass(frozen=True, slots=True)
class Pair:
    """Two types that stand for each other: a value written as the one is read as the other."""

    old: str
    new: str


class Comparison:
    """Gathers differences.

    A *live* comparison is with a server, which shows only what its methods need, in files that may be called otherwise
    than at home; other comparisons are of two whole versions. The server is the new version, unless *ahead*: then the
    protos at home are.
    """

    def __init__(self, old: Schema, new: Schema, *, live: bool, ahead: bool = False) -> None:
        self.old = old
        self.new = new
        self.live = live
        self.ahead = ahead
        self.differences: list[Difference] = []
        self.seen: dict[Pair, None] = {}
        self._pending: list[Pair] = []

    # --- Types to compare ---

    def pair(self, old: str, new: str) -> None:
        """Have two message types or two enums compared, once."""
        pair = Pair(old, new)
        if pair not in self.seen:
            self.seen[pair] = None
            self._pending.append(pair)

    def pending(self) -> Iterator[Pair]:
        """Give the pairs that wait, those included that are found while they are compared."""
        while self._pending:
            yield self._pending.pop()

    # --- Words ---

    def change(self, what: str, old: object, new: object) -> str:
        """Say that something has another value: ``its number was 3 and is now 4``."""
        if self.live:
            before, after = ("on the server", "in the protos") if self.ahead else ("in the protos", "on the server")
            return f"{what} is {old} {before}, {new} {after}"
        return f"{what} was {old} and is now {new}"

    @property
    def gone(self) -> str:
        return f"isn't {self.now}" if self.live else "is gone"

    @property
    def fresh(self) -> str:
        return f"is only {self.now}" if self.live else "is new"

    @property
    def now(self) -> str:
        """Where the new version is found."""
        if not self.live:
            return "now"
        return "in the protos" if self.ahead else "on the server"

    # --- What was found ---

    def found(
        self,
        rule: str,
        old: Element | None,
        new: Element | None,
        breaks: frozenset[Breaks],
        message: str,
        why: str,
        hint: str = "",
        touches: Iterable[Use] = (),
    ) -> None:
        """Note a difference between two elements, one of which may be missing."""
        element = old or new
        assert element is not None
        if old is not None and new is not None and _scope(old) != _scope(new):
            message = message if new.full_name in message else f"{message} (as {new.full_name})"
        self.differences.append(
            Difference(
                rule=rule,
                element=element.full_name,
                breaks=breaks,
                message=f"{message}.",
                why=why,
                hint=hint,
                old=old.location if old is not None else None,
                new=new.location if new is not None else None,
                touches=frozenset(touches),
                names=frozenset(name for one in (old, new) if one is not None for name in _names(one) if name),
            )
        )

    def deprecation(self, old: Element, new: Element, was: bool, is_: bool) -> None:
        """Note that something was marked as deprecated, or is no longer."""
        if was != is_:
            message = f"is deprecated {self.now}" if is_ else f"isn't deprecated {self.now}"
            why = "It still works; its owners would rather have it unused." if is_ else "Nothing breaks."
            self.found("deprecation-changed", old, new, frozenset(), message, why)


def _names(element: Element) -> Iterator[str]:
    yield from element.full_name.replace("/", ".").split(".")
    if number := getattr(element, "number", None):
        yield str(number)
    for name in ("of", "extendee"):
        yield from getattr(element, name, "").split(".")
    yield getattr(element, "file", "")


def _scope(element: Element) -> str:
    """Give the full name of what an element stands in."""
    return element.full_name.replace("/", ".").rpartition(".")[0]
