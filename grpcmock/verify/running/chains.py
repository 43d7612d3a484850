"""Interactions that follow one another: which go first, and which form a chain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.verify.planning.interactions import Interaction


def earlier_ones(interaction: Interaction) -> list[Interaction]:
    """Return all that must come before an interaction, the first first."""
    found: dict[int, Interaction] = {}

    def add(one: Interaction) -> None:
        for earlier in one.after:
            if id(earlier) not in found:
                add(earlier)
                found[id(earlier)] = earlier

    add(interaction)
    return list(found.values())


def grouped(interactions: Iterable[Interaction]) -> tuple[list[Interaction], list[list[Interaction]]]:
    """Return those that stand alone, and the chains."""
    alone: list[Interaction] = []
    chains: dict[int, list[Interaction]] = {}
    for interaction in interactions:
        if interaction.chain:
            chains.setdefault(interaction.chain, []).append(interaction)
        else:
            alone.append(interaction)
    return alone, list(chains.values())


def in_file_order(interactions: Iterable[Interaction]) -> list[list[Interaction]]:
    """Return single interactions and whole chains, each where its first one stands."""
    groups: dict[object, list[Interaction]] = {}
    for interaction in interactions:
        groups.setdefault(interaction.chain or id(interaction) + (1 << 64), []).append(interaction)
    return list(groups.values())
