"""Services that aren't in Python: built in a folder of their own, from their source as it is or with a bug.

What doesn't depend on the bug is kept in the cache folder, under a name that stands for all that it is made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from google.api import field_behavior_pb2

from benchmarks.mutants.services.definition import Definition, Runtime

_LONGEST = 600.0
_ANNOTATIONS = Path(field_behavior_pb2.__file__).parents[2]
"""Where ``google/api`` is, as googleapis-common-protos brings it along."""


class BuildError(Exception):
    """A service that can't be built, with what its tools say."""


def missing_tool(definition: Definition) -> str | None:
    """The name of the tool that building takes and that isn't on this machine."""
    tools = {Runtime.GO: ("go",), Runtime.NODE: ("node", "npm")}.get(definition.runtime, ())
    return next((tool for tool in tools if shutil.which(tool) is None), None)


def command(definition: Definition, source: str, address: str) -> list[str]:
    """The command that serves this source. Raises :class:`BuildError` if it can't be built."""
    if definition.runtime is Runtime.GO:
        return [str(_go(definition, source)), "-listen", address]
    return ["node", str(_node(definition, source)), str(definition.folder / "protos"), address]


def _cache(definition: Definition, *parts: str) -> Path:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "grpcmock-benchmarks")
    folder = base / f"{definition.name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(words: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_LONGEST, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{words[0]}: {error}") from None
    if done.returncode:
        raise BuildError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


class _Once:
    """Makes something in a folder once, however many processes ask for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> bool:
        self._lock = (self._folder / ".lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return not (self._folder / ".done").exists()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            (self._folder / ".done").touch()
        self._lock.close()


def _go(definition: Definition, source: str) -> Path:
    """The program, built."""
    protos = sorted((definition.folder / "protos").glob("*.proto"))
    modules = [(definition.folder / name).read_text() for name in ("go.mod", "go.sum")]
    base = _cache(definition, *modules, *(one.read_text() for one in protos))
    with _Once(base) as is_new:
        if is_new:
            for name in ("go.mod", "go.sum"):
                shutil.copy(definition.folder / name, base)
            (base / "bin").mkdir(exist_ok=True)
            _run(["go", "build", "-o", "bin/", "tool"], base)
            words = [
                sys.executable,
                "-m",
                "grpc_tools.protoc",
                f"-I{definition.folder / 'protos'}",
                f"-I{_ANNOTATIONS}",
            ]
            for plugin in ("go", "go-grpc"):
                words += [f"--plugin=protoc-gen-{plugin}={base}/bin/protoc-gen-{plugin}"]
                words += [f"--{plugin}_out={base}", f"--{plugin}_opt=module=example.com/{definition.name}"]
            _run([*words, *(one.name for one in protos)], base)
    built = _cache(definition, str(base), source)
    with _Once(built) as is_new:
        if is_new:
            with tempfile.TemporaryDirectory() as scratch:
                work = Path(scratch)
                shutil.copytree(base, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("bin", ".*"))
                (work / "main.go").write_text(source)
                _run(["go", "build", "-o", str(built / "server"), "."], work)
    return built / "server"


def _node(definition: Definition, source: str) -> Path:
    """The program, beside the packages that it needs."""
    files = [(definition.folder / name).read_text() for name in ("package.json", "package-lock.json")]
    base = _cache(definition, *files)
    with _Once(base) as is_new:
        if is_new:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(definition.folder / name, base)
            _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], base)
    program = base / f"server-{hashlib.sha256(source.encode()).hexdigest()[:16]}.js"
    if not program.exists():
        unfinished = program.with_suffix(f".{os.getpid()}")
        unfinished.write_text(source)
        unfinished.replace(program)
    return program
