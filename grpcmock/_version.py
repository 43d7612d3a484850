"""The version of the package, for all that would otherwise import the package itself."""

from __future__ import annotations

__version__ = "0.1.0"
