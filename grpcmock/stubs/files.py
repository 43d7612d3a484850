"""Files: which ones hold stubs, and their text, within a bound on its size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.errors import Problems

SUFFIXES = (".yaml", ".yml", ".json")
"""The endings of files that a directory is searched for."""

MAX_BYTES = 64 * 1024 * 1024
"""How large one file of stubs, or of rows, may be: room for some 500,000 small stubs."""


def stub_files(paths: Iterable[str | os.PathLike[str]], problems: Problems) -> list[Path]:
    """List the files that *paths* mean, each once: a file itself, a directory's files recursively and sorted.

    Names that begin with a dot are left out, as editors, version control and Kubernetes use them for their own ends.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        try:
            listed = _below(path) if path.is_dir() else [path]
            if not path.exists():
                problems.error("there is no such file or directory.", Location(str(path)), rule="no-file")
                continue
            for file in listed:
                found.setdefault(file.resolve(), file)
        except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name, a loop of links
            problems.error(f"it can't be read: {_reason(error)}.", Location(str(path)), rule="no-file")
            continue
        if not listed:
            endings = ", ".join(SUFFIXES)
            problems.warn(f"The directory holds no stub files ({endings}).", Location(str(path)), rule="no-stubs")
    return list(found.values())


def _below(folder: Path) -> list[Path]:
    files: list[Path] = []
    entered: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in entered else [name for name in folders if not name.startswith(".")]
        if real not in entered:
            files += [Path(parent, name) for name in names if name.endswith(SUFFIXES) and not name.startswith(".")]
        entered.add(real)
    return sorted(files, key=lambda file: file.parts)


def read_bytes(path: Path, problems: Problems, named_at: Location | None = None) -> bytes | None:
    """Read a file. None if that can't be, with the problem noted: at *named_at*, where something names the file."""
    where = named_at or Location(str(path))
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            hint = "Split it into several files."
            problems.error(f"{str(path)!r} {too_large(size)}", where, hint=hint, rule="too-large")
            return None
        return path.read_bytes()
    except (OSError, ValueError) as error:
        which = "it" if named_at is None else repr(str(path))
        problems.error(f"{which} can't be read: {_reason(error)}.", where, rule="no-file")
        return None


def read_text(path: Path, problems: Problems, named_at: Location | None = None) -> str | None:
    """Read a file as UTF-8 text, likewise."""
    data = read_bytes(path, problems, named_at)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = Location(str(path), data.count(b"\n", 0, error.start) + 1)
        problems.error("The file is not valid UTF-8.", where, hint="Save it as UTF-8.", rule="encoding")
        return None


def too_large(size: int) -> str:
    """Say of something that it is too large."""
    mebibyte = 1024 * 1024
    return f"is {size / mebibyte:.0f} MiB large, over the limit of {MAX_BYTES // mebibyte} MiB."


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
