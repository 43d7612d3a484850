"""The program, as ``grpcmock`` and ``python -m grpcmock`` start it: what must be so before anything is imported."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


def main() -> NoReturn:
    """Run the command line, and exit."""
    # Until the command begins, and while Python ends, nothing needs to be cleaned up: Ctrl-C ends at once. As an
    # exception it would show where in its imports this program was.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    _open_streams()
    from grpcmock.cli import main as run

    run()


def _open_streams() -> None:
    """Take closed standard streams as ``/dev/null``.

    Else the next file or socket would get the stream's number, and be written to or read from in its place; libuv
    aborts when it finds one there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
        if getattr(sys, name) is None:  # as Python itself leaves a stream that was closed when it started
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
