"""Each example of the page on strategies runs.

A ```` ```python ```` block with a test in it is run by pytest, one without as a program, one with a title is a file for
the others. One that ``fails`` must fail, and the ```` ```text ```` block after it stands in what is said.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grpcmock.schema import shipped

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "strategies.md"
BLOCKS = [
    (found[1], found[2].strip(), found[3])
    for found in re.finditer(r"^```(\w+)([^\n]*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
]
EXAMPLES = [number for number, (language, words, _) in enumerate(BLOCKS) if language == "python" and "=" not in words]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("strategies")
    protos, builtin = ROOT / "protos", shipped.builtin_root()
    arguments = [f"-I{protos}", f"-I{builtin}", f"--python_out={made}", "user.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
    for _, words, text in BLOCKS:
        if words.startswith("title="):
            (made / words.removeprefix("title=")).write_text(text)
    (made / "pytest.ini").write_text("[pytest]\n")
    return made


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # What is reached here is measured by tests inside of this process, in half the time.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE_", "PYTEST_"))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """What pytest says of all examples with tests in them, with a line for each test at the end."""
    files = {f"test_{number}.py": BLOCKS[number][2] for number in EXAMPLES if "def test_" in BLOCKS[number][2]}
    for name, text in files.items():
        (folder / name).write_text(text)
    without = [word for name in ("cacheprovider", "randomly", "faker", "xdist") for word in ("-p", f"no:{name}")]
    return run(folder, "-m", "pytest", "-q", "-rA", *without, *files).stdout


@pytest.mark.parametrize("number", EXAMPLES)
def test_example(number: int, folder: Path, request: pytest.FixtureRequest) -> None:
    _, words, text = BLOCKS[number]
    if "def test_" not in text:
        (folder / f"example_{number}.py").write_text(text)
        ran = run(folder, f"example_{number}.py")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return
    told = request.getfixturevalue("said")
    assert set(re.findall(rf"^(\w+) test_{number}\.py::", told, re.MULTILINE)) == {
        "FAILED" if words == "fails" else "PASSED"
    }, told
    if words == "fails":
        for line in BLOCKS[number + 1][2].splitlines():
            assert re.sub(r"\s+", " ", line).strip() in re.sub(r"[ \t]+", " ", told)
