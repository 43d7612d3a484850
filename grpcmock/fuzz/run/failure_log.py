"""The failures of a run: each cause is told once, and what would be told too often is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.findings import Severity, Sighting
from grpcmock.fuzz.model.wording import is_without_status, shape

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.schema import Method

_EACH = 5
"""So many failures of one check are told for one method: what comes after them would hardly be news."""

_ALIKE = 3
"""So many failures of one check in which the server says the same are told; more methods are named with the first."""

_HABIT = 5
"""So many errors without a status, at several methods, are told: where that is a server's way, they have one cause."""

_SEVERAL = 3
_MOST = 40
"""So many other places are named with a failure."""


class FailureLog:
    """Holds the failures that were told, by their ids.

    Findings that share a cause are one failure. It is told by the worst check that saw it, of equal ones by the first;
    what the others saw is noted with it.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        """*checks* are those of the run, by their names."""
        self.failures: dict[str, Failure] = {}
        self.withdrawn: dict[str, str] = {}
        """The ids of failures that were told, and have become part of others: by theirs the ids of those."""
        self._ranks = {name: list(Severity).index(check.severity) for name, check in checks.items()}
        self._covering = {
            name: frozenset(other.name for other in checks.values() if name in other.supersedes) for name in checks
        }
        self._of_cause: dict[str, str] = {}
        """The ids of failures, by their causes."""
        self._of_blame: dict[tuple[str, str, str], str] = {}
        """The ids of failures that blame a part of their request, by check, method, and what the server says."""
        self._gone_with = ""
        """The failure with which the server went for good."""

    def add(self, failure: Failure, *, was_last: bool = False) -> None:
        """Take up a failure. *was_last* says that the server is gone for good."""
        self.failures[failure.id] = failure
        if failure.finding.server_down and was_last:
            before, self._gone_with = self._gone_with, failure.id
            if before in self.failures and before != failure.id:
                del self.failures[before]  # a remark, for its call was none of those that were under way
                self.withdrawn[before] = failure.id
        self._join(failure.id, failure.finding.causes)

    def note_blame(self, failure: Failure, causes: tuple[str, ...]) -> None:
        """Note what the server says where a failure stands for itself, since it blames a part of its request: one of
        the same method that blames nothing is of the same cause, if that is said of hardly two faults."""
        for cause in causes:
            if not cause.startswith("/"):  # else it is the method's own, for the text says nothing
                self._of_blame.setdefault((failure.finding.check, failure.method.full_name, cause), failure.id)

    def has(self, failure: Failure, method: str) -> bool:
        """Whether this fault was told already; if so, it is counted once more, with the *method* it was seen at."""
        known = self.known(failure)
        if known is not None:
            seen = Sighting(failure.finding.code, method, failure.finding.path)
            self.failures[known.id] = _with(known, 1, seen)
            self._join(known.id, failure.finding.causes)
        return known is not None

    def known(self, failure: Failure) -> Failure | None:
        """Return the failure that tells of this fault already: the same one, one of the same cause that is no less
        bad, or that of a check that covers it."""
        known = self.failures.get(failure.id)
        if known is None and failure.finding.server_down and self._gone_with:
            known = self.failures[self._gone_with]  # it was under way, too, when the server went
        if known is not None:
            return None if known.is_remark and failure.was_last else known
        for cause in failure.finding.causes:
            if (known := self.failures.get(self._of_cause.get(cause, ""))) and self._rank(known) <= self._rank(failure):
                return known
            blamed = self._of_blame.get((failure.finding.check, failure.method.full_name, cause), "")
            if (known := self.failures.get(blamed)) and not failure.finding.path:
                return known
        if self.habit is not None and is_without_status(failure.finding.key):
            return self.habit
        alike = [other for other in self.failures.values() if _is_alike(other, failure)]
        if len(alike) >= _ALIKE:
            return alike[0]
        covering = self._covering.get(failure.finding.check, frozenset())
        if not covering or not failure.finding.key:
            return None
        for other in self.failures.values():
            if (
                other.finding.check in covering
                and other.finding.key == failure.finding.key
                and other.method is failure.method
            ):
                return other
        return None

    @property
    def habit(self) -> Failure | None:
        """The failure that stands for all errors without a status; None if they aren't a server's way."""
        found = [one for one in self.failures.values() if is_without_status(one.finding.key)]
        return found[0] if len(found) >= _HABIT and len({one.method for one in found}) >= _SEVERAL else None

    def is_full(self, check: str, method: Method) -> bool:
        """Whether enough was told of what one check finds at one method."""
        alike = [one for one in self.failures.values() if one.finding.check == check and one.method is method]
        return len(alike) >= _EACH

    def _rank(self, failure: Failure) -> int:
        return self._ranks.get(failure.finding.check, 0)

    def _join(self, identity: str, causes: tuple[str, ...]) -> None:
        """Note that these causes are a failure's. One that was told of them is part of it, or it of that one."""
        for cause in causes:
            other = self._of_cause.get(cause, identity)
            if other != identity and other in self.failures:
                first, second = self.failures[other], self.failures[identity]
                head, part = (second, first) if self._rank(second) < self._rank(first) else (first, second)
                del self.failures[part.id]
                seen = Sighting(part.finding.code, part.method.full_name, part.finding.path)
                self.failures[head.id] = _with(head, part.seen, seen, *part.also)
                self.withdrawn[part.id] = head.id
                self._of_cause = {
                    known: head.id if owner == part.id else owner for known, owner in self._of_cause.items()
                }
                identity = head.id
            self._of_cause[cause] = identity


def _is_alike(one: Failure, other: Failure) -> bool:
    """Whether two failures, at different methods, are likely of one cause: the server says the same of both."""
    if (one.finding.check, one.finding.key) != (other.finding.check, other.finding.key):
        return False
    return bool(other.result.last.message) and other.finding.key == shape(other.result.last)


def _with(known: Failure, count: int, *seen: Sighting) -> Failure:
    """Count so many more cases that show a failure, and note where, unless that was noted or is its own place."""
    also = known.also
    own = (known.finding.code, known.method.full_name)
    for one in seen:
        where = (one.code, one.method)
        if where != own and where not in [(other.code, other.method) for other in also] and len(also) < _MOST:
            also += (one,)
    return replace(known, seen=known.seen + count, also=also)
