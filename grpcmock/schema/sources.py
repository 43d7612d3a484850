"""Load a registry from what the user names: ``.proto`` files, directories of them, descriptor sets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import SchemaError
from grpcmock.schema import descriptor_sets, headers, layout, merging, shipped
from grpcmock.schema.excluding import Excluded
from grpcmock.schema.layout import Given, Layout, Needed
from grpcmock.schema.nearby import Named, Nearby
from grpcmock.schema.registry import Registry
from grpcmock.schema.remote import Remote, is_url

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

AnyPath = str | Path
AnySource = AnyPath | Remote
"""A path, the URL of a descriptor set, or protos that are elsewhere."""


@dataclass(frozen=True, slots=True)
class Imports:
    """Where imports are sought, and what isn't to be found."""

    roots: Sequence[AnyPath] = ()
    """Directories."""

    exclude: Sequence[str] = ()
    """Patterns of files and folders; see :class:`grpcmock.schema.excluding.Excluded`."""


AnyImports = Imports | Sequence[AnyPath]


def load(paths: Sequence[AnySource], *, imports: AnyImports = (), known: Registry | None = None) -> Registry:
    """Load all that *paths* name: ``.proto`` files, directories (read recursively), and descriptor sets.

    These may also be behind a URL of ``http(s)``, or be whatever can :meth:`~grpcmock.schema.remote.Remote.read` them.

    A directory is the import root of the files below it. The import root of a file is found by its imports and its
    package; *imports* names roots beforehand, below which *paths* are sought, too. A directory without ``.proto``
    files may hold descriptor sets instead. If that makes the same files as *known* has, it is *known* that is returned.

    Raises :class:`SchemaError`, which names every path that can't be used, or :class:`CompileError`.
    """
    __tracebackhide__ = True  # in a test it is the caller's line that is wrong
    files = read(paths, imports=imports)
    if known is not None and _alike(known.files.file, files.file):
        return known
    return Registry(files, nearby=_Named.of(paths, imports).neighborhood)


def _alike(some: Sequence[FileDescriptorProto], others: Sequence[FileDescriptorProto]) -> bool:
    # One by one, in Python: to compare all at once would stop the process's other threads.
    return len(some) == len(others) and all(one == other for one, other in zip(some, others, strict=True))


def read(paths: Sequence[AnySource], *, imports: AnyImports = ()) -> FileDescriptorSet:
    """Do as :func:`load` does, but give the descriptors. They hold the comments of the ``.proto`` files, too."""
    __tracebackhide__ = True
    named = _Named.of(paths, imports)
    protos, sets = named.survey()
    known: dict[str, FileDescriptorProto] = {}
    needed: list[Needed] = []
    for remote in named.remotes:
        _take(known, remote.read(), "remote", str(remote))
    for path, files in sets.items():
        _take(known, files, path.name.partition(".")[0], str(path))
        needed += [Needed(name, path) for file in files for name in file.dependency]
    needed = [one for one in needed if one.name not in known]
    arranged = layout.arrange(protos, named.imports, known, needed=needed, excluded=named.excluded)
    _take(known, _compile(arranged, known, named), "protos", "the .proto files")
    return merging.as_set(known.values())


def compiled_upon(paths: Sequence[AnyPath], served: Iterable[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Compile ``.proto`` files that may import those *served*, and return the descriptors of theirs alone.

    Raises as :func:`load` does, for every import that is missing.
    """
    named = _Named.of(paths, ())
    known = {file.name: file for file in served}
    arranged = layout.arrange(named.survey()[0], (), known)
    return [file for file in _compile(arranged, known, named, strict=True) if file.name in arranged.files]


def places(paths: Sequence[AnySource], *, imports: AnyImports = ()) -> dict[str, Path]:
    """Tell where the ``.proto`` files of :func:`load` stand, by the names that they are compiled by. Never fails."""
    return dict(_Named.of(paths, imports).arrange().files)


def watched(paths: Sequence[AnySource], *, imports: AnyImports = ()) -> list[Path]:
    """List the directories and files on which the outcome of :func:`load` depends, for a hot reload to watch.

    Never fails: paths that don't exist (any more) are listed as they are.
    """
    named = _Named.of(paths, imports)
    found = dict.fromkeys(named.paths)
    roots = [layout.absolute(path) for path in found if path.is_dir()]
    for path in named.arrange().files.values():
        where = layout.absolute(path)
        if not any(where.is_relative_to(root) for root in roots) and not shipped.is_shipped_path(where):
            found.setdefault(path)
    return list(found)


def shipped_files(names: Iterable[str]) -> list[FileDescriptorProto]:
    """Return the descriptors of files that come along (see :mod:`grpcmock.schema.shipped`), and of all they import."""
    needed = [Needed(name, Path.cwd() / name) for name in names]
    return _compile(layout.arrange([], [], needed=needed), {}, _Named())


@dataclass(frozen=True, slots=True)
class _Named:
    """What the user named."""

    paths: Sequence[Path] = ()
    imports: Sequence[Path] = ()
    excluded: Excluded = field(default_factory=Excluded)
    remotes: Sequence[Remote] = ()

    @classmethod
    def of(cls, paths: Sequence[AnySource], imports: AnyImports) -> _Named:
        given = imports if isinstance(imports, Imports) else Imports(imports)
        roots = [Path(root) for root in given.roots]
        local, remotes = _told_apart(paths)
        located = [_located(path, roots) for path in local]
        directories = [layout.absolute(path) for path in (*located, *roots) if path.is_dir()]
        return cls(located, roots, Excluded(given.exclude, directories), remotes)

    @property
    def neighborhood(self) -> Nearby:
        """Where to look for what isn't there."""
        return Nearby(Named([*map(layout.absolute, self.paths)], [*map(layout.absolute, self.imports)]))

    def survey(self) -> tuple[list[Given], dict[Path, list[FileDescriptorProto]]]:
        """Sort the paths into ``.proto`` files and descriptor sets. Raises for all that are neither."""
        __tracebackhide__ = True
        protos: list[Given] = []
        sets: list[Path] = []
        read: dict[Path, list[FileDescriptorProto]] = {}
        complaints = [self._no_root(root) for root in self.imports if not root.is_dir()]
        for path in self.paths:
            if path.is_dir():
                below = self._protos_at(path)
                sets_below = [] if below else self._sets_below(path)
                if not below and not sets_below:
                    complaints.append(f"{path}: the directory holds no .proto file{self._left}.")
                protos += below
                sets += sets_below
            elif not path.exists():
                complaints.append(f"{path}: there is no such file or directory.")
            elif not os.access(path, os.R_OK):
                complaints.append(f"{path}: the file can't be read (permission denied).")
            elif path.suffix == ".proto":
                protos += self._protos_at(path)
            else:
                sets.append(path)
        if not self.paths and not self.remotes:
            complaints.append("no .proto file, directory or descriptor set is named.")
        for path in sets:
            try:
                read[path] = descriptor_sets.read(path)
            except SchemaError as error:
                complaints.append(str(error))
        if complaints:
            raise SchemaError("\n".join(complaints))
        return protos, read

    def arrange(self) -> Layout:
        given = [file for path in self.paths for file in self._protos_at(path)]
        return layout.arrange(given, self.imports, excluded=self.excluded)

    def _no_root(self, root: Path) -> str:
        if not root.exists():
            return f"{root}: there is no such directory to import from."
        # The directory that is meant is the one below which an import of the files given leads there.
        given = (file.path for path in self.paths for file in self._protos_at(path))
        names = {one.name for path in given for one in headers.read(path).imports}
        meant = next((folder for folder in root.parents if root.relative_to(folder).as_posix() in names), root.parent)
        return f"{root}: this is a file; -I takes the directory that imports start from, such as -I {meant}."

    @property
    def _left(self) -> str:
        return " that isn't excluded" if self.excluded.patterns else ""

    def _protos_at(self, path: Path) -> list[Given]:
        where = layout.absolute(path)
        if path.is_dir():
            return [Given(file, where) for file in layout.proto_files(where) if not self.excluded.holds(file)]
        return [Given(where)] if path.suffix == ".proto" and path.is_file() else []

    def _sets_below(self, path: Path) -> list[Path]:
        found = sorted(file for file in path.rglob("*") if descriptor_sets.is_one(file))
        return [file for file in found if not self.excluded.holds(file)]


def _told_apart(sources: Sequence[AnySource]) -> tuple[list[Path], list[Remote]]:
    local: list[Path] = []
    remotes: list[Remote] = []
    for source in sources:
        if isinstance(source, str) and is_url(source):
            from grpcmock.schema.download import Download

            remotes.append(Download(source))
        elif isinstance(source, (str, Path)):
            local.append(Path(source))
        else:
            remotes.append(source)
    return local, remotes


def _located(path: Path, imports: Sequence[Path]) -> Path:
    """Find a path as protoc does: below the working directory, else below an import root."""
    if path.exists():
        return path
    return next((root / path for root in imports if (root / path).exists()), path)


def _compile(
    arranged: Layout, known: dict[str, FileDescriptorProto], named: _Named, *, strict: bool = False
) -> list[FileDescriptorProto]:
    """Compile what was given, and what comes along for the descriptor sets that lack it."""
    __tracebackhide__ = True
    supplied = {
        name: file for name in arranged.described if name not in known and (file := shipped.described(name)) is not None
    }
    if arranged.wanted:
        from grpcmock.schema import compiler, missing

        problems = missing.explain(arranged.missing, named.neighborhood) if arranged.missing else []
        importable = _with_imports(arranged.described, {**known, **supplied})
        return [*supplied.values(), *compiler.compile_files(arranged, importable, problems, strict=strict)]
    return list(supplied.values())


def _with_imports(names: Iterable[str], known: dict[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Return the descriptors of some files, and of all that they import."""
    found: dict[str, FileDescriptorProto] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in known and name not in found:
            found[name] = known[name]
            pending += known[name].dependency
    return list(found.values())


def _take(known: dict[str, FileDescriptorProto], files: Sequence[FileDescriptorProto], label: str, source: str) -> None:
    """Take up the files of one source; of a file that comes along, the newer version is kept."""
    __tracebackhide__ = True
    for file in merging.added(known, files, label, _same, source=source):
        known[file.name] = file
    for file in files:
        if shipped.is_shipped(file.name):
            known[file.name] = max(known[file.name], file, key=lambda version: len(merging.essence(version)))


def _same(one: FileDescriptorProto, other: FileDescriptorProto) -> bool:
    return shipped.is_shipped(one.name) or merging.alike(one, other)
