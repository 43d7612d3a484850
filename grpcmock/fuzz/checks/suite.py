"""The jury: all checks of a run look at what was seen of a case, and each fault is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.registry import split_by_target

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
        """Take the *checks*. *without* tells, by patterns of method names, which codes don't count there."""
        self.checks = tuple(checks)
        self.expectations = expectations
        self._general, self._aimed = split_by_target(self.checks)
        self._judges = tuple(check.evaluate for check in self._general)
        self._by_code = {check.code: check for check in self.checks}
        self._without = without or {}

    def covering(self, code: str) -> frozenset[str]:
        """Give the codes of the checks that have said already what this one would."""
        return frozenset(check.code for check in self.checks if code in check.supersedes)

    def evaluate(self, case: Case, result: CaseResult) -> tuple[Finding, ...]:
        """Give all that is wrong, the worst first."""
        expectations = self.expectations
        found: list[Finding] = []
        for evaluate in self._judges:
            found += evaluate(case, result, expectations)
        for code in case.targets:
            if (check := self._aimed.get(code)) is not None:
                found += check.evaluate(case, result, expectations)
        return self._told_once(case, found) if found else ()

    def _told_once(self, case: Case, found: list[Finding]) -> tuple[Finding, ...]:
        if self._without:
            left_out = self._left_out(case)
            found = [finding for finding in found if finding.code not in left_out]
        codes = {finding.code for finding in found if not finding.is_warning}
        covered = {code for named in codes for code in self._by_code[named].supersedes}
        kept = [finding for finding in found if finding.code not in covered]
        return tuple(sorted(kept, key=lambda finding: finding.code))

    def _left_out(self, case: Case) -> set[str]:
        name = case.method.full_name
        return {code for pattern, codes in self._without.items() if fnmatchcase(name, pattern) for code in codes}
