"""Compile ``.proto`` files into descriptors, with protoc in this process."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from google.protobuf import descriptor_pb2

from grpcmock.errors import CompileError, Location, Problem
from grpcmock.schema import shipped

_lock = threading.Lock()
_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)")
_UNPLACED = re.compile(r"(?P<file>.+?\.proto): (?P<text>.*)")
_NOT_FOUND = re.compile(r'Import "(?P<name>.+)" was not found or had errors\.')
_LOGGED = re.compile(r"[IW]\d{4} ")
_FRESH = "import sys; from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))"


def compile_files(
    files: Mapping[str, Path],
    wanted: Sequence[str],
    described: descriptor_pb2.FileDescriptorSet | None = None,
) -> descriptor_pb2.FileDescriptorSet:
    """Compile the files *wanted*, and all that they import.

    *files* tells where each file stands, by the name that others import it by; *described* holds the descriptors of
    files that can be imported, too. What comes along (see :mod:`grpcmock.schema.shipped`) needs no mention. Raises
    :class:`CompileError`, which holds all of protoc's complaints with their places.
    """
    with tempfile.TemporaryDirectory(prefix="grpcmock-") as folder:
        given = Path(folder, "given.binpb")
        given.write_bytes((described or descriptor_pb2.FileDescriptorSet()).SerializeToString())
        output = Path(folder, "out.binpb")
        odd = Path(folder, "odd")
        odd.mkdir()
        paths = {name: _copied(name, path, odd) if _is_odd(name, path) else path for name, path in files.items()}
        arguments = [
            "protoc",
            # One mapping for each file: names never depend on which root comes first, or on the working directory.
            *(f"-I{name}={path}" for name, path in paths.items() if not path.is_relative_to(odd)),
            f"-I{odd}",
            f"-I{shipped.builtin_root()}",
            f"--descriptor_set_in={given}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={output}",
            *(str(paths[name]) for name in wanted),
        ]
        code, said = _run(arguments, Path(folder))
        if code:
            if len(wanted) > 1:  # protoc gives up at the first file that fails; we want to hear of all
                options = arguments[: -len(wanted)]
                said += "".join(_run([*options, str(paths[name])], Path(folder))[1] for name in wanted)
            shown = {str(path): str(files[name]) for name, path in paths.items()}
            raise CompileError(_problems(said, shown))
        return descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes())


def _is_odd(name: str, path: Path) -> bool:
    """Whether a mapping from this name to this path can't be said on protoc's command line."""
    return "=" in name or os.pathsep in f"{name}{path}"


def _copied(name: str, path: Path, root: Path) -> Path:
    copy = root / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # protoc says that it isn't there
        shutil.copyfile(path, copy)
    return copy


def _run(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run protoc; give its exit code, and what it said where it failed."""
    from grpc_tools import protoc

    try:
        with Path(folder, "said.txt").open("w+b") as said:
            code = _quietly(protoc.main, arguments, said)
            said.seek(0)
            text = said.read().decode(errors="replace")
    except OSError:  # no standard error to redirect: a daemon may have closed it
        code, text = 1, ""
    if code and not text.strip():
        # Where its C++ runtime has a standard error of its own, a process of its own shows what it says.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _FRESH, *arguments[1:]],
            capture_output=True,
            text=True,
            check=False,
            errors="replace",
        )
        code, text = done.returncode, done.stderr
    return code, text


def _quietly(main: object, arguments: Sequence[str], said: BinaryIO) -> int:
    """Call protoc's main with the process's standard error turned to a file: it writes there, below Python."""
    with _lock:
        sys.stderr.flush() if sys.stderr is not None else None
        kept = os.dup(2)
        try:
            os.dup2(said.fileno(), 2)
            return int(main(list(arguments)))  # type: ignore[operator]
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _problems(said: str, shown: Mapping[str, str]) -> list[Problem]:
    """Parse protoc's ``file:line:column: text``."""
    problems: list[Problem] = []
    unplaced: list[Problem] = []
    for line in dict.fromkeys(map(str.strip, said.splitlines())):
        if not line or ": warning: " in line or _LOGGED.match(line):
            continue
        if found := _PLACED.fullmatch(line):
            where = Location(shown.get(found["file"], found["file"]), int(found["line"]), int(found["column"]))
            problems.append(Problem(found["text"], where, hint=_hint(found["text"]), rule="protoc"))
        elif found := _UNPLACED.fullmatch(line):
            file = shown.get(found["file"], found["file"])
            unplaced.append(Problem(found["text"], Location(file), rule="protoc"))
        else:
            unplaced.append(Problem(line, rule="protoc"))
    # "x.proto: File not found." is said again, with its place, at the import.
    if problems:
        unplaced = [problem for problem in unplaced if problem.message != "File not found."]
    return [*problems, *unplaced] or [Problem("protoc failed without a word.", rule="protoc")]


def _hint(text: str) -> str:
    found = _NOT_FOUND.fullmatch(text)
    if found is None or shipped.is_shipped(found["name"]):
        return ""
    return f"Name the directory that holds {found['name']} as an import root."
