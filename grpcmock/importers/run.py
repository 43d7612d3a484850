"""An import from files to drafts: what is read, in which format, and what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError, Location, Problems
from grpcmock.importers.draft import Context
from grpcmock.importers.formats import FORMATS
from grpcmock.stubs.files import read_text
from grpcmock.stubs.yaml import parse
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grpcmock.importers.draft import Draft
    from grpcmock.importers.formats import Format
    from grpcmock.schema import Registry


@dataclass(slots=True)
class Imported:
    """What an import has found."""

    format: Format
    drafts: list[Draft] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    files: list[Path] = field(default_factory=list)
    """The files that held something of the format."""


def import_files(
    name: str, paths: Sequence[Path], registry: Registry | None = None, *, taken: Iterable[str] = ()
) -> Imported:
    """Read files and directories in a format; *name* ``auto`` means that of the first file that tells.

    *taken* are names that other stubs have, so that no draft gets one of them.
    Raises :class:`ConfigError` where nothing is there to read, and :class:`StubError` where a file can't be parsed.
    """
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or directory.")
    chosen = FORMATS[name] if name != "auto" else _format_of(paths)
    found = Imported(chosen)
    documents: list[Node] = []
    for path in _files(paths, chosen.suffixes):
        own = _documents(path, chosen, found.problems)
        if own:
            found.files.append(path)
            documents += own
        elif path in paths:
            found.problems.warn(f"This holds nothing of {chosen.title}.", Location(str(path)), rule="import")
    found.problems.raise_errors()
    context = Context(found.problems, registry, dict.fromkeys(taken, 1))
    found.drafts = chosen.reader()(documents, context)
    return found


def _format_of(paths: Sequence[Path]) -> Format:
    structured = [one for one in FORMATS.values() if one.recognizes is not None]
    suffixes = tuple({suffix for one in structured for suffix in one.suffixes})
    for path in _files(paths, suffixes):
        for one in structured:
            if path.suffix in one.suffixes and _documents(path, one, Problems()):
                return one
    for path in _files(paths, (".sh", ".txt", ".md", "")):
        text = read_text(path, Problems()) or ""
        for name in ("grpcurl", "curl"):
            if f"{name} " in text:
                return FORMATS[name]
    names = ", ".join(FORMATS)
    raise ConfigError(f"No file of {', '.join(map(str, paths))} is in a format that is known: {names}.")


def _files(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[Path]:
    """List the files themselves, and those below directories that end so, hidden ones left out."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        below: list[Path] = []
        for parent, folders, names in os.walk(path):
            folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
            below += [Path(parent, name) for name in names if name.endswith(suffixes) and not name.startswith(".")]
        found |= dict.fromkeys(sorted(below, key=lambda file: file.parts))
    return list(found)


def _documents(path: Path, of: Format, problems: Problems) -> list[Node]:
    """Read the documents of a file that are of a format."""
    noted = Problems()
    text = read_text(path, noted)
    if text is None:
        for problem in noted:
            problems.warn(
                f"This file is left out: {problem.message}", problem.location, hint=problem.hint, rule="import"
            )
        return []
    if of.recognizes is None:
        return [Node(text, str(path), 1, 1)]
    own: list[Node] = []
    for document in parse(of.prepared(text, path.suffix), str(path), noted):
        first = document.value[0] if document.is_list and document.value else document
        if first.is_mapping and of.recognizes(first):
            own.append(document)
    # A file of something else may be no YAML to us; one of this format must be.
    if own or "error" not in {problem.severity for problem in noted}:
        for problem in noted:
            problems.add(problem)
    elif noted.errors:
        first_error = noted.errors[0]
        problems.warn(f"This file is left out: {first_error.message}", first_error.location, rule="import")
    return own
