"""All checks: those of this package, each module of which has a tuple ``CHECKS``, and those that users have added."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.check import Check

_added: dict[str, Check] = {}
"""The checks of users, by name."""


@cache
def _own() -> tuple[Check, ...]:
    from grpcmock.fuzz.checks import (
        access,
        behaviors,
        calculations,
        counts,
        injection,
        kept_state,
        leaks,
        parity,
        parsing,
        protocol,
        repetition,
        request_rules,
        response_values,
        statuses,
        streams,
        timing,
        unhandled,
    )

    modules = (
        *(access, behaviors, calculations, counts, injection, kept_state, leaks, parity, parsing, protocol, repetition),
        *(request_rules, response_values, statuses, streams, timing, unhandled),
    )
    return tuple(check for module in modules for check in module.CHECKS)


def all_checks() -> tuple[Check, ...]:
    """Return every check, in the order of the codes."""
    return tuple(sorted((*_own(), *_added.values()), key=lambda check: check.code))


def add_check(check: Check) -> None:
    """Take up a check of the user's. One of the same name takes the place of an earlier one of the user's.

    Raises :class:`ConfigError` if its code or name is another check's.
    """
    for other in all_checks():
        if other.name == check.name and check.name in _added:
            continue
        if check.name == other.name or check.code == other.code:
            raise ConfigError(f"{check.code} {check.name}: there is a check {other.code} {other.name} already.")
    _added[check.name] = check


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
    """Return the checks that are named, or all, less those of *without*; patterns such as ``G11*`` and ``*_stream``
    hold.

    Raises :class:`ConfigError` if a name or pattern fits no check.
    """
    included = _named(only) or {check.name for check in all_checks()}
    excluded = _named(without)
    return tuple(check for check in all_checks() if check.name in included and check.name not in excluded)


def _named(patterns: Iterable[str]) -> set[str]:
    names: set[str] = set()
    for pattern in patterns:
        if not any(sign in pattern for sign in "*?["):
            names.add(find_check(pattern).name)
            continue
        fitting = {check.name for check in all_checks() if _fits(check, pattern)}
        if not fitting:
            raise ConfigError(f"No check fits {pattern!r}. `grpcmock explain` lists them.")
        names |= fitting
    return names


def _fits(check: Check, pattern: str) -> bool:
    return fnmatchcase(check.code.lower(), pattern.lower()) or fnmatchcase(check.name, pattern.lower())
