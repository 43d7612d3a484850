"""Where in the user's code a stub was declared."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from grpcmock.errors import Location

_OWN = "grpcmock."


def caller() -> Location:
    """Give the line that called into this package: the innermost frame outside of it."""
    frame = sys._getframe(1)  # noqa: SLF001 - the one way to look at a frame without making a whole traceback
    while frame.f_back is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(_OWN):
        frame = frame.f_back
    return Location(_shown(frame.f_code.co_filename), frame.f_lineno)


@lru_cache(256)
def _shown(file: str) -> str:
    """Give a path as short as it can be read from the current directory."""
    try:
        return Path(file).relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return file
