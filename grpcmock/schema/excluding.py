"""What users leave out of the directories that they name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Excluded:
    """Patterns as the shell has them, for files and folders: ``vendor``, ``lib/*/proto``, ``*_internal.proto``.

    One without a slash stands for any part of a path. One with a slash is the beginning of a path, seen from the
    working directory or from a directory that was named; its ``*`` matches slashes, too.
    """

    patterns: Sequence[str] = ()
    directories: Sequence[Path] = ()
    """Absolute paths of the directories that were named."""

    def holds(self, path: Path) -> bool:
        """Whether a file is left out."""
        return bool(self.patterns) and any(self._matches(path, pattern) for pattern in self.patterns)

    def _matches(self, path: Path, pattern: str) -> bool:
        whole = Path(os.path.abspath(path))  # noqa: PTH100 (links are not followed)
        seen_from = (*self.directories, Path.cwd())
        below = [whole.relative_to(start) for start in seen_from if whole.is_relative_to(start)]
        if "/" not in pattern.rstrip("/"):
            return any(fnmatchcase(part, pattern.rstrip("/")) for seen in below for part in seen.parts)
        pattern = pattern.removeprefix("./").rstrip("/").removesuffix("/**")
        names = [whole, *below]
        return any(fnmatchcase(str(part), pattern) for name in names for part in (name, *name.parents) if part.name)
