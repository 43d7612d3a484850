"""The protos in the neighborhood of what a user named, for hints: what may be meant, and where it stands."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from grpcmock.schema.layout import proto_files

_TREE_MARKS = (
    ".git",
    "buf.yaml",
    "buf.work.yaml",
    "go.mod",
    "package.json",
    "pyproject.toml",
    "Cargo.toml",
    "WORKSPACE",
)
_MOST_FOLDERS = 4_000
_MOST_FILES = 4_000


@dataclass(frozen=True, slots=True)
class Named:
    """What the user named: where to look for what is missing."""

    paths: Sequence[Path]
    """Absolute paths of files and directories."""

    imports: Sequence[Path] = ()
    """Absolute paths of import roots."""


@dataclass(slots=True)
class Nearby:
    """The protos in the neighborhood of what was named, whether they are among it or not."""

    named: Named
    _files: dict[str, list[Path]] | None = None
    _declaring: dict[str, Path | None] = field(default_factory=dict)

    def beside(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder that stands below a root that was named."""
        for root in self._roots():
            yield from (path.name for path in (root / folder).glob("*.proto"))

    def _roots(self) -> list[Path]:
        return [path for path in (*self.named.imports, *self.named.paths) if path.is_dir()]

    def roots(self, name: str) -> list[Path]:
        """Return the directories below which an import stands."""
        parts = PurePosixPath(name).parts
        ending = [path for path in self._by_name().get(parts[-1], ()) if path.parts[-len(parts) :] == parts]
        return [path.parents[len(parts) - 1] for path in ending]

    def declaring(self, full_name: str) -> Path | None:
        """Return a file that declares a message type, if there is one: best where its package has it stand."""
        if full_name not in self._declaring:
            self._declaring[full_name] = self._declared_in(full_name)
        return self._declaring[full_name]

    def _declared_in(self, full_name: str) -> Path | None:
        names = full_name.split(".")
        depth = next((index for index, name in enumerate(names) if name[:1].isupper()), len(names) - 1)
        package, outermost = names[:depth], names[depth]
        declared = re.compile(
            rb"^\s*package\s+%s\s*;.*^\s*message\s+%s\b" % (re.escape(".".join(package).encode()), outermost.encode()),
            re.MULTILINE | re.DOTALL,
        )
        expected = [path for root in self._roots() for path in sorted(root.joinpath(*package).glob("*.proto"))]
        others = (path for paths in self._by_name().values() for path in paths)
        for path in dict.fromkeys(chain(expected, islice(others, _MOST_FILES))):
            with suppress(OSError):
                if declared.search(path.read_bytes()):
                    return path
        return None

    def _by_name(self) -> dict[str, list[Path]]:
        if self._files is None:
            self._files = {}
            found = (path for tree in self._trees() for path in proto_files(tree, most_folders=_MOST_FOLDERS))
            for path in dict.fromkeys(found):
                self._files.setdefault(path.name, []).append(path)
        return self._files

    def _trees(self) -> Iterable[Path]:
        """Return the directories to search: the repositories that hold what was named, or what is around it."""
        here = Path.cwd()
        too_wide = {Path(here.anchor), Path.home(), Path.home().parent, Path(tempfile.gettempdir())}
        trees: dict[Path, None] = {}
        for path in (*self.named.paths, *self.named.imports):
            beside = path.parent if path.is_dir() else path.parent.parent
            around = here if path.is_relative_to(here) else beside
            tree = next((folder for folder in (path, *path.parents) if _is_marked(folder)), around)
            if tree not in too_wide:
                trees[tree] = None
        return trees


def _is_marked(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _TREE_MARKS)
