"""How much a local server uses: memory, threads and open files, read from /proc where there is one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"
_LOCAL = re.compile(r"(127\.[0-9.]+|localhost|\[::1\]|\[::\]|0\.0\.0\.0):([0-9]+)")


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """What a process uses at one moment."""

    memory: int
    """Resident bytes."""

    threads: int
    descriptors: int


def vitals(pid: int) -> ResourceUsage | None:
    """Look at a process; None if it can't be seen, or is gone."""
    folder = _PROC / str(pid)
    try:
        status = (folder / "status").read_text()
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
    except OSError:
        return None
    numbers = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE))
    if len(numbers) < 2:
        return None
    return ResourceUsage(int(numbers["VmRSS"]) << 10, int(numbers["Threads"]), descriptors)


def name_of(pid: int) -> str:
    """Give the name of a process as the system lists it; empty if it can't be seen."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def find_process(address: str) -> int | None:
    """Find the process that listens at an address of this machine; None if there is none that can be seen.

    This very process doesn't count: what it uses is ours as well.
    """
    inodes = set(_sockets(address))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            links = {str(link.readlink()) for link in (entry / "fd").iterdir()}
        except OSError:
            continue
        if links & wanted:
            return int(entry.name) if int(entry.name) != os.getpid() else None
    return None


def _sockets(address: str) -> Iterator[str]:
    """Yield the inodes of the sockets that listen at an address."""
    if address.startswith("unix:"):
        path = str(Path(address.removeprefix("unix:")).absolute())
        for line in _lines("unix"):
            fields = line.split()
            if len(fields) > 7 and fields[7] == path:
                yield fields[6]
        return
    found = _LOCAL.fullmatch(address)
    if found is None:
        return
    port = f":{int(found[2]):04X}"
    for table in ("tcp", "tcp6"):
        for line in _lines(table):
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING and fields[1].endswith(port):
                yield fields[9]


def _lines(table: str) -> list[str]:
    try:
        return (_PROC / "net" / table).read_text().splitlines()[1:]
    except OSError:
        return []
