"""Stubs of other tools, loaded as they are: each keeps the place where its original stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.importers.run import import_files
from grpcmock.stubs.parser import parse_stub
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from grpcmock.errors import Problems
    from grpcmock.importers.draft import Draft
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub


def load(paths: Sequence[Path], registry: Registry, problems: Problems, *, taken: Iterable[str] = ()) -> list[Stub]:
    """Load files and directories, each in the format that it tells; *problems* gets the warnings.

    No stub gets a name that is *taken*.
    Raises :class:`ConfigError` for one in no format that is known.
    """
    found: list[Stub] = []
    for path in paths:
        imported = import_files("auto", [path], registry, taken=[*taken, *(stub.name for stub in found)])
        for problem in imported.problems:
            problems.add(problem)
        found += stubs_of(imported.drafts, problems)
    return found


def stubs_of(drafts: Iterable[Draft], problems: Problems) -> list[Stub]:
    """Make stubs of drafts; what is wrong with one of them is noted."""
    parsed = (parse_stub(Node.of(draft.ordered(), draft.place), problems) for draft in drafts)
    return [stub for stub in parsed if stub is not None]
