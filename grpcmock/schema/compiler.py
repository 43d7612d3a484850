"""Compile ``.proto`` files into descriptors, and tell what is wrong with those that don't compile."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from grpcmock.errors import CompileError, Location, Problem, SchemaWarning
from grpcmock.schema import complaints, headers, kept
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
    *,
    strict: bool = False,
) -> list[FileDescriptorProto]:
    """Return the descriptors of the files that a layout wants, and of all that they import.

    *described* holds the descriptors of files that can be imported, too. *problems* are those known beforehand, of the
    imports that are missing. Where nothing but custom options needs these, the options are left out, with a
    :class:`SchemaWarning`; not if *strict*. Raises :class:`CompileError`, which holds all that is wrong, each fault
    once: what only follows from another one is left out.
    """
    __tracebackhide__ = True  # in a test it is the caller's line that is wrong
    dependencies = Dependencies(layout.imports)
    circles = dependencies.circles()
    key = kept.key(layout, described)
    lenient = not strict and not circles
    if (lenient or not (problems or circles)) and (known := kept.get(key)) is not None:
        return known
    blocked, found = layout.blocked, [*problems]
    with Workspace(layout, described) as work:
        if problems and lenient and (options := _needless(work, layout, dependencies)) is not None:
            _warn(problems, options)
            blocked, found = set(), []
        found += (_circular(circle, layout) for circle in circles)
        untried = dependencies.upon({*blocked, *(name for circle in circles for name in circle)})
        tried = [name for name in layout.wanted if name not in untried]
        if not tried:
            raise CompileError(complaints.shortened(found))
        outcome = work.run(tried)
        if not outcome.code and not found:
            return kept.put(key, work.output())
        found += _Diagnosis(work, layout, dependencies).tell(tried, outcome)
    raise CompileError(complaints.shortened(found))


def _needless(work: Workspace, layout: Layout, dependencies: Dependencies) -> set[str] | None:
    """Compile without what is missing; return the options that had to be left out, None if that isn't enough.

    protoc needs the declaration of each custom option, of which the messages on the wire know nothing. It tells those
    that it doesn't know only once every type is found.
    """
    packages = {headers.read(path).package for path in layout.files.values()}
    lacking = dependencies.upon(layout.blocked)
    options: set[str] = set()
    while True:
        outcome = work.run(layout.wanted)
        said = complaints.read(outcome.said, work.names(), layout, dependencies)
        unknown = set()
        for name in complaints.unknown_options(said, dependencies):
            package = name.rpartition(".")[0]
            unknown.add(name if package in packages else f"{package}.*")
        if unknown <= options:
            return None if complaints.undefined(said, lacking) else options
        options |= unknown
        work.leave_out(options, lacking)


def _warn(problems: Sequence[Problem], options: set[str]) -> None:
    for problem in problems:
        warnings.warn(str(problem), SchemaWarning, stacklevel=2)
    if options:
        named = ", ".join(sorted(f"({name})" for name in options))
        warnings.warn(f"Options are left out whose declarations are not found: {named}.", SchemaWarning, stacklevel=2)


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
