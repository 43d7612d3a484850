"""Modules of the user's, imported by name, with errors that say what is wrong with them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from grpcmock.errors import ConfigError


def import_here(name: str, what: str) -> ModuleType:
    """Import a module; those beside the current directory are found, too.

    Raises :class:`ConfigError`, which begins with *what* the module was named for.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise ConfigError(f"{what}: there is no module {missing!r}, neither installed nor in {here}.") from None
        raise ConfigError(f"{what}: {name} imports {missing!r}, which isn't installed.") from error
    except Exception as error:  # whatever the user's module raises
        raise ConfigError(f"{what}: {name} can't be imported: {said(error)}.") from error


def said(error: Exception) -> str:
    """Return an exception of the user's code in words: its type, and its text without the end of the sentence."""
    return f"{type(error).__name__}: {error}".rstrip(".: ")
