"""Where ``.proto`` files stand: which name each is compiled by, found without being told the import roots."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grpcmock.schema import headers, shipped
from grpcmock.schema.excluding import Excluded

if TYPE_CHECKING:
    from grpcmock.schema.headers import Header, Import

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})


@dataclass(frozen=True, slots=True)
class Given:
    """A ``.proto`` file that the user named, or that stands in a directory that the user named."""

    path: Path
    root: Path | None = None
    """The directory; None if the file itself was named."""


@dataclass(frozen=True, slots=True)
class Needed:
    """An import of a descriptor set that is not in it."""

    name: str
    by: Path
    """The file of the set."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An import that names no file."""

    name: str
    importer: Path
    line: int
    column: int


@dataclass(slots=True)
class Layout:
    """The files of one compilation, by the names that they are compiled by: each has one name alone."""

    files: dict[str, Path] = field(default_factory=dict)
    """Every file, those that are only imported included."""

    wanted: list[str] = field(default_factory=list)
    """The names of the files that were given."""

    imports: dict[str, dict[str, Import]] = field(default_factory=dict)
    """What each file imports of the others: by their names here, as it is written there."""

    digests: dict[str, bytes] = field(default_factory=dict)
    """What each file holds, in short; empty for one that can't be read."""

    copied: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """The files that protoc must read from a copy, each with the imports that are spelled otherwise there, or left
    out (None)."""

    missing: list[Missing] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    """The files with an import that is missing."""

    described: set[str] = field(default_factory=set)
    """The imports that there are descriptors of, and no files."""


def absolute(path: str | Path) -> Path:
    """Return the absolute path without following links, so that it stays recognizable."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def shown(path: Path) -> Path:
    """Return a path as a user would write it: relative, if it is below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def proto_files(directory: Path, *, most_folders: int | None = None) -> Iterator[Path]:
    """Yield the ``.proto`` files below a directory, sorted; hidden directories and those of tools are left out."""
    entered: set[str] = set()
    for folder, folders, names in os.walk(directory, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        if len(entered) == most_folders:
            return
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            if name.endswith(".proto") and not name.startswith("."):
                yield Path(folder, name)


def arrange(
    given: Sequence[Given],
    imports: Sequence[Path],
    described: Iterable[str] = (),
    *,
    needed: Iterable[Needed] = (),
    excluded: Excluded | None = None,
) -> Layout:
    """Find the files that others import, directly or not, and a name for each.

    An import is sought below the *imports*, below the directories given, among the files *described* elsewhere, below
    the root of the tree that the importing file turns out to stand in, among what comes along, in the folders above
    the importing file, and at last among all files given. A file is called as another one imports it; one that none
    imports, by its path below its directory, or below the ancestor that its own imports or its package agree with.
    Where that name is another file's, folders are put before it; copies of one file are one. *needed* names imports of
    descriptor sets that their files have to supply.
    """
    return _Arranger(given, imports, frozenset(described), excluded or Excluded()).arrange(needed)


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    root: Path | None
    guessed: bool = False
    """Whether nothing but the end of its path speaks for it."""


_ELSEWHERE = _Found(Path(), None)
"""What an import resolves to that needs no file."""


@dataclass(slots=True)
class _File:
    path: Path
    root: Path | None
    """The root of the tree that the file stands in, as far as is known."""

    header: Header
    targets: dict[str, str] = field(default_factory=dict)
    """The real paths of what it imports, by the names that are written there."""

    lacking: list[Import] = field(default_factory=list)
    """Its imports that name no file."""

    called: list[str] = field(default_factory=list)
    """What others import it by."""


class _Arranger:
    def __init__(
        self, given: Sequence[Given], imports: Sequence[Path], described: frozenset[str], excluded: Excluded
    ) -> None:
        self.imports = [absolute(root) for root in imports]
        self.described = described
        self.excluded = excluded
        self.given: dict[str, Given] = {}
        for file in given:
            self.given.setdefault(os.path.realpath(file.path), file)
        self.real = cache(os.path.realpath)
        self.by_file_name: dict[str, list[Path]] = {}
        for file in self.given.values():
            self.by_file_name.setdefault(file.path.name, []).append(file.path)
        self.roots = list(dict.fromkeys(file.root for file in given if file.root is not None))
        self.files: dict[str, _File] = {}
        self.names: dict[str, str] = {}
        """The name of each file, by its real path; for a copy, that of what stands for it."""

        self.named: dict[bytes, str] = {}
        """Of each content, the file that stands for all copies."""

        self.alike: Counter[tuple[str, str]] = Counter()
        """How many files have the same name and the same package."""

        self.layout = Layout()
        self._resolved: dict[tuple[str, Path, Path | None], _Found | None] = {}

    def arrange(self, needed: Iterable[Needed]) -> Layout:
        for one in self.given.values():
            self._follow(one.path, one.root)
        wanted = [self._supply(name) for name in needed]
        wanted += [self._supply(name) for name in self._owed()]
        self._name_files()
        layout = self.layout
        layout.wanted = list(
            dict.fromkeys(
                self.names[real]
                for real in (*self.given, *filter(None, wanted))
                if real in self.names and self.real(layout.files[self.names[real]]) == real
            )
        )
        for real, file in self.files.items():
            name = self.names.get(real)
            if name is not None and self.real(layout.files[name]) == real:
                self._take(name, file)
        return layout

    # Following imports ----------------------------------------------------------------------------

    def _follow(self, path: Path, root: Path | None) -> None:
        """Take up a file, and all that it imports, directly or not."""
        pending = [(path, root)]
        while pending:
            path, root = pending.pop()
            real = self.real(path)
            if real in self.files:
                continue
            header = headers.read(path)
            if root is None and real in self.given:
                root = self.given[real].root
            file = self.files[real] = _File(path, root or self._tree(path, header), header)
            for one in header.imports:
                found = self._resolve(one.name, path.parent, file.root)
                if found is None or (found.guessed and not headers.may_mean(path, one.name, found.path)):
                    file.lacking.append(one)
                elif found is not _ELSEWHERE:
                    file.targets[one.name] = self.real(found.path)
                    pending.append((found.path, found.root))

    def _owed(self) -> Iterator[Needed]:
        """Yield what is imported by the descriptors that come along."""
        for name in sorted(self.layout.described - self.described):
            file = shipped.described(name)
            yield from (Needed(imported, Path(name)) for imported in (file.dependency if file else ()))

    def _supply(self, needed: Needed) -> str | None:
        """Find what a descriptor set lacks."""
        found = self._resolve(needed.name, absolute(needed.by).parent, None)
        if found is None or found is _ELSEWHERE:
            return None
        self._follow(found.path, found.root)
        real: str = self.real(found.path)
        self.files[real].called.insert(0, needed.name)
        return real

    def _tree(self, path: Path, header: Header) -> Path | None:
        """Tell the root of a file that was named alone: by what it imports of its own tree, or by its package."""
        for one in header.imports:
            if not shipped.is_shipped(one.name) and not self._named(one.name) and _is_plain(one.name):
                for root in path.parents:
                    if self._is_file(root / one.name):
                        return root
        return _package_root(path, header.package)

    def _resolve(self, name: str, folder: Path, root: Path | None) -> _Found | None:
        key = (name, folder, root)
        if key not in self._resolved:
            self._resolved[key] = self._sought(name, folder, root)
        return self._resolved[key]

    def _sought(self, name: str, folder: Path, root: Path | None) -> _Found | None:
        if not _is_plain(name):
            return self._beside(name, folder, root)
        if found := self._named(name, root):
            return found
        if name in self.described:
            self.layout.described.add(name)
            return _ELSEWHERE
        if root is not None and self._is_file(root / name):
            return _Found(root / name, root)
        if shipped.is_shipped(name):
            if found := self._vendored(name):
                return found
            if path := shipped.find(name):
                return _Found(path, None)
            if shipped.described(name):
                self.layout.described.add(name)
                return _ELSEWHERE
        for candidate in (folder, *folder.parents):
            if self._is_file(candidate / name):
                return _Found(candidate / name, candidate)
        return self._vendored(name) or self._cloned(name, folder)

    def _named(self, name: str, root: Path | None = None) -> _Found | None:
        """Find an import below the roots that the user named, the importing file's own one before other directories."""
        own = [root] if root is not None and root in self.roots else []
        for candidate in (*self.imports, *own, *self.roots):
            if self._is_file(candidate / name):
                return _Found(candidate / name, candidate)
        return None

    def _vendored(self, name: str) -> _Found | None:
        """Find the one file given whose path ends with the name of an import."""
        parts = PurePosixPath(name).parts
        alike = self.by_file_name.get(parts[-1], ()) if parts else ()
        ending = [path for path in alike if path.parts[-len(parts) :] == parts]
        if not ending or (len(ending) > 1 and not shipped.is_shipped(name)):
            return None
        return _Found(ending[0], ending[0].parents[len(parts) - 1], guessed=not shipped.is_shipped(name))

    def _beside(self, name: str, folder: Path, root: Path | None) -> _Found | None:
        """Find what is imported as some loaders take it: relative to the importing file, or with backslashes."""
        spelled = "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        if _is_plain(spelled) and (found := self._resolve(spelled, folder, root)):
            return found
        path = absolute(folder / spelled)
        if not self._is_file(path):
            return None
        return _Found(path, root if root is not None and path.is_relative_to(root) else None)

    def _cloned(self, name: str, folder: Path) -> _Found | None:
        """Find what is imported by the name or address of its repository: ``github.com/owner/name/path/to.proto``."""
        parts = name.split("/")
        for start in range(1, len(parts) - 1):  # a file's name alone would fit too much
            rest = "/".join(parts[start:])
            for candidate in (*self.imports, *self.roots, folder, *folder.parents):
                if self._is_file(candidate / rest):
                    return _Found(candidate / rest, candidate, guessed="." not in parts[0])
        return None

    def _is_file(self, path: Path) -> bool:
        return path.is_file() and not self.excluded.holds(path)

    # Naming files ---------------------------------------------------------------------------------

    def _name_files(self) -> None:
        self.alike.update((file.path.name, file.header.package) for file in self.files.values())
        for file in self.files.values():
            for written, target in file.targets.items():
                if _is_plain(written):
                    self.files[target].called.append(written)
        # A copy that came with a tree stands for the one that comes along, which its authors may not have had.
        own: list[str] = []
        along: list[str] = []
        for real, file in self.files.items():
            (along if shipped.is_shipped_path(file.path) else own).append(real)
        imported = [real for real in (*own, *along) if self.files[real].called]
        # Names that files are imported by go first: nothing else may take them.
        for real in (*imported, *own, *along):
            if real not in self.names:
                self._name(real, self.files[real])

    def _name(self, real: str, file: _File) -> None:
        content = file.header.digest
        if content and self.alike[file.path.name, file.header.package] > 1:
            content = headers.essence(file.path)
        if (twin := self.named.setdefault(content, real)) != real and content:
            self.names[real] = self.names[twin]
            return
        if not file.called and (name := _shipped_name(file.path)) is not None:
            self._claim(real, name)
            return
        if any(self._claim(real, name) for name in dict.fromkeys(file.called)):
            return
        path = file.path
        root = next((root for root in self.imports if path.is_relative_to(root)), None)
        root = root or (file.root if file.root is not None and path.is_relative_to(file.root) else path.parent)
        for candidate in (root, *root.parents):
            if self._claim(real, path.relative_to(candidate).as_posix()):
                return

    def _claim(self, real: str, name: str) -> bool:
        """Call a file by a name, unless another one has it; of what comes along, any version stands for all."""
        other = self.layout.files.setdefault(name, shown(self.files[real].path))
        if self.real(other) != real and not shipped.is_shipped(name):
            return False
        self.names[real] = name
        return True

    def _take(self, name: str, file: _File) -> None:
        """Note what a file imports, and what its copy must say instead."""
        self.layout.digests[name] = file.header.digest
        self.layout.imports[name] = {
            self.names[target]: one for one in file.header.imports if (target := file.targets.get(one.name))
        }
        respelled: dict[str, str | None] = {
            written: meant for written, target in file.targets.items() if (meant := self.names[target]) != written
        }
        respelled |= dict.fromkeys(one.name for one in file.lacking)
        if respelled or file.header.for_another_protoc:
            self.layout.copied[name] = respelled
        self.layout.missing += [Missing(one.name, file.path, one.line, one.column) for one in file.lacking]
        if file.lacking:
            self.layout.blocked.add(name)


def _is_plain(name: str) -> bool:
    """Whether protoc takes a name: a path below a root, without detours."""
    return "\\" not in name and not any(part in ("", ".", "..") for part in name.split("/"))


def _package_root(path: Path, package: str) -> Path | None:
    """Return the root below which the folders of a file are those of its package."""
    parts = tuple(package.split(".")) if package else ()
    return path.parents[len(parts)] if parts and path.parent.parts[-len(parts) :] == parts else None


def _shipped_name(path: Path) -> str | None:
    """Tell whether a file is a copy of one that comes along, by the end of its path."""
    for first in ("google", "buf"):
        for index, part in enumerate(path.parts):
            if part == first and shipped.is_shipped(name := "/".join(path.parts[index:])):
                return name
    return None
