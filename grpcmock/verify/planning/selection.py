"""Chooses interactions of a plan by name or method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from grpcmock.verify.planning.interactions import Interaction, Plan


def select(plan: Plan, names: Iterable[str]) -> Plan:
    """Keep the interactions of these names or methods, in which ``*`` stands for anything, and what must come before.

    Raises :class:`ConfigError` for a name that nothing has.
    """
    wanted: dict[int, Interaction] = {}
    for name in names:
        found = [one for one in plan.interactions if any(fnmatchcase(known, name) for known in _names(one))]
        if not found:
            known = [known for one in plan.interactions for known in _names(one)]
            hint = did_you_mean(name, known)
            raise ConfigError(f"There is no stub {name!r} to verify. {hint}".rstrip())
        for one in found:
            _take(one, wanted)
    return replace(plan, interactions=tuple(one for one in plan.interactions if id(one) in wanted))


def _names(interaction: Interaction) -> tuple[str, ...]:
    return interaction.name, interaction.id, interaction.method.full_name, interaction.method.name


def _take(interaction: Interaction, wanted: dict[int, Interaction]) -> None:
    if id(interaction) not in wanted:
        wanted[id(interaction)] = interaction
        for earlier in interaction.after:
            _take(earlier, wanted)
