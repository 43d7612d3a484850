"""``scripts/setup`` does again what it failed at, and nothing else. What installs is made up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for bash")
ROOT = Path(__file__).parent.parent
UV = f"""#!/bin/sh
case "$*" in
    venv*) mkdir -p .venv/bin && ln -s '{sys.executable}' .venv/bin/python ;;
    *./native) echo native >> done && test ! -e broken ;;
    *) echo python >> done ;;
esac
"""
SOURCES = (
    "pyproject.toml",
    "scripts/constraints.txt",
    "native/Cargo.toml",
    "native/Cargo.lock",
    "native/pyproject.toml",
)


@pytest.fixture
def setup(tmp_path: Path) -> Callable[..., list[str]]:
    """Run it in a made-up clone; gives what was installed."""
    clone, tools = tmp_path / "clone", tmp_path / "tools"
    for name in (*SOURCES, "native/src/lib.rs"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("1")
    shutil.copy(ROOT / "scripts" / "setup", clone / "scripts")
    tools.mkdir()
    for name, text in (("uv", UV), ("cargo", "#!/bin/sh\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)

    def run(*args: str) -> list[str]:
        (clone / "done").write_text("")
        path = os.pathsep.join((str(tools), os.environ["PATH"]))
        subprocess.run(["bash", "scripts/setup", *args], cwd=clone, env={**os.environ, "PATH": path}, check=True)
        return (clone / "done").read_text().split()

    return run


@pytest.mark.parametrize(
    ("changed", "again"),
    [(None, []), ("pyproject.toml", ["python"]), ("native/src/lib.rs", ["native"]), ("native/Cargo.lock", ["native"])],
)
def test_only_what_changed_is_installed_again(
    setup: Callable[..., list[str]], tmp_path: Path, changed: str | None, again: list[str]
) -> None:
    assert setup() == ["python", "native"]
    if changed:
        (tmp_path / "clone" / changed).write_text("2")
    assert setup() == again
    assert setup() == []


def test_a_native_transport_that_failed_is_tried_again(setup: Callable[..., list[str]], tmp_path: Path) -> None:
    broken = tmp_path / "clone" / "broken"
    broken.touch()
    assert setup() == ["python", "native"]
    assert setup() == ["native"]
    broken.unlink()
    assert setup() == ["native"]
    assert setup() == []


def test_what_is_there_for_testing_is_good_for_serving(setup: Callable[..., list[str]]) -> None:
    assert setup("serve") == ["python", "native"]
    assert setup("dev") == ["python"]
    assert setup("serve") == []
