"""What the other end of stdout and stderr can show, and take."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO


def wants_color(environment: Mapping[str, str] = os.environ) -> bool | None:
    """Return whether color is asked for, or forbidden; None leaves it to whether it is a terminal that is written to.

    The variables, and their order, are those of Python itself: ``NO_COLOR``, ``FORCE_COLOR``, ``TERM=dumb``.
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return False if environment.get("TERM") == "dumb" else None


def shows_color(stream: TextIO) -> bool:
    """Return whether what goes to *stream* may be colored."""
    wanted = wants_color()
    return stream.isatty() if wanted is None else wanted


def is_live(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal on which a line can be written over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def discard_stdout() -> None:
    """Let what is still to be written to stdout be lost: else Python complains about it as it ends."""
    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
    except (OSError, ValueError):  # it is closed, or no file
        return
