"""Who ends what the run has started, should the run be killed: a shell that waits for our end of a pipe to close."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import IO

_SHELL = Path("/bin/sh")

_SCRIPT = """
group=
while read -r line; do group=$line; done
[ -n "$group" ] || exit 0
kill -s TERM -- "-$group" || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.1
  kill -s 0 -- "-$group" || exit 0
done
kill -s KILL -- "-$group"
"""
"""Remembers the last line that it was told. The pipe closes with the last process that could write to it: whatever ends
us, be it SIGKILL, closes it."""

_SOON = 2.0


class Guard:
    """Ends a group of processes once this process is no more. Does nothing where there is no shell for it."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Take the group that is to end with us, in place of the one before."""
        if self._shell is None and _SHELL.exists():
            with contextlib.suppress(OSError):
                self._shell = subprocess.Popen(  # noqa: S603  (a script of ours)
                    [_SHELL, "-c", _SCRIPT],
                    stdin=subprocess.PIPE,
                    # Whoever reads what we write waits for all who hold it open.
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # what the terminal tells us isn't for it
                )
        self._say(str(group))

    def release(self) -> None:
        """Forget the group: it has ended, and its number may become another's."""
        self._say("")

    def _say(self, line: str) -> None:
        if self._shell is not None:
            with contextlib.suppress(OSError):  # somebody has ended the shell
                _pipe(self._shell).write(f"{line}\n".encode())
                _pipe(self._shell).flush()

    def close(self) -> None:
        """End the shell, which ends the group that it was told of last unless that was released."""
        shell, self._shell = self._shell, None
        if shell is not None:
            with contextlib.suppress(OSError):
                _pipe(shell).close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                shell.wait(_SOON)


def _pipe(shell: subprocess.Popen[bytes]) -> IO[bytes]:
    assert shell.stdin is not None
    return shell.stdin
