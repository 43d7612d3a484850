"""Where reports are written: ``--report junit=PATH,html=PATH`` read, and files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from grpcmock.errors import ConfigError, did_you_mean

KINDS = ("junit", "json", "html", "ndjson", "sarif", "allure")
"""Every kind of report that there is; a command may have fewer."""

FOLDERS = frozenset({"allure"})
"""Kinds that are a folder of files."""

_MODE = 0o644
"""As most programs leave a file; a temporary one can be read by its owner alone."""


def parse(values: Iterable[str], kinds: Sequence[str] = KINDS) -> dict[str, Path]:
    """Read ``kind=path``, several of them separated by commas. Gives the path of each kind.

    Raises :class:`ConfigError` for a kind that there isn't, one that is named twice, and two of one path.
    """
    found: dict[str, Path] = {}
    for part in _parts(values, kinds):
        kind, equals, path = part.partition("=")
        kind = kind.strip().lower()
        if kind not in kinds:
            hint = did_you_mean(kind, kinds, known="The kinds")
            raise ConfigError(f"There is no report {kind!r}. {hint}".rstrip())
        if not equals or not path.strip():
            raise ConfigError(f"Where should the report {kind!r} be written? Write {kind}=PATH.")
        if kind in found:
            raise ConfigError(f"The report {kind!r} is asked for twice: {found[kind]} and {path}.")
        target = Path(path.strip())
        for other, taken in found.items():
            if taken.resolve() == target.resolve():
                raise ConfigError(f"The reports {other!r} and {kind!r} can't be one file: {target}.")
        found[kind] = target
    return found


def _parts(values: Iterable[str], kinds: Sequence[str]) -> Iterator[str]:
    """Take lists apart. A comma that no ``kind=`` follows belongs to a path."""
    for value in values:
        parts: list[str] = []
        for piece in value.split(","):
            begins = "=" in piece or piece.strip().lower() in kinds
            if parts and not begins:
                parts[-1] += f",{piece}"
            else:
                parts.append(piece)
        yield from parts


def check(paths: Mapping[str, Path]) -> None:
    """Find out early whether reports, by their kinds, can be written: folders are made. Raises :class:`ConfigError`."""
    for kind, path in paths.items():
        is_folder = kind in FOLDERS
        if path.is_dir() and not is_folder:
            text = f"{path} is a directory; a report is a file. Write {path / 'report'}, or another name."
            raise ConfigError(text)
        if is_folder and path.exists() and not path.is_dir():
            raise ConfigError(f"{path} is a file; the report {kind!r} is a directory of several. Write another name.")
        folder = path if is_folder else path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from None
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"{path} can't be written: {folder} is not writable.")


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files into a folder, by their names, beside what is there. Raises :class:`ConfigError`."""
    for name, text in texts.items():
        write(folder / name, text)


def write(path: Path, text: str) -> None:
    """Write a file whole, or leave what was there. Folders are made. Raises :class:`ConfigError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as opened:
                opened.write(text)
            Path(temporary).chmod(_MODE)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise _unwritable(path, error) from None


@contextmanager
def lines(path: Path) -> Iterator[IO[str]]:
    """Open a file that grows line by line while others read it: each line is there as soon as it is written.

    Raises :class:`ConfigError`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1)
    except OSError as error:
        raise _unwritable(path, error) from None
    with opened:
        yield opened


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} can't be written: {error.strerror or error}.")
