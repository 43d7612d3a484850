"""The baseline: a file that names the stubs that are known to fail, one a line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.errors import ConfigError
from grpcmock.reports import files
from grpcmock.verify.results import Verdict

if TYPE_CHECKING:
    from grpcmock.verify.results import Report

_HEAD = """\
# Stubs that are known to fail against the real server: `grpcmock verify` reports them as pending.
# Take out a line as soon as its stub passes.
"""


def read(path: Path) -> frozenset[str]:
    """Read a baseline. Raises :class:`ConfigError` if it can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no baseline {path}. To begin one with what fails now, add --write-baseline."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The baseline {path} can't be read: {getattr(error, 'strerror', None) or error}.") from None
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def write(path: Path, report: Report) -> int:
    """Write the stubs that fail, and return their number. Raises :class:`ConfigError`."""
    known = [result.id for result in report.results if result.verdict in (Verdict.FAILED, Verdict.PENDING)]
    files.write(path, _HEAD + "".join(f"{name}\n" for name in known))
    return len(known)
