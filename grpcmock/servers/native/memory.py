"""Memory that was freed, and is kept by the C library for later: given back to the system once it gets calm.

After a burst that can be a hundred times of what a server needs. Of the C libraries only glibc keeps so much.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

_WORTH = 16 << 20
"""Bytes by which the process has to have grown since it began."""

_LOOKS = (0.0, 1.0, 5.0)
"""Seconds from one look to the next: some of the work may still be under way at the first."""

_SHARE = 0.01
"""How much of one processor's time it may take."""

_STATM = Path("/proc/self/statm")
_PAGE = 4096


class SpareMemory:
    """What this process could give back."""

    def __init__(self) -> None:
        self._usual = _resident()
        self._at_work = threading.Lock()
        self._closed = threading.Event()

    def give_back(self) -> None:
        """Have a thread give back what can be, if it may be much and none is at it."""
        trim = _trim()
        if trim is not None and self._has_grown() and self._at_work.acquire(blocking=False):
            threading.Thread(target=self._give_back, args=(trim,), name="grpcmock-memory", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _has_grown(self) -> bool:
        return _resident() - self._usual >= _WORTH

    def _give_back(self, trim: Callable[[int], int]) -> None:
        try:
            for pause in _LOOKS:
                if self._closed.wait(pause):
                    return
                if self._has_grown():
                    began = time.thread_time()
                    trim(0)
                    self._closed.wait((time.thread_time() - began) / _SHARE)
        finally:
            self._at_work.release()


@cache
def _trim() -> Callable[[int], int] | None:
    """Give glibc's ``malloc_trim``; None with another C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # TypeError: Windows needs a name
        return None


def _resident() -> int:
    """Return the bytes of this process that are in memory; 0 where nobody says so."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except OSError:
        return 0
