"""The generated bugs of a service that are kept: which there are, what a caller sees of each, and which were left out.

``generated.jsonl`` beside the service holds one on each line, and what became of all others in its last one.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.mutants.generated.oracle import Difference, Effect
from benchmarks.mutants.services.definition import Definition

KEPT = 64
"""Bugs of each service that are kept, of all operators as evenly as there are."""

_LEFT_OUT = (Effect.DETAILS, Effect.STARTS_NOT)
"""Effects that are no bug that anybody would look for with calls."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A change that a caller can see."""

    name: str
    line: int
    told: str
    effect: str
    method: str
    """The method that shows it first."""

    expected: str
    """The status there without the change, and with it."""

    actual: str

    @property
    def operator(self) -> str:
        return self.name.partition(":")[0]


def chosen(bugs: Sequence[Generated], most: int = KEPT) -> list[Generated]:
    """As many as are kept, by turns from each operator, the same whenever they are chosen; in their first order."""
    by_operator: dict[str, list[Generated]] = {}
    for bug in sorted(bugs, key=lambda one: hashlib.sha256(one.name.encode()).digest()):
        if bug.effect not in _LEFT_OUT:
            by_operator.setdefault(bug.operator, []).append(bug)
    taken: set[str] = set()
    while len(taken) < most and any(by_operator.values()):
        for operator in sorted(by_operator):
            if by_operator[operator] and len(taken) < most:
                taken.add(by_operator[operator].pop(0).name)
    return [bug for bug in bugs if bug.name in taken]


def write(definition: Definition, bugs: Sequence[Generated], tried: int, calls: int) -> None:
    """Write the list of a service: *tried* changes were tried, with so many calls each."""
    effects = Counter(bug.effect for bug in bugs)
    summary = {"tried": tried, "calls": calls, "equivalent": tried - len(bugs), "effects": dict(sorted(effects.items()))}
    lines = [json.dumps(asdict(bug), ensure_ascii=False) for bug in chosen(bugs)]
    path(definition).write_text("\n".join([*lines, json.dumps(summary)]) + "\n")


def path(definition: Definition):  # noqa: ANN201
    return definition.folder / "generated.jsonl"


def read(definition: Definition) -> dict[str, Generated]:
    """The bugs that are kept, by their names; none for a service that isn't in Python."""
    return {bug.name: bug for bug in _read(definition)}


def _read(definition: Definition) -> Iterable[Generated]:
    if definition.in_python:
        for line in path(definition).read_text().splitlines()[:-1]:
            yield Generated(**json.loads(line))


def generated(name: str, line: int, told: str, seen: Difference) -> Generated:
    return Generated(name, line, told, str(seen.effect), seen.method, seen.expected, seen.actual)
