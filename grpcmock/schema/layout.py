"""Where ``.proto`` files stand: which name each is imported by, found without being told the import roots."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from grpcmock.errors import Location, Problem
from grpcmock.schema import shipped

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_HEADER = re.compile(
    r"""//[^\n]*|/\*.*?\*/
    |\bimport\s+(?:(?:public|weak|option)\s+)?(?:"([^"\n]*)"|'([^'\n]*)')
    |\bpackage\s+([\w.]+)\s*;
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Given:
    """A ``.proto`` file that the user named, or that stands in a directory that the user named."""

    path: Path
    root: Path | None = None
    """The directory; None if the file itself was named."""


@dataclass(slots=True)
class Layout:
    """The files of one compilation, by the names that they are imported by."""

    files: dict[str, Path] = field(default_factory=dict)
    """Every file, those that are only imported included."""

    wanted: list[str] = field(default_factory=list)
    """The names of the files that were given."""

    problems: list[Problem] = field(default_factory=list)


def absolute(path: str | Path) -> Path:
    """Give the absolute path without following links, so that it stays recognizable."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def proto_files(directory: Path) -> Iterator[Path]:
    """Yield the ``.proto`` files below a directory, sorted; hidden directories and those of tools are left out."""
    entered: set[str] = set()
    for folder, folders, names in os.walk(directory, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            if name.endswith(".proto") and not name.startswith("."):
                yield Path(folder, name)


def arrange(given: Sequence[Given], imports: Sequence[Path], described: Iterable[str] = ()) -> Layout:
    """Find the name of each file, and the files that they import, directly or not.

    A name is sought below the *imports*, below the directories given, among what comes along, in the folders above the
    file that imports it, and at last among all files given. A file that another one imports has the name that it is
    imported by; another one given stands below its directory, or below the ancestor that its own imports or its package
    agree with. Names that two different files claim are among the problems.
    """
    return _Arranger(given, imports, frozenset(described)).arrange()


@dataclass(frozen=True, slots=True)
class _Header:
    package: str
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    root: Path | None


class _Arranger:
    def __init__(self, given: Sequence[Given], imports: Sequence[Path], described: frozenset[str]) -> None:
        self.imports = [absolute(root) for root in imports]
        self.described = described
        self.given: dict[str, Given] = {}
        for file in given:
            self.given.setdefault(os.path.realpath(file.path), file)
        self.real = cache(os.path.realpath)
        self.by_file_name: dict[str, list[Path]] = {}
        for file in self.given.values():
            self.by_file_name.setdefault(file.path.name, []).append(file.path)
        self.roots = list(dict.fromkeys(file.root for file in given if file.root is not None))
        self.headers: dict[str, _Header] = {}
        self.layout = Layout()
        self.imported_as: dict[str, str] = {}
        self.own_roots: dict[str, Path] = {}

    def arrange(self) -> Layout:
        for file in self.given.values():
            self._follow(file.path, file.root)
        for real, file in self.given.items():
            name = self.imported_as.get(real) or self._own_name(real, file)
            if name is not None:
                self.layout.files.setdefault(name, _shown(file.path))
                self.layout.wanted.append(name)
        self.layout.wanted = list(dict.fromkeys(self.layout.wanted))
        return self.layout

    def _follow(self, path: Path, root: Path | None) -> None:
        """Take up all that a file imports, directly or not."""
        pending = [(path, root)]
        while pending:
            path, root = pending.pop()
            real = self.real(path)
            if real in self.headers:
                continue
            header = self.headers[real] = _read_header(path)
            for name in header.imports:
                found = self._resolve(name, path, root)
                if found is None:
                    continue  # protoc says so, with line and column
                if found.root is not None and path.is_relative_to(found.root):
                    self.own_roots.setdefault(real, found.root)
                self._claim(name, found, path)
                pending.append((found.path, found.root or root))

    def _claim(self, name: str, found: _Found, importer: Path) -> None:
        real = self.real(found.path)
        self.imported_as.setdefault(real, name)
        if name not in self.layout.files:
            self.layout.files[name] = _shown(found.path)
            return
        other = self.layout.files[name]
        if self.real(other) != real and not _same_content(other, found.path):
            self.layout.problems.append(
                Problem(
                    f"the import {name!r} means {_shown(found.path)} here, but {other} elsewhere.",
                    Location(str(_shown(importer))),
                    hint="Load them apart, or name one import root for both.",
                    rule="ambiguous-import",
                )
            )

    def _resolve(self, name: str, importer: Path, root: Path | None) -> _Found | None:
        for candidate in (*self.imports, *((root,) if root else ()), *self.roots):
            if (candidate / name).is_file():
                return _Found(candidate / name, candidate)
        if name in self.described:
            return None
        if shipped.is_shipped(name):
            path = shipped.find(name)
            return self._vendored(name) or (_Found(path, None) if path else None)
        for candidate in absolute(importer).parents:
            if (candidate / name).is_file():
                return _Found(candidate / name, candidate)
        return self._vendored(name)

    def _vendored(self, name: str) -> _Found | None:
        """Find the one file given whose path ends with the name of an import."""
        parts = Path(name).parts
        alike = self.by_file_name.get(parts[-1], ()) if parts else ()
        ending = [path for path in alike if path.parts[-len(parts) :] == parts]
        if not ending or (len(ending) > 1 and not shipped.is_shipped(name)):
            return None
        return _Found(ending[0], ending[0].parents[len(parts) - 1])

    def _own_name(self, real: str, file: Given) -> str | None:
        """Name a file that no other one imports; give None if it is a mere copy of another one."""
        path = file.path
        root = next((root for root in self.imports if path.is_relative_to(root)), None) or file.root
        if (vendored := _shipped_name(path)) is not None:
            return None if vendored in self.layout.files else vendored
        if root is None:
            root = self.own_roots.get(real) or _package_root(path, self.headers[real].package)
        name = path.relative_to(root).as_posix()
        while name in self.layout.files and self.real(self.layout.files[name]) != real:
            if _same_content(self.layout.files[name], path):
                return None
            if root == root.parent:
                return None
            root = root.parent
            name = path.relative_to(root).as_posix()
        return name


def _read_header(path: Path) -> _Header:
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return _Header("", ())  # protoc says so
    package, imports = "", []
    for found in _HEADER.finditer(text):
        double, single, named = found.groups()
        if double or single:
            imports.append(double or single)
        elif named:
            package = package or named
    return _Header(package, tuple(imports))


def _package_root(path: Path, package: str) -> Path:
    """Give the root below which the folders of a file are those of its package; else the file's own folder."""
    parts = tuple(package.split(".")) if package else ()
    if parts and path.parent.parts[-len(parts) :] == parts:
        return path.parents[len(parts)]
    return path.parent


def _shipped_name(path: Path) -> str | None:
    """Tell whether a file is a copy of one that comes along, by the end of its path."""
    for first in ("google", "buf"):
        for index, part in enumerate(path.parts):
            if part == first and shipped.is_shipped(name := "/".join(path.parts[index:])):
                return name
    return None


def _same_content(one: Path, other: Path) -> bool:
    try:
        return one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _shown(path: Path) -> Path:
    """Give a path as a user would write it: relative, if it is below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
