"""The failures of a run: each fault is told once, and what would be told too often is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.wording import shape

if TYPE_CHECKING:
    from grpcmock.fuzz.model.findings import Failure
    from grpcmock.schema import Method

_EACH = 5
"""So many failures of one check are told for one method: what comes after them would hardly be news."""

_ALIKE = 3
"""So many failures of one check in which the server says the same are told; more methods are named with the first."""


class FailureLog:
    """Holds the failures that were told, by their ids."""

    def __init__(self, covering: Mapping[str, frozenset[str]]) -> None:
        """*covering* names, by the code of each check, the checks that have said already what it would."""
        self.failures: dict[str, Failure] = {}
        self._covering = covering
        self._gone_with = ""
        """The failure with which the server went for good."""

    def add(self, failure: Failure, *, was_last: bool = False) -> None:
        """Take up a failure. *was_last* says that the server is gone for good."""
        self.failures[failure.id] = failure
        if failure.finding.server_down and was_last:
            self._gone_with = failure.id

    def has(self, failure: Failure, method: str) -> bool:
        """Whether this fault was told already; if so, it is counted once more, with the *method* it was seen at."""
        known = self._known(failure)
        if known is not None:
            self.failures[known.id] = _seen_again(known, method)
        return known is not None

    def _known(self, failure: Failure) -> Failure | None:
        """Give the failure that tells of this fault already: the same one, or that of a check that covers it."""
        if (known := self.failures.get(failure.id)) is not None:
            return known
        if failure.finding.server_down and self._gone_with:
            return self.failures[self._gone_with]  # it was under way, too, when the server went
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

    def is_full(self, check: str, method: Method) -> bool:
        """Whether enough was told of what one check finds at one method."""
        alike = [one for one in self.failures.values() if one.finding.check == check and one.method is method]
        return len(alike) >= _EACH


def _is_alike(one: Failure, other: Failure) -> bool:
    """Whether two failures, at different methods, are likely of one cause: the server says the same of both."""
    if (one.finding.check, one.finding.key) != (other.finding.check, other.finding.key):
        return False
    return bool(other.result.last.message) and other.finding.key == shape(other.result.last)


def _seen_again(known: Failure, method: str) -> Failure:
    """Count one more case that shows a failure, and the method if it is a new one."""
    others = known.others
    if method != known.method.full_name and method not in others:
        others += (method,)
    return replace(known, seen=known.seen + 1, others=others)
