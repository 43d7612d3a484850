"""How do people hold it at a terminal? Each command parses, calls and prints."""

from __future__ import annotations

from grpcmock.cli.app import main

__all__ = ["main"]
