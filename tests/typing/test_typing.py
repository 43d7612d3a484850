"""The public API is typed: examples of its use pass strict checkers, and messages keep their types."""

from __future__ import annotations

import json
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
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # a checker runs nothing of grpcmock
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_mypy_strict(tmp_path: Path) -> None:
    # With the project's settings, which are strict, and where it keeps what it knows: most of the time goes into that.
    mistake = tmp_path / "mistake.py"
    mistake.write_text("from grpcmock import Nothing, gt\n")
    result = _checked(ROOT, sys.executable, "-m", "mypy", *map(str, sorted(EXAMPLES.glob("*.py"))), str(mistake))
    errors = [line for line in result.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1, result.stdout + result.stderr
    assert errors[0].endswith('mistake.py:1: error: Module "grpcmock" has no attribute "Nothing"  [attr-defined]')


@pytest.mark.skipif(PYRIGHT is None, reason="pyright is not installed; it needs Node.js")
def test_pyright(tmp_path: Path) -> None:
    assert PYRIGHT is not None
    # It takes paths below its configuration only; what it takes for none of them it passes over without an error.
    # So a mistake is among them, which must be found, and be all that is found.
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    mistake = tmp_path / "examples" / "mistake.py"
    mistake.write_text("from grpcmock import MockServer\n\nWRONG: int = MockServer\n")
    settings = {
        "include": ["examples"],
        "extraPaths": ["examples", str(ROOT)],
        "typeCheckingMode": "strict",
        "reportUnknownMemberType": False,
        "reportMissingTypeStubs": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = _checked(tmp_path, PYRIGHT, "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path))
    found = json.loads(result.stdout)
    assert found["summary"]["filesAnalyzed"] > len(list(EXAMPLES.glob("*.py")))
    errors = [Path(one["file"]).name for one in found["generalDiagnostics"] if one["severity"] == "error"]
    assert errors == [mistake.name], result.stdout
