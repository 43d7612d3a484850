"""Compile ``.proto`` files into descriptors, and tell what is wrong with those that don't compile."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.errors import CompileError, Location, Problem
from grpcmock.schema import complaints, kept
from grpcmock.schema.dependencies import Dependencies
from grpcmock.schema.protoc import Outcome, Workspace

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcmock.schema.layout import Layout

MOST_RUNS = 20
"""How often protoc is run at most to hear of all files that fail: it gives up at the first."""

_HOW_TO_GO_ON = "Fix the file, or leave it out with --exclude-path."


def compile_files(
    layout: Layout,
    described: Sequence[FileDescriptorProto] = (),
    problems: Sequence[Problem] = (),
) -> list[FileDescriptorProto]:
    """Return the descriptors of the files that a layout wants, and of all that they import.

    *described* holds the descriptors of files that can be imported, too. *problems* are those known beforehand, of the
    imports that are missing. Raises :class:`CompileError`, which holds all that is wrong, each fault once: what only
    follows from another one is left out.
    """
    __tracebackhide__ = True  # in a test it is the caller's line that is wrong
    dependencies = Dependencies(layout.imports)
    circles = dependencies.circles()
    untried = dependencies.upon({*layout.blocked, *(name for circle in circles for name in circle)})
    tried = [name for name in layout.wanted if name not in untried]
    found = [*problems, *(_circular(circle, layout) for circle in circles)]
    if not tried:
        raise CompileError(complaints.shortened(found))
    key = kept.key(layout, described)
    if not found and (known := kept.get(key)) is not None:
        return known
    with Workspace(layout, described) as work:
        outcome = work.run(tried)
        if not outcome.code and not found:
            return kept.put(key, work.output())
        found += _Diagnosis(work, layout, dependencies).tell(tried, outcome)
    raise CompileError(complaints.shortened(found))


def _circular(circle: Sequence[str], layout: Layout) -> Problem:
    statement = layout.imports[circle[0]][circle[1]]
    return Problem(
        f"File recursively imports itself: {' -> '.join(circle)}.",
        Location(str(layout.files[circle[0]]), statement.line, statement.column),
        rule=complaints.RULE,
    )


class _Diagnosis:
    """What is wrong with files that don't compile.

    protoc reads the files that it is told in order, and gives up at the first that fails. So those before that one are
    sound; those behind it that don't import it are tried again.
    """

    def __init__(self, work: Workspace, layout: Layout, dependencies: Dependencies) -> None:
        self._work = work
        self._names = work.names()
        self._layout = layout
        self._dependencies = dependencies

    def tell(self, names: Sequence[str], outcome: Outcome) -> Iterator[Problem]:
        """Yield what is wrong with the files of a run that ended so."""
        for _ in range(MOST_RUNS):
            if not outcome.code:
                return
            if outcome.aborted:
                failed = yield from self._aborted(names, outcome)
            else:
                failed = yield from self._complained(outcome)
            hit = self._dependencies.upon(failed)
            first = next((index for index, name in enumerate(names) if name in hit), len(names))
            names = [name for name in names[first:] if name not in hit]
            if not names:
                return
            outcome = self._work.run(names)
        if outcome.code:
            count = f"{len(names):,} files haven't" if len(names) > 1 else "One file hasn't"
            yield Problem(f"{count} been compiled yet: fix these first.", rule=complaints.RULE)

    def _complained(self, outcome: Outcome) -> Generator[Problem, None, set[str]]:
        told = complaints.read(outcome.said, self._names, self._layout, self._dependencies)
        yield from told.others
        yield from complaints.of_files_alone(told, self._dependencies)
        if not told.of_files and not told.others:
            yield Problem("protoc failed without a word.", rule=complaints.RULE)
        return set(told.of_files)

    def _aborted(self, names: Sequence[str], outcome: Outcome) -> Generator[Problem, None, set[str]]:
        culprit, outcome = self._culprit(names, outcome)
        if culprit is not None:
            culprit, outcome = self._culprit(self._dependencies.behind(culprit), outcome)
        words = complaints.last_words(outcome.said) or f"{outcome.signal}, without a word."
        where = Location(str(self._layout.files[culprit])) if culprit is not None else None
        yield Problem(f"protoc aborted: {words}", where, hint=_HOW_TO_GO_ON, rule="protoc-aborted")
        return {culprit} if culprit is not None else set(names)

    def _culprit(self, names: Sequence[str], outcome: Outcome) -> tuple[str | None, Outcome]:
        """Find the first file with which protoc aborts, by halves; None if it takes several."""
        if len(names) == 1:
            return names[0], outcome
        left = names
        while len(left) > 1:
            half = left[: len(left) // 2]
            left = half if self._work.run(half).aborted else left[len(half) :]
        alone = self._work.run(left)
        return (left[0], alone) if alone.aborted else (None, outcome)
