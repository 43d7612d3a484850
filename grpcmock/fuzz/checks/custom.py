"""Checks of one's own: a function with a decorator, which a run makes beside those of this package."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.registry import add_check
from grpcmock.fuzz.model.findings import Finding, Severity
from grpcmock.importing import import_here

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.expectations import Expectations
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult

_modules: set[str] = set()
"""The names of modules that have checks."""

UserCheck = Callable[["Case", "CaseResult"], Iterable[Finding] | None]
"""Yields what is wrong with what was seen of a case."""


def check(code: str, *, severity: Severity | str = Severity.MEDIUM) -> Callable[[UserCheck], UserCheck]:
    """Return a decorator that makes a check of a function.

    The function is called with each case that was made and its result, and yields a :class:`Finding` for each thing
    that is wrong. Its name is the name of the check, the first line of its docstring says what must hold, and the rest
    is what ``grpcmock explain`` shows. It must make no calls and keep nothing: failing cases are made again, and made
    small, and have to fail each time.

    *code* is short and in capitals, such as ``ACME1``; *severity* is one of ``critical``, ``high``, ``medium``,
    ``low``. Raises :class:`ConfigError` for another severity, and if there is a check of this code or name.
    """
    level = _severity(severity)

    def add(function: UserCheck) -> UserCheck:
        name = function.__name__
        title, _, page = (inspect.getdoc(function) or f"{name} holds.").partition("\n")

        def evaluate(case: Case, result: CaseResult, expectations: Expectations) -> Iterator[Finding]:
            del expectations
            for finding in function(case, result) or ():
                yield replace(finding, check=name)

        add_check(Check(code=code, name=name, severity=level, title=title, evaluate=evaluate, page=page.strip()))
        _modules.add(function.__module__)
        return function

    return add


def _severity(severity: Severity | str) -> Severity:
    if isinstance(severity, Severity):
        return severity
    names = [one.value for one in Severity]
    if severity not in names:
        raise ConfigError(
            f"There is no severity {severity!r}. {did_you_mean(severity, names, known='They are')}".rstrip()
        )
    return Severity(severity)


def load_checks(modules: Iterable[str]) -> None:
    """Import modules that have checks. Raises :class:`ConfigError` for one that can't be imported, or has none."""
    for name in modules:
        module = import_here(name, f"--checks-from {name!r}")
        if module.__name__ not in _modules:
            raise ConfigError(
                f"--checks-from {name!r}: there are no checks in {module.__file__}. "
                "A check is a function with the decorator grpcmock.fuzz.check."
            )
