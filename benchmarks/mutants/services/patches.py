"""Bugs as patches of the source of a service: what is wrong, how hard it is to see, and which checks may tell it.

A file of patches holds for each bug four lines, ``bug``, ``level``, ``codes`` and ``about``, and hunks as those of a
unified diff, but without numbers of lines: what a hunk replaces stands in the source once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile


class Level(StrEnum):
    """How hard a bug is to see for somebody who calls the service without having read it."""

    EASY = "easy"
    """One of the first unusual requests shows it."""

    MEDIUM = "medium"
    """It takes one particular value, or two calls that belong together."""

    HARD = "hard"
    """It takes several things together: values, calls, or time."""


class PatchError(ValueError):
    """A patch that can't be read, or doesn't fit the source it is for."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that somebody wrote who had read the service and nothing of the fuzzer."""

    name: str
    level: Level
    codes: tuple[str, ...]
    """The checks that fit what is wrong."""

    about: str
    hunks: tuple[tuple[str, str], ...]
    """Lines that stand in the source once, and what takes their place."""

    def applied(self, source: str) -> str:
        """The source with this bug. Raises :class:`PatchError` where a place isn't there, or is there twice."""
        lines = source.splitlines(keepends=True)
        for old, new in self.hunks:
            looked_for = old.splitlines(keepends=True)
            places = [start for start in range(len(lines)) if lines[start : start + len(looked_for)] == looked_for]
            if len(places) != 1:
                raise PatchError(f"{self.name} replaces what stands {len(places)} times, not once:\n{old}")
            lines[places[0] : places[0] + len(looked_for)] = new.splitlines(keepends=True)
        return "".join(lines)


def parsed(text: str) -> tuple[Bug, ...]:
    """The bugs in a file of patches. Raises :class:`PatchError`."""
    return tuple(_bug(lines) for lines in _split(text.splitlines(), "bug "))


def _split(lines: list[str], start: str) -> Iterator[list[str]]:
    """The parts that begin with such a line each; what stands before the first is left out."""
    places = [index for index, line in enumerate(lines) if line.startswith(start)]
    for first, end in zip(places, [*places[1:], len(lines)], strict=True):
        yield lines[first:end]


def _bug(lines: list[str]) -> Bug:
    words = {key: value for key, _, value in (line.partition(" ") for line in lines[:4])}
    try:
        name, level, codes, about = (words[key] for key in ("bug", "level", "codes", "about"))
        return Bug(name, Level(level), tuple(codes.split()), about, tuple(_hunk(one) for one in _split(lines, "@@")))
    except (KeyError, ValueError) as error:
        raise PatchError(f"{lines[0]}: expected bug, level, codes, about, and hunks behind them: {error}") from None


def _hunk(lines: list[str]) -> tuple[str, str]:
    """What a hunk replaces, and by what. Raises :class:`PatchError`."""
    body = list(dropwhile(lambda line: not line, reversed(lines[1:])))[::-1]
    strange = [line for line in body if line and line[0] not in " +-"]
    if strange:
        raise PatchError(f"{strange[0]!r} begins with none of space, + and -")
    old = "".join(f"{line[1:]}\n" for line in body if not line.startswith("+"))
    new = "".join(f"{line[1:]}\n" for line in body if not line.startswith("-"))
    return old, new
