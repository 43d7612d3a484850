"""Helpers that tests of several layers share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from grpcmock.schema import Registry, sources

ROOT = Path(__file__).parent.parent


@cache
def registry(*files: str) -> Registry:
    """Compile protos by their file names, from ``tests/protos`` or ``protos``; without any, the kitchen sink."""
    names = files or ("kitchen_sink.proto",)
    folders = (ROOT / "tests" / "protos", ROOT / "protos")
    return sources.load([next(f / name for f in folders if (f / name).is_file()) for name in names])
