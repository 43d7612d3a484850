"""How long to wait: a fixed time, a range, or a lognormal distribution, sampled from a seeded source."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.errors import Problems, did_you_mean
from grpcmock.stubs import steps
from grpcmock.tree import Node

if TYPE_CHECKING:
    from random import Random

LONGEST = 86_400.0
"""The longest delay in seconds: a day. It cuts the tail of a distribution, too."""

_EXPECTED = "expected a duration such as 200ms or 1.5s, {min, max} or {median, sigma}"
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(us|µs|ms|s|m|min|h)")
_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SHAPES = (frozenset({"min", "max"}), frozenset({"median", "sigma"}))


@dataclass(frozen=True, slots=True)
class Delay:
    """A time to wait, in seconds: ``low`` itself, evenly between ``low`` and ``high``, or lognormal around ``low``."""

    low: float
    """The fixed time, the least time, or the median."""

    high: float | None = None
    """The longest time of a range."""

    sigma: float | None = None
    """The standard deviation of the logarithm, of a lognormal delay."""

    def sample(self, random: Random) -> float:
        """Give the seconds to wait this time. A fixed delay takes nothing from *random*."""
        if self.high is not None:
            return random.uniform(self.low, self.high)
        if self.sigma is not None:
            return min(self.low * math.exp(random.gauss(0.0, self.sigma)), LONGEST)
        return self.low


FOREVER = Delay(math.inf)
"""Lasts until the client cancels, or its deadline passes."""


def parse_wait(node: Node, problems: Problems, path: str) -> Delay | None:
    """Read the ``wait`` of a script, which may last ``forever``; None if it is wrong, with the problem noted."""
    return FOREVER if node.value == steps.FOREVER else parse_delay(node, problems, path)


def parse_delay(node: Node, problems: Problems, path: str) -> Delay | None:
    """Read a ``delay``, ``interval``, ``wait``, ``every`` or ``drip``; None if it is wrong, with the problem noted."""
    if not node.is_mapping:
        seconds = _seconds(node, problems, path)
        return None if seconds is None else Delay(seconds)
    given = frozenset(node.value)
    if given not in _SHAPES:
        _refuse_shape(node, problems, path)
        return None
    if "min" in given:
        low = _seconds(node.value["min"], problems, f"{path}.min")
        high = _seconds(node.value["max"], problems, f"{path}.max")
        if low is None or high is None:
            return None
        if low > high:
            problems.error(f"min ({low:g}s) is longer than max ({high:g}s).", node.location, path, rule="delay")
            return None
        return Delay(low, high)
    median = _seconds(node.value["median"], problems, f"{path}.median")
    sigma = node.value["sigma"].value
    if isinstance(sigma, bool) or not isinstance(sigma, (int, float)) or not 0 <= sigma <= 10:
        problems.error(
            f"expected a number from 0 to 10, not {_shown(node.value['sigma'])}.",
            node.value["sigma"].location,
            f"{path}.sigma",
            rule="delay",
        )
        return None
    return None if median is None else Delay(median, sigma=float(sigma))


def parse_move(text: str, path: str) -> float:
    """Return the seconds of a length of time that may be negative: ``1h``, ``-30s``. Raises :class:`StubError`."""
    problems, written = Problems(), text.strip()
    seconds = _seconds(Node.of(written.removeprefix("-")), problems, path, longest=math.inf)
    problems.raise_errors()
    assert seconds is not None
    return -seconds if written.startswith("-") else seconds


def _seconds(node: Node, problems: Problems, path: str, *, longest: float = LONGEST) -> float | None:
    value = node.value
    if value == 0 and isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0.0
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        seconds = float(found[1]) * _UNITS[found[2]]
        if seconds <= longest:
            return seconds
        problems.error(f"{value} is longer than a day, the longest delay.", node.location, path, rule="delay")
        return None
    hint = ""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        hint = f"Write the unit: {value}ms or {value}s."
    problems.error(f"{_EXPECTED}, not {_shown(node)}.", node.location, path, hint=hint, rule="delay")
    return None


def _refuse_shape(node: Node, problems: Problems, path: str) -> None:
    known = {"min", "max", "median", "sigma"}
    for key in node.value:
        if key not in known:
            hint = did_you_mean(str(key), known, known="The keys")
            problems.error(f"unknown key {key!r}.", node.key_location(key), path, hint=hint, rule="unknown-key")
            return
    problems.error(f"{_EXPECTED}, not {_keys(node)}.", node.location, path, rule="delay")


def _keys(node: Node) -> str:
    return "{" + ", ".join(map(str, node.value)) + "}"


def _shown(node: Node) -> str:
    return node.kind if node.is_mapping or node.is_list or node.value is None else repr(node.value)
