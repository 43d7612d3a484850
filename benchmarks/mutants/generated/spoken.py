"""What speaks of each generated bug that is kept: whether anybody could show it who hasn't read the service.

``spoken.jsonl`` beside the service has a line for each of them. It is judged by hand: for somebody who has the protos,
what is published of the standards that they use, and the answers of the changed server, but not its source.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mutants.services.definition import SERVICES

if TYPE_CHECKING:
    from benchmarks.mutants.generated.listing import Generated
    from benchmarks.mutants.services.definition import Definition

NOT_JUDGED = "not judged"
"""What is told of a bug that has no line."""


class Speaks(StrEnum):
    """What says that a changed server is wrong."""

    CONTRACT = "contract"
    """A rule, an annotation, a comment, or what a name plainly promises."""

    WORDS = "words"
    """The server itself: its texts say otherwise than it acts."""

    CONDUCT = "conduct"
    """The server itself: two of its answers disagree."""

    STANDARD = "standard"
    """An error that nobody handles, or a rule of gRPC, of protobuf, or of an AIP."""

    NOTHING = "nothing"
    """Nothing that a maintainer would have to accept."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The judgment of one bug."""

    name: str
    speaks: Speaks
    where: str
    """What it says, and what the changed server does; empty if nothing speaks of it."""


def path(definition: Definition) -> Path:
    return definition.folder / "spoken.jsonl"


def parsed(text: str) -> dict[str, Spoken]:
    """The judgments in a text, by the names of the bugs. Raises ValueError, with the line, for what is none."""
    found: dict[str, Spoken] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            judged = Spoken(**json.loads(line))
            judged = Spoken(judged.name, Speaks(judged.speaks), judged.where)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Line {number} is no judgment: {error}") from error
        if judged.name in found:
            raise ValueError(f"Line {number} judges {judged.name} again.")
        if bool(judged.where) == (judged.speaks is Speaks.NOTHING):
            raise ValueError(f"Line {number} has to say where, and only there, if anything speaks of {judged.name}.")
        found[judged.name] = judged
    return found


def read(definition: Definition) -> dict[str, Spoken]:
    """The judgments of a service, by the names of the bugs; none where there is no file."""
    return parsed(path(definition).read_text()) if path(definition).exists() else {}


def gaps(judged: Collection[str], kept: Iterable[Generated], before: Mapping[str, Generated]) -> list[str]:
    """In sentences, which bugs lack a judgment: those without a line, and those whose name stood for another change.

    *before* are the bugs that were kept when they were judged.
    """
    now = {bug.name: bug for bug in kept}
    others = [name for name in now if name in judged and name in before and before[name].told != now[name].told]
    told = {
        "Not judged": now.keys() - set(judged),
        "Judged, and another change by now": others,
        "Judged, and not kept any more": set(judged) - now.keys(),
    }
    return [f"{what}: {', '.join(sorted(names))}." for what, names in told.items() if names]


def speaks(service: str, bug: str) -> str:
    """What speaks of a bug, in a word."""
    judged = _of_service(service).get(bug)
    return judged.speaks.value if judged is not None else NOT_JUDGED


@cache
def _of_service(name: str) -> dict[str, Spoken]:
    return read(SERVICES[name]) if name in SERVICES else {}
