"""The public API is typed: examples of its use pass strict checkers, and messages keep their types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent / "examples"
ROOT = Path(__file__).parents[2]
PYRIGHT = shutil.which("pyright", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def _checked(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MYPYPATH": os.pathsep.join([str(EXAMPLES), str(ROOT)])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_mypy_strict(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}")
    quiet = ("--follow-imports=silent", "--disable-error-code=import-untyped")
    result = _checked(tmp_path, *command, *quiet, str(EXAMPLES / "usage.py"))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(PYRIGHT is None, reason="pyright is not installed; it needs Node.js")
def test_pyright(tmp_path: Path) -> None:
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"include": ["{EXAMPLES}"], "extraPaths": ["{EXAMPLES}", "{ROOT}"], "typeCheckingMode": "strict",'
        ' "reportUnknownMemberType": false, "reportMissingTypeStubs": false}'
    )
    assert PYRIGHT is not None
    result = _checked(tmp_path, PYRIGHT, "--pythonpath", sys.executable, "-p", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
