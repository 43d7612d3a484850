"""How long a server, and we ourselves, waited for a processor: on a busy machine that is no slowness of the server."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_NANO = 1e-9

Delays = tuple[dict[str, int], ...]
"""Of each process, by its threads: the nanoseconds so far in which they could have run, and had no processor."""


class Contention:
    """Tells how long calls were held up by what else the machine has to do; nothing where the system doesn't say."""

    def __init__(self, pid: int | None) -> None:
        """Look at this process, and at that of the server, if it runs here."""
        self._processes = [os.getpid()] if pid is None else [os.getpid(), pid]

    def begin(self) -> Delays:
        """Look how long they have waited so far."""
        return tuple(_delays(process) for process in self._processes)

    def seconds_since(self, before: Delays, *, of_server: bool = False) -> float:
        """Return how long they have waited since then, or the server alone has: of each process, the thread that waited
        longest."""
        waited = [
            max((now - then.get(thread, 0) for thread, now in _delays(process).items()), default=0)
            for process, then in zip(self._processes, before, strict=True)
        ]
        return max(sum(waited[1:] if of_server else waited), 0) * _NANO


def _delays(process: int) -> dict[str, int]:
    found = {}
    try:
        for thread in (_PROC / str(process) / "task").iterdir():
            _, waited, _ = (thread / "schedstat").read_text().split()
            found[thread.name] = int(waited)
    except (OSError, ValueError):
        return found  # it isn't Linux, or a thread has just ended
    return found
