"""All checks by their codes: each module of this package that judges has a tuple ``CHECKS``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check


@cache
def all_checks() -> tuple[Check, ...]:
    """Give every check, in the order of the codes."""
    import grpcmock.fuzz.checks as package

    found = [
        check
        for module in iter_modules(package.__path__, f"{package.__name__}.")
        for check in getattr(import_module(module.name), "CHECKS", ())
    ]
    return tuple(sorted(found, key=lambda check: check.code))


def find_check(name: str) -> Check:
    """Find a check by its code or name, in any case. Raises :class:`ConfigError`, which names the nearest one."""
    wanted = name.strip().lower()
    for check in all_checks():
        if wanted in (check.code.lower(), check.name):
            return check
    names = [check.name for check in all_checks()]
    codes = [check.code for check in all_checks()]
    known = f"They run from {codes[0]} to {codes[-1]}, each with a name: `grpcmock explain` lists them all."
    raise ConfigError(f"There is no check {name!r}. {did_you_mean(name, names) or known}")


def chosen_checks(only: Iterable[str] = (), without: Iterable[str] = ()) -> tuple[Check, ...]:
    """Give the checks that are named, or all, less those of *without*; patterns such as ``G11*`` and ``*_stream`` hold.

    Raises :class:`ConfigError` if a name or pattern fits no check.
    """
    included = _named(only) or {check.code for check in all_checks()}
    excluded = _named(without)
    return tuple(check for check in all_checks() if check.code in included and check.code not in excluded)


def _named(patterns: Iterable[str]) -> set[str]:
    codes: set[str] = set()
    for pattern in patterns:
        if not any(sign in pattern for sign in "*?["):
            codes.add(find_check(pattern).code)
            continue
        fitting = {check.code for check in all_checks() if _fits(check, pattern)}
        if not fitting:
            raise ConfigError(f"No check fits {pattern!r}. `grpcmock explain` lists them.")
        codes |= fitting
    return codes


def _fits(check: Check, pattern: str) -> bool:
    return fnmatchcase(check.code.lower(), pattern.lower()) or fnmatchcase(check.name, pattern.lower())


def judges(checks: Sequence[Check]) -> tuple[tuple[Check, ...], dict[str, Check]]:
    """Part the checks into those that look at every trial, and by code those that look only where they are aimed."""
    return tuple(check for check in checks if not check.aimed), {check.code: check for check in checks if check.aimed}
