"""Runs of pytest inside of these tests: in this process by pytester, and for real in another."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc.aio  # noqa: F401 - pytester forgets what is imported while it runs, and gRPC can't be imported twice
import pytest
from grpc_tools import protoc

import grpcmock.contract.contract
import grpcmock.contract.parametrizing
import grpcmock.contract.serving
import grpcmock.contract.stub_contract
import grpcmock.mock.diff
import grpcmock.mock.server  # noqa: F401 - the same

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "app"

INSTALLED = any(entry.value == "grpcmock.pytest_plugin" for entry in importlib.metadata.entry_points(group="pytest11"))
"""Whether pytest finds the plugin by itself."""

INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
OTHERS = ("randomly", "cacheprovider", "hypothesispytest", "faker", "xdist")
"""Plugins that a run inside of this process can do without."""

COSTLY = {"randomly": "--randomly", "hypothesispytest": "--hypothesis", "faker": "--faker", "xdist": "-n"}
"""Plugins that make the start of a run outside take three times as long, and the options that ask for them."""

OWN_PLUGIN = [] if INSTALLED else ["-p", "grpcmock.pytest_plugin", "-W", "ignore::pytest.PytestAssertRewriteWarning"]


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated code of ``protos/user.proto``, and a client of it."""
    folder = tmp_path_factory.mktemp("app")
    arguments = [f"-I{ROOT / 'protos'}", f"--python_out={folder}", f"--grpc_python_out={folder}", "user.proto"]
    assert protoc.main(["protoc", *arguments]) == 0
    for file in APP.glob("*.py"):
        (folder / file.name).write_text(file.read_text())
    return folder


@pytest.fixture
def inside(pytester: pytest.Pytester, app: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Pytester, with the client to be tested; ``inside.runpytest()`` runs in this process."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("CI", raising=False)
    pytester.syspathinsert(app)
    pytester.makeini(INI)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join([*OWN_PLUGIN, *(f"-p no:{name}" for name in OTHERS)]))
    return pytester


@dataclass(frozen=True)
class Run:
    """A run of pytest in a process of its own."""

    code: int
    text: str

    @property
    def outcomes(self) -> dict[str, int]:
        last = re.findall(r"^=*\s?((?:\d+ \w+(?:, )?)+) in [\d.]+s", self.text, re.MULTILINE)
        assert last, self.text
        return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last[-1])}


Outside = Callable[..., Run]


@pytest.fixture
def outside(tmp_path: Path, app: Path) -> Outside:
    """Runs pytest as users do: in a process of its own, with the given files."""

    def run(*arguments: str, environment: dict[str, str] | None = None, **files: str) -> Run:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        if not (tmp_path / "pytest.ini").exists():
            (tmp_path / "pytest.ini").write_text("[pytest]\n" if "no:asyncio" in arguments else INI)
        inherited = {
            key: value
            for key, value in os.environ.items()
            # What these runs reach is measured inside of this process; they would take twice as long.
            if not key.startswith(("PYTEST_", "COVERAGE_")) and key != "COLUMNS"
        }
        unasked = [name for name, option in COSTLY.items() if not any(word.startswith(option) for word in arguments)]
        without = [word for name in ("cacheprovider", *unasked) for word in ("-p", f"no:{name}")]
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *without, *OWN_PLUGIN, *arguments],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": os.pathsep.join([str(app), str(ROOT)]), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        return Run(result.returncode, result.stdout)

    return run
