"""All that is wrong with a tree is told, each fault once, with its place; protoc may even crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grpcmock.errors import CompileError, Location, Problem, SchemaError
from grpcmock.schema import compiler, layout, protoc_child
from grpcmock.schema.layout import Given
from grpcmock.schema.protoc import Workspace

Write = Callable[[str, str], Path]

ABORTING = """
edition = "2023";
package t;
import "google/protobuf/descriptor.proto";
option (e).d = "\\xff";
message M { string d = 1; }
extend google.protobuf.FileOptions { M e = 1000; }
"""
"""protoc aborts on it: a check of its own fails."""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def problems_of(tree: Path) -> tuple[Problem, ...]:
    """Compile a tree that doesn't compile, and give what is wrong."""
    with pytest.raises(CompileError) as raised:
        compiler.compile_files(arranged(tree))
    return raised.value.problems


def arranged(tree: Path) -> layout.Layout:
    return layout.arrange([Given(path, tree) for path in layout.proto_files(tree)], [])


def test_all_complaints_of_all_files_come_with_their_places(write: Write, tmp_path: Path) -> None:
    one = write("one.proto", 'syntax = "proto3";\nmessage A {\n  Missing m = 1;\n  int33 n = 2;\n}\n')
    two = write("two.proto", 'syntax = "proto3";\nmessage B {\n')
    write("three.proto", 'syntax = "proto3";\nmessage C {}\n')
    problems = problems_of(tmp_path)
    assert [problem.location for problem in problems] == [
        Location(str(one), 3, 3),
        Location(str(one), 4, 3),
        Location(str(two), 3, 1),
    ]
    assert problems[0].message == '"Missing" is not defined.'


def test_what_follows_from_another_fault_is_not_told(write: Write, tmp_path: Path) -> None:
    broken = write("a.proto", "syntax = 'proto3'; message A { Nope n = 1; }")
    for number in range(30):
        write(f"b{number}.proto", f'syntax = "proto3"; import "a.proto"; message B{number} {{ A a = 1; }}')
    write("c.proto", 'syntax = "proto3"; import "b7.proto"; message C { B7 b = 1; Wrong w = 2; }')
    assert [str(problem) for problem in problems_of(tmp_path)] == [f'{broken}:1:32: "Nope" is not defined.']


def test_protoc_is_run_once_for_each_file_that_fails(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    run = Workspace.run
    monkeypatch.setattr(Workspace, "run", lambda self, wanted: runs.append(len(wanted)) or run(self, wanted))
    for number in range(40):
        write(
            f"{number:02}.proto",
            f"syntax = 'proto3'; message M{number} {{ {'Nope n = 1;' if number in (9, 31) else ''} }}",
        )
    assert len(problems_of(tmp_path)) == 2
    assert runs == [40, 30, 8]  # those before the one that failed are sound


def test_files_that_are_the_same_are_compiled_once(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[object] = []
    run = Workspace.run
    monkeypatch.setattr(Workspace, "run", lambda self, wanted: runs.append(wanted) or run(self, wanted))
    imported = write("tree/b.proto", f'syntax = "proto3"; // {tmp_path}')
    write("tree/a.proto", 'syntax = "proto3"; import "b.proto"; message A {}')
    tree = tmp_path / "tree"
    first = compiler.compile_files(arranged(tree))
    assert compiler.compile_files(arranged(tree)) == first
    assert len(runs) == 1
    changed = imported.read_text() + " message B {}"
    imported.write_text(changed)
    assert compiler.compile_files(arranged(tree)) != first
    assert len(runs) == 2
    imported.unlink()  # and so is one that can't be read
    write("tree/a.proto", f'syntax = "proto3"; message Other {{}} // {tmp_path}')
    assert [file.message_type[0].name for file in compiler.compile_files(arranged(tree))] == ["Other"]
    assert len(runs) == 3


def test_after_many_failures_the_rest_is_not_tried(write: Write, tmp_path: Path) -> None:
    for number in range(25):
        write(f"{number:02}.proto", f"syntax = 'proto3'; message M{number} {{ Nope n = 1; }}")
    problems = problems_of(tmp_path)
    assert len(problems) == compiler.MOST_RUNS + 1
    assert problems[-1].message == "5 files haven't been compiled yet: fix these first."


def test_a_file_with_many_faults_is_told_in_a_screen(write: Write, tmp_path: Path) -> None:
    fields = "\n".join(f"  Nope f{number} = {number};" for number in range(1, 100))
    write("a.proto", f'syntax = "proto3";\nmessage A {{\n{fields}\n}}')
    problems = problems_of(tmp_path)
    assert len(problems) == 11
    assert problems[-1].message == "89 more problems are not shown."


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"a": "a"}, "File recursively imports itself: a.proto -> a.proto."),
        ({"a": "b", "b": "c", "c": "a"}, "File recursively imports itself: a.proto -> b.proto -> c.proto -> a.proto."),
        ({"a": "b", "b": "c", "c": "b"}, "File recursively imports itself: b.proto -> c.proto -> b.proto."),
    ],
)
def test_circles_are_told_once(write: Write, tmp_path: Path, files: dict[str, str], text: str) -> None:
    for name, imported in files.items():
        write(f"{name}.proto", f'syntax = "proto3";\nimport "{imported}.proto";\nmessage {name.upper()} {{}}')
    [problem] = problems_of(tmp_path)
    assert problem.message == text
    assert problem.location == Location(str(tmp_path / f"{text.split(': ')[1][0]}.proto"), 2, 1)


@pytest.mark.parametrize("among", [0, 9])
def test_an_abort_of_protoc_is_told_with_its_file(write: Write, tmp_path: Path, among: int) -> None:
    for number in range(among):
        write(f"good{number}.proto", f'syntax = "proto3"; message Good{number} {{}}')
    path = write("middle.proto", ABORTING)
    write("user.proto", 'syntax = "proto3"; import "middle.proto"; message User { t.M m = 1; }')
    [problem] = problems_of(tmp_path)
    assert problem.location == Location(str(path))
    assert problem.message.startswith("protoc aborted: Check failed: ")
    assert "String field 't.M.d' contains invalid UTF-8" in problem.message


def test_nothing_is_written_to_the_terminal(write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write("broken/broken.proto", "message {")
    assert problems_of(tmp_path / "broken")
    write("warned/warned.proto", 'syntax = "proto3";\nimport "google/protobuf/any.proto";\n')
    assert len(compiler.compile_files(arranged(tmp_path / "warned"))) == 2
    os.write(2, b"still here")
    assert capfd.readouterr() == ("", "still here")


def test_what_protoc_logs_is_no_problem(write: Write, tmp_path: Path) -> None:
    path = write("a.proto", "message M { optional Nope x = 1; }")  # without a syntax it warns
    assert [str(problem) for problem in problems_of(tmp_path)] == [f'{path}:1:22: "Nope" is not defined.']


def test_a_file_that_has_gone_is_told(tmp_path: Path) -> None:
    gone = layout.arrange([Given(tmp_path / "gone.proto")], [])
    with pytest.raises(SchemaError, match=r"gone\.proto"):
        compiler.compile_files(gone)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.proto"
    path.write_bytes(b"\x00\xff\xfe binary")
    assert problems_of(tmp_path)[0].location == Location(str(path), 1, 1)


def test_it_compiles_without_a_standard_error(write: Write, tmp_path: Path) -> None:
    path = write("a.proto", "message {")
    code = (
        "import os; os.close(2)\n"
        "from grpcmock.errors import CompileError\n"
        "from grpcmock.schema import sources\n"
        f"try: sources.load([{str(path)!r}])\n"
        "except CompileError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert f"{path}:1:9: Expected message name." in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_other_threads_go_on_while_protoc_runs(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.proto", 'syntax = "proto3";')
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    os.mkfifo(begun)
    os.mkfifo(go_on)
    slow = (
        f"import sys; open({str(begun)!r}, 'w').close(); open({str(go_on)!r}).close(); sys.exit('a.proto:1:2: Slow.')"
    )
    monkeypatch.setattr(protoc_child, "__file__", str(write("slow.py", slow)))
    with ThreadPoolExecutor() as threads:
        compiling = threads.submit(compiler.compile_files, layout.arrange([Given(path)], []))
        begun.read_bytes()  # it runs, and this thread goes on
        assert not compiling.done()
        go_on.write_bytes(b"")
        error = compiling.exception()
    assert isinstance(error, CompileError)
    assert str(error) == f"{path}:1:2: Slow."


def test_a_python_that_cannot_be_started_is_told(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.proto", 'syntax = "proto3";')
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(SchemaError, match=r"protoc can't be started with '.*/gone': No such file or directory"):
        compiler.compile_files(arranged(tmp_path))


def test_threads_may_compile_at_once(write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write("good/good.proto", 'syntax = "proto3"; message A {}')
    bad = write("bad/bad.proto", "message {")
    outcomes: list[str] = []

    def compile_one(name: str) -> None:
        try:
            compiler.compile_files(arranged(tmp_path / name))
            outcomes.append("good")
        except CompileError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=compile_one, args=(name,)) for name in ["good", "bad"] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [f"{bad}:1:9: Expected message name."] * 4 + ["good"] * 4
    assert capfd.readouterr().err == ""
