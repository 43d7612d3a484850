"""Each example of the page on strategies runs.

A ```` ```python ```` block with a test in it is run by pytest, one without as a program, one with a title is a file for
the others. One that ``fails`` must fail, and the ```` ```text ```` block after it stands in what is said.
"""

from __future__ import annotations

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


@pytest.mark.parametrize("number", EXAMPLES)
def test_example(number: int, folder: Path) -> None:
    _, words, text = BLOCKS[number]
    file = folder / f"test_{number}.py"
    file.write_text(text)
    runner = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"] if "def test_" in text else []
    ran = subprocess.run([sys.executable, *runner, str(file)], cwd=folder, capture_output=True, text=True, check=False)
    if words != "fails":
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return
    assert ran.returncode == 1
    for line in BLOCKS[number + 1][2].splitlines():
        assert re.sub(r"\s+", " ", line).strip() in re.sub(r"[ \t]+", " ", ran.stdout)
