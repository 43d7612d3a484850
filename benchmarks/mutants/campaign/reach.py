"""When each method answered OK first, as the events of a run tell while it goes on."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PAUSE = 0.02
_STAYED_OPEN = "enough"
"""How a stream ended that went on until the client left."""


class Reach:
    """Reads a file of events while another process writes it."""

    def __init__(self, events: Path) -> None:
        self._events = events
        self._rest = ""
        self._began: float | None = None
        self.methods: tuple[str, ...] = ()
        """All that the run tries."""

        self.first_ok: dict[str, float] = {}
        """Seconds from the start of the run until a method has answered OK, or kept a stream open."""

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """Read until the process ends."""
        while not self._events.exists() and process.poll() is None:
            time.sleep(_PAUSE)
        if not self._events.exists():
            return
        with self._events.open() as opened:
            while True:
                ended = process.poll() is not None
                self.read(opened.read(), time.perf_counter())
                if ended:
                    return
                time.sleep(_PAUSE)

    def read(self, text: str, now: float) -> None:
        """Take in what has been written since; the rest of a line may be on its way."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._hear(json.loads(line), now)

    def _hear(self, event: Mapping[str, Any], now: float) -> None:
        if event["event"] == "started":
            self._began = now
            self.methods = tuple(event["methods"])
        elif event["event"] == "case_finished" and self._began is not None:
            for call in event["calls"]:
                method = call["path"].removeprefix("/")
                if (call["status"] == "OK" or call.get("termination") == _STAYED_OPEN) and method in self.methods:
                    self.first_ok.setdefault(method, round(now - self._began, 2))
