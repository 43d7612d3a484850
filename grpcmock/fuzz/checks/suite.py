"""The suite of checks of a run: all of them look at what was seen of a case, and each fault is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.model.results import CaseResult


class CheckSuite:
    """The checks of a run."""

    def __init__(
        self,
        checks: Iterable[Check],
        expectations: Expectations,
        *,
        without: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Take the *checks*. *without* says, by patterns of method names, the names of which don't count there."""
        self.checks = {check.name: check for check in checks}
        """By name."""
        self.expectations = expectations
        self._general = tuple(check.evaluate for check in self.checks.values() if not check.targeted)
        self._targeted = {check.name: check.evaluate for check in self.checks.values() if check.targeted}
        self._without = without or {}

    def superseding(self, name: str) -> frozenset[str]:
        """Return the names of the checks that have said already what this one would."""
        return frozenset(check.name for check in self.checks.values() if name in check.supersedes)

    def evaluate(self, case: Case, result: CaseResult) -> tuple[Finding, ...]:
        """Return all that is wrong, in the order of the codes."""
        expectations = self.expectations
        found: list[Finding] = []
        for evaluate in self._general:
            found += evaluate(case, result, expectations)
        for name in case.targets:
            if (targeted := self._targeted.get(name)) is not None:
                found += targeted(case, result, expectations)
        return self._told_once(case, found) if found else ()

    def _told_once(self, case: Case, found: list[Finding]) -> tuple[Finding, ...]:
        """Leave out what doesn't count at this method, and what a more telling check has said already."""
        left_out = self._left_out(case) if self._without else set()
        found = [finding for finding in found if finding.check not in left_out]
        failed = {finding.check for finding in found if not finding.is_warning}
        superseded = {name for check in failed for name in self.checks[check].supersedes}
        kept = self.coded(finding for finding in found if finding.check not in superseded)
        return tuple(sorted(kept, key=lambda finding: finding.code))

    def coded(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings of checks of this suite, with their codes."""
        return [
            replace(finding, code=self.checks[finding.check].code)
            for finding in findings
            if finding.check in self.checks
        ]

    def _left_out(self, case: Case) -> set[str]:
        name = case.method.full_name
        return {check for pattern, checks in self._without.items() if fnmatchcase(name, pattern) for check in checks}
