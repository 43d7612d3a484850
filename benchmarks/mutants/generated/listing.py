"""The generated bugs of a service that are kept: which there are, what a caller sees of each, and which were left out.

``generated.jsonl`` beside the service holds one on each line, and what became of all others in its last one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.mutants.generated.oracle import Difference, Effect

if TYPE_CHECKING:
    from benchmarks.mutants.generated.mutations import Mutation
    from benchmarks.mutants.services.definition import Definition

KEPT = 64
"""Bugs of each service that are kept."""

LEFT_OUT = (Effect.DETAILS, Effect.STARTS_NOT)
"""Effects that are no bug that anybody would look for with calls."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A change that a caller can see."""

    name: str
    line: int
    told: str
    effect: str
    method: str
    """The method that shows it."""

    expected: str
    """The status there without the change, and with it."""

    actual: str

    @property
    def operator(self) -> str:
        return self.name.partition(":")[0]


def turns(changes: Iterable[Mutation]) -> list[Mutation]:
    """The order in which changes are tried: one of each operator by turns, and the same whenever it is asked for."""
    by_operator: dict[str, list[Mutation]] = {}
    for change in sorted(changes, key=lambda one: hashlib.sha256(one.name.encode()).digest()):
        by_operator.setdefault(change.operator, []).append(change)
    rounds = zip_longest(*(by_operator[operator] for operator in sorted(by_operator)))
    return [change for one in rounds for change in one if change is not None]


def write(definition: Definition, kept: Sequence[Generated], summary: Mapping[str, Any]) -> None:
    """Write the list of a service."""
    lines = [json.dumps(asdict(bug), ensure_ascii=False) for bug in sorted(kept, key=lambda bug: (bug.line, bug.name))]
    path(definition).write_text("\n".join([*lines, json.dumps(summary)]) + "\n")


def path(definition: Definition) -> Path:
    return definition.folder / "generated.jsonl"


def read(definition: Definition) -> dict[str, Generated]:
    """The bugs that are kept, by their names; none for a service that isn't in Python, or wasn't tried yet."""
    return {bug.name: bug for bug in _read(definition)}


def _read(definition: Definition) -> Iterable[Generated]:
    if path(definition).exists():
        for line in path(definition).read_text().splitlines()[:-1]:
            yield Generated(**json.loads(line))


def generated(change: Mutation, seen: Difference) -> Generated:
    told = (seen.effect.value, seen.method, seen.expected, seen.actual)
    return Generated(change.name, change.line, change.told(), *told)
