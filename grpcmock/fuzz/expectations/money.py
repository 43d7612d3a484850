"""What ``google.type.Money`` says of itself: nanos are less than a unit, and have no other sign than the units."""

from __future__ import annotations

MONEY = "google.type.Money"

_HALF = 500_000_000
_UNIT = 1_000_000_000

Sum = tuple[int, int]
"""Units and nanos."""

TRIED: tuple[Sum, ...] = ((1, _HALF), (0, _HALF), (5, 0), (-1, -_HALF), (0, -_HALF), (-5, 0), (1, 2 * _UNIT))

SISTERS: tuple[tuple[Sum, Sum], ...] = (
    ((0, _HALF), (1, _HALF)),
    ((5, 0), (1, _HALF)),
    ((0, -_HALF), (-1, -_HALF)),
    ((-5, 0), (-1, -_HALF)),
    ((5, 0), (1, 2 * _UNIT)),
)
"""Of each two, the nanos of the first are as right as those of the second, if those are right at all."""
