"""How many calls are expected, and what can be said of that where a journal has dropped some."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many calls should fit."""

    at_least: int = 0
    at_most: int | None = None

    def holds(self, number: int) -> bool:
        return self.at_least <= number and (self.at_most is None or number <= self.at_most)

    def verdict(self, number: int, lost: int) -> bool | None:
        """Whether this holds, where *number* calls are there, and up to *lost* more may have been; None if it is open.

        What is there stays there: that there are enough, or too many, is certain in spite of what was lost.
        """
        here = self.holds(number)
        if not lost:
            return here
        if here:
            return True if self.at_most is None or number + lost <= self.at_most else None
        return False if number >= self.at_least or number + lost < self.at_least else None

    def __str__(self) -> str:
        if self.at_most is None:
            return f"at least {_calls(self.at_least)}"
        if self.at_least == self.at_most:
            return f"exactly {_calls(self.at_least)}" if self.at_least else "no call"
        if not self.at_least:
            return f"at most {_calls(self.at_most)}"
        return f"{self.at_least} to {_calls(self.at_most)}"


def in_words(number: int) -> str:
    """Say how many there are: ``none``, ``1``, ``2``."""
    return f"{number:,}" if number else "none"


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
