"""Makes the playbook of the engine and the programs of the end-to-end tests importable."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent

sys.path += [str(TESTS / "engine"), str(TESTS / "e2e")]
