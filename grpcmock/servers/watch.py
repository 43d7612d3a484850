"""Watching files: which ones matter below some paths, in which version, and when the system reports a change."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

SUFFIXES = frozenset(
    {".proto", ".binpb", ".pb", ".protoset", ".desc", ".fds", ".yaml", ".yml", ".json", ".csv", ".jsonl"}
)
"""The files that matter in a watched directory. A file that is itself watched always matters."""

_SKIPPED = frozenset({"__pycache__", "node_modules"})
"""Directories that hold a great many files, none of them ours; hidden ones are skipped, too."""

Print = Mapping[str, tuple[int, int, int]]
"""Every file that matters, by its path, with what tells one version of it from another."""

_log = logging.getLogger(__name__)


def fingerprint(paths: Iterable[Path]) -> Print:
    """Look at all files that matter in and below *paths*; what is missing or can't be read is left out."""
    found: dict[str, tuple[int, int, int]] = {}
    pending = []
    for path in paths:
        if path.is_dir():
            found[str(path)] = (0, 0, 0)  # so that an empty directory is missed, too
            pending.append(str(path))
        else:
            _note(str(path), found)
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name in _SKIPPED:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif _suffix(entry.name) in SUFFIXES:
                        _note(entry.path, found)
        except OSError:
            continue
    return found


def _note(path: str, found: dict[str, tuple[int, int, int]]) -> None:
    try:
        # Symbolic links are followed: mounted configuration is swapped by turning a link.
        status = os.stat(path)  # noqa: PTH116 (a Path for each of many files takes twice the time)
    except (OSError, ValueError):
        return
    found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)


def _suffix(path: str) -> str:
    _, dot, suffix = path.rpartition(".")
    return f".{suffix}".lower() if dot and "/" not in suffix and os.sep not in suffix else ""


class Listener:
    """Calls *wake*, from a thread of its own, when the system reports a change in one of the directories it is told of.

    It may report too much, and where the system has no such service or has run out of it, nothing at all: it makes
    the next look at the files come sooner, but doesn't replace it.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._folders: frozenset[tuple[str, int]] = frozenset()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # A server may end while a thread of its loop is still about to listen: then no listening may begin any more.
        self._lock = threading.Lock()
        self._ended = False
        self._has_warned = False

    def listen(self, paths: Iterable[Path]) -> None:
        """Listen to those of *paths* that are directories now, and to no others. Costs little if they are the same."""
        folders = frozenset((str(path), path.stat().st_ino) for path in paths if path.is_dir())
        with self._lock:
            if folders == self._folders or self._ended:
                return
            self._stop.set()
            self._folders, self._stop = folders, threading.Event()
            if folders:
                names = sorted(name for name, _ in folders)
                self._thread = threading.Thread(
                    target=self._run, args=(names, self._stop), name="grpcmock-watch", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Stop listening for good, and wait for the thread."""
        with self._lock:
            self._ended = True
            self._stop.set()
            self._folders = frozenset()
        if self._thread is not None:
            self._thread.join()

    def _run(self, folders: list[str], stop: threading.Event) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                *folders,
                watch_filter=_matters,
                debounce=100,
                stop_event=stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                if changes and not stop.is_set():
                    self._wake()
        except Exception as error:  # noqa: BLE001 (the library raises various kinds; looking now and then goes on)
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "The system reports no changes of %s (%s: %s). The files are looked at now and then instead.",
                    ", ".join(folders),
                    type(error).__name__,
                    error,
                )


def _matters(_: object, path: str) -> bool:
    suffix = _suffix(path)
    return not suffix or suffix in SUFFIXES
