"""protoc's complaints are parsed, each with its place, and nothing is written to the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grpcmock.errors import CompileError, Location, SchemaError
from grpcmock.schema import compiler

BROKEN = 'syntax = "proto3";\nimport "no/such.proto";\nmessage A {\n  Missing m = 1;\n  int33 n = 2;\n}\n'


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_all_complaints_of_all_files_come_with_their_places(tmp_path: Path) -> None:
    one = write(tmp_path / "one.proto", BROKEN)
    two = write(tmp_path / "two.proto", 'syntax = "proto3";\nmessage B {\n')
    with pytest.raises(CompileError) as raised:
        compiler.compile_files({"one.proto": one, "two.proto": two}, ["one.proto", "two.proto"])
    problems = raised.value.problems
    assert isinstance(raised.value, SchemaError)
    assert [problem.location for problem in problems] == [
        Location(str(one), 2, 1),
        Location(str(one), 4, 3),
        Location(str(one), 5, 3),
        Location(str(two), 3, 1),
    ]
    assert problems[0].message == 'Import "no/such.proto" was not found or had errors.'
    assert problems[0].hint == "Name the directory that holds no/such.proto as an import root."
    assert problems[1].message == '"Missing" is not defined.'


def test_nothing_is_written_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = write(tmp_path / "broken.proto", BROKEN)
    with pytest.raises(CompileError):
        compiler.compile_files({"broken.proto": broken}, ["broken.proto"])
    warned = write(tmp_path / "warned.proto", 'syntax = "proto3";\nimport "google/protobuf/any.proto";\n')
    assert len(compiler.compile_files({"warned.proto": warned}, ["warned.proto"]).file) == 2
    assert capfd.readouterr() == ("", "")


def test_standard_error_is_as_before(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compiler.compile_files({"a.proto": write(tmp_path / "a.proto", 'syntax = "proto3";')}, ["a.proto"])
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_file_that_has_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"gone\.proto"):
        compiler.compile_files({"gone.proto": tmp_path / "gone.proto"}, ["gone.proto"])


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.proto"
    path.write_bytes(b"\x00\xff\xfe binary")
    with pytest.raises(CompileError) as raised:
        compiler.compile_files({"a.proto": path}, ["a.proto"])
    assert raised.value.problems[0].location == Location(str(path), 1, 1)


def test_without_a_standard_error_a_process_of_its_own_tells_what_is_wrong(tmp_path: Path) -> None:
    write(tmp_path / "a.proto", "message {")
    code = (
        "import os; os.close(2)\n"
        "from pathlib import Path\n"
        "from grpcmock.errors import CompileError\n"
        "from grpcmock.schema.compiler import compile_files\n"
        f"path = Path({str(tmp_path / 'a.proto')!r})\n"
        "try: compile_files({'a.proto': path}, ['a.proto'])\n"
        "except CompileError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert f"{tmp_path / 'a.proto'}:1:9: Expected message name." in done.stdout


def test_threads_may_compile_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path / "good.proto", 'syntax = "proto3"; message A {}')
    bad = write(tmp_path / "bad.proto", "message {")
    outcomes: list[str] = []

    def compile_one(path: Path) -> None:
        try:
            compiler.compile_files({path.name: path}, [path.name])
            outcomes.append("good")
        except CompileError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=compile_one, args=(path,)) for path in [good, bad] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(outcomes)) == [f"{bad}:1:9: Expected message name.", "good"]
    assert outcomes.count("good") == 8
    assert capfd.readouterr().err == ""
