"""What was measured, a line of JSON each, so that a run of hours can be broken off and gone on with."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.load import ROOT


def commit() -> str:
    """The commit that is measured, with a mark if files have changed since."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


class Records:
    """A file of records. Those of one key and the same conditions aren't made again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known = {self._identity(one) for one in self.read()}

    def read(self) -> Iterator[dict[str, Any]]:
        """All records, the oldest first; a line that was broken off is left out."""
        if not self._path.exists():
            return
        for line in self._path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def has(self, **conditions: object) -> bool:
        """Whether there is a record of these conditions: its key, seed, time and commit."""
        return self._identity(conditions) in self._known

    def add(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=False)
        with self._lock, self._path.open("a") as opened:
            opened.write(f"{line}\n")
            self._known.add(self._identity(record))

    @staticmethod
    def _identity(record: Mapping[str, Any]) -> tuple[object, ...]:
        return tuple(record.get(name) for name in ("key", "seed", "max_time", "commit"))
