"""Looks for generated code that was not imported, to name the module that would have to be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MAX_FOLDERS = 2_000
_OTHERS = frozenset(("site-packages", "node_modules", "__pycache__", "build", "dist"))


def module_of(service: str) -> tuple[str, Path] | None:
    """Return the module with the generated code of a service, and its file, if one lies below the current directory.

    The name is the one by which the search path finds it; it is empty where that doesn't lead there.
    """
    wanted = f"/{service}/".encode()
    for file in _files(Path.cwd()):
        with suppress(OSError):
            if wanted in file.read_bytes():
                return _name(file), file.relative_to(Path.cwd())
    return None


def _files(root: Path) -> Iterator[Path]:
    for number, (folder, folders, files) in enumerate(os.walk(root)):
        if number >= _MAX_FOLDERS:
            return
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _OTHERS)
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        yield from (Path(folder, name) for name in sorted(files) if name.endswith("_pb2_grpc.py"))


def _name(file: Path) -> str:
    above = [Path(entry or ".").resolve() for entry in sys.path]
    roots = [entry for entry in above if file.is_relative_to(entry) and entry.is_dir()]
    if not roots:
        return ""
    # Of several, the nearest: generated code imports its neighbors by short names.
    root = max(roots, key=lambda entry: len(entry.parts))
    return ".".join(file.relative_to(root).with_suffix("").parts)
