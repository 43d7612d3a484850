"""What came of a step, and of all steps on one specimen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.zoo.specimen import Specimen


class Verdict(Enum):
    """The value is the mark in the table."""

    PASSED = ""
    SKIPPED = "–"
    FAILED = "✗"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step."""

    verdict: Verdict = Verdict.PASSED
    detail: str = ""
    """Why it failed or was skipped; or what is worth to be known of one that passed."""

    seconds: float = 0.0


class SkippedError(Exception):
    """A step that can't be made here; the text is the reason."""


class FailedError(Exception):
    """A step that showed something wrong; the text tells what."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of every step on one specimen."""

    specimen: Specimen
    methods: int
    outcomes: Mapping[str, Outcome]
    """By the names of the steps."""

    @property
    def failed(self) -> Sequence[str]:
        """The steps that failed."""
        return [name for name, outcome in self.outcomes.items() if outcome.verdict is Verdict.FAILED]
