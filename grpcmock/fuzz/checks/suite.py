"""The jury: all checks of a run look at what was seen of a trial, and each fault is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grpcmock.fuzz.checks.registry import judges

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check
    from grpcmock.fuzz.model.results import Evidence
    from grpcmock.fuzz.model.findings import Finding
    from grpcmock.fuzz.expectations.expectations import Terms
    from grpcmock.fuzz.model.cases import Trial


class Jury:
    """The checks of a run."""

    def __init__(
        self, checks: Iterable[Check], terms: Terms, *, without: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        """Take the *checks*. *without* tells, by patterns of method names, which codes don't count there."""
        self.checks = tuple(checks)
        self.terms = terms
        self._general, self._aimed = judges(self.checks)
        self._judges = tuple(check.judge for check in self._general)
        self._by_code = {check.code: check for check in self.checks}
        self._without = without or {}

    def covering(self, code: str) -> frozenset[str]:
        """Give the codes of the checks that have said already what this one would."""
        return frozenset(check.code for check in self.checks if code in check.covers)

    def judge(self, trial: Trial, evidence: Evidence) -> tuple[Finding, ...]:
        """Give all that is wrong, the worst first."""
        terms = self.terms
        found: list[Finding] = []
        for judge in self._judges:
            found += judge(trial, evidence, terms)
        for code in trial.aims:
            if (check := self._aimed.get(code)) is not None:
                found += check.judge(trial, evidence, terms)
        return self._told_once(trial, found) if found else ()

    def _told_once(self, trial: Trial, found: list[Finding]) -> tuple[Finding, ...]:
        if self._without:
            left_out = self._left_out(trial)
            found = [finding for finding in found if finding.code not in left_out]
        codes = {finding.code for finding in found if not finding.advice}
        covered = {code for named in codes for code in self._by_code[named].covers}
        kept = [finding for finding in found if finding.code not in covered]
        return tuple(sorted(kept, key=lambda finding: finding.code))

    def _left_out(self, trial: Trial) -> set[str]:
        name = trial.method.full_name
        return {code for pattern, codes in self._without.items() if fnmatchcase(name, pattern) for code in codes}
