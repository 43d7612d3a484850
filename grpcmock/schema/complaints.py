"""What protoc complains of, as problems with their places."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.errors import Location, Problem

if TYPE_CHECKING:
    from grpcmock.schema.dependencies import Dependencies
    from grpcmock.schema.layout import Layout

RULE = "protoc"
_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)")
_UNPLACED = re.compile(r"(?P<file>.+?\.proto): (?P<text>.*)")
_DEFINED_TWICE = re.compile(r'"(?P<symbol>[^"]+)" is already defined in file "(?P<file>[^"]+)"\.')
_UNKNOWN_OPTION = re.compile(r'Option "\(\.?(?P<name>[\w.]+)\)[^"]*" (?:unknown|is resolved to)\b.*')
_UNDEFINED = re.compile(r'^".*" is (?:not defined|resolved to .* which is not defined)')
_LOGGED = re.compile(r"(?P<level>[IWEF])\d{4} [^\]]*\] (?P<text>.*)")
_PRELUDE = "WARNING: All log messages before absl::InitializeLog() is called"
_FAILED_CHECK = "*** Check failure stack trace: ***"

_MOST_OF_A_FILE = 10
_MOST = 40


@dataclass(frozen=True, slots=True)
class Complaints:
    """What one run of protoc said."""

    of_files: Mapping[str, Sequence[Problem]]
    """By the names of the files."""

    others: Sequence[Problem]
    """What names no file that is known."""


def read(said: str, names: Mapping[str, str], layout: Layout, dependencies: Dependencies) -> Complaints:
    """Read protoc's ``file:line:column: text``; *names* tells what it calls the files by."""
    of_files: dict[str, list[Problem]] = {}
    twice: dict[tuple[str, str], list[tuple[str, Location]]] = {}
    others: list[Problem] = []
    for line in _lines(said):
        found = _PLACED.fullmatch(line) or _UNPLACED.fullmatch(line)
        if found is None:
            others.append(Problem(line, rule=RULE))
            continue
        name = names.get(found["file"], found["file"])
        path = str(layout.files.get(name, name))
        placed = found.re is _PLACED
        where = Location(path, int(found["line"]), int(found["column"])) if placed else Location(path)
        told = of_files.setdefault(name, []) if name in layout.files else others
        if (again := _DEFINED_TWICE.fullmatch(found["text"])) and name in layout.files:
            twice.setdefault((name, again["file"]), []).append((again["symbol"], where))
        else:
            told.append(Problem(found["text"], where, rule=RULE))
    for (name, other), symbols in twice.items():
        # Whatever else is said of this file follows from that.
        of_files[name] = [problem for problem in of_files[name] if problem.rule == "defined-twice"]
        of_files[name].append(_defined_twice(name, other, symbols, layout, dependencies))
    # "x.proto: File not found." is said again, with its place, at the import.
    if of_files:
        others = [problem for problem in others if problem.message != "File not found."]
    return Complaints(of_files, others)


def _lines(said: str) -> Iterator[str]:
    for line in dict.fromkeys(map(str.strip, said.splitlines())):
        if line and ": warning: " not in line and not line.startswith(_PRELUDE) and not _LOGGED.match(line):
            yield line


def last_words(said: str) -> str:
    """Return why protoc aborted, in one line; empty if it doesn't say."""
    lines = [line.strip() for line in said.partition(_FAILED_CHECK)[0].splitlines() if line.strip()]
    logged = [(index, found) for index, line in enumerate(lines) if (found := _LOGGED.match(line))]
    fatal = [(index, found["text"].strip()) for index, found in logged if found["level"] in "EF"]
    if not fatal:
        return next((line for line in reversed(lines) if not line.startswith(_PRELUDE)), "")
    index, text = fatal[-1]
    # What follows the check that failed says more of it; else it may be the error before, which knows the field.
    more = [re.sub(r"\s+", " ", line) for line in lines[index + 1 :]] or [text for _, text in fatal[-2:-1]]
    return " ".join([text, "; ".join(more)]).strip()


def _defined_twice(
    name: str, other: str, symbols: Sequence[tuple[str, Location]], layout: Layout, dependencies: Dependencies
) -> Problem:
    names = {symbol for symbol, _ in symbols}
    outermost = [(symbol, where) for symbol, where in symbols if symbol.rpartition(".")[0] not in names]
    (first, where), more = outermost[0], len(outermost) - 1
    path, rival = layout.files[name], layout.files.get(other, other)
    # Best to leave out the one that nothing else needs.
    needless = path if not dependencies.importers(name) or dependencies.importers(other) else rival
    and_more = f" and {more} more" if more else ""
    return Problem(
        f"{first}{and_more} {'are' if more else 'is'} defined in {rival}, too.",
        where,
        hint=f"Load only one of the two files: --exclude-path {needless}.",
        rule="defined-twice",
    )


def shortened(problems: Sequence[Problem]) -> list[Problem]:
    """Return at most a screen of problems; what is left out is counted."""
    kept: list[Problem] = []
    counts: dict[str, int] = {}
    for problem in problems:
        file = problem.location.file if problem.location else ""
        counts[file] = counts.get(file, 0) + 1
        if not file or counts[file] <= _MOST_OF_A_FILE:
            kept.append(problem)
    kept = kept[:_MOST]
    if left := len(problems) - len(kept):
        kept.append(Problem(f"{left:,} more problem{'s are' if left > 1 else ' is'} not shown.", rule=RULE))
    return kept


def of_files_alone(complaints: Complaints, dependencies: Dependencies) -> Iterable[Problem]:
    """Yield what is wrong with files themselves: not what follows from a fault in what they import."""
    failing = complaints.of_files.keys()
    for name, problems in complaints.of_files.items():
        if failing.isdisjoint(dependencies.behind(name)[:-1]):
            yield from problems


def unknown_options(complaints: Complaints, dependencies: Dependencies) -> set[str]:
    """Return the custom options that protoc doesn't know, of files that it has no other fault with."""
    unknown = (_UNKNOWN_OPTION.match(one.message) for one in of_files_alone(complaints, dependencies))
    return {found["name"] for found in unknown if found}


def undefined(complaints: Complaints, names: Collection[str]) -> bool:
    """Tell whether one of some files names a type that there isn't."""
    return any(_UNDEFINED.search(one.message) for name in names for one in complaints.of_files.get(name, ()))
