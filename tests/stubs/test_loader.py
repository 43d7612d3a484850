"""Files, tables and texts become stubs in order; what is wrong in any of them is said, and nothing crashes."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.errors import Problems
from grpcmock.stubs import Stub, files, loader
from grpcmock.stubs.parser import STUB_KEYS


def load(text: str | bytes, folder: Path | None = None) -> tuple[list[Stub], list[str]]:
    problems = Problems()
    return loader.load_text(text, "a.yaml", problems, folder=folder), [str(problem) for problem in problems]


def good(text: str, folder: Path | None = None) -> list[Stub]:
    stubs, problems = load(text, folder)
    assert problems == []
    return stubs


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("- method: a\n- method: b\n", ["a", "b"]),
        ("stubs: [{method: a}]", ["a"]),
        ("{$schema: s.json, defaults: {method: x}, stubs: [{}, {method: b}]}", ["x", "b"]),
        ("- method: a\n---\n- method: b\n---\nstubs: [{method: c}]\n---\n", ["a", "b", "c"]),
        ("&all [{method: a}]", ["a"]),
        ('[{"method": "a"}]', ["a"]),
        ("", []),
        ("# nothing yet", []),
    ],
)
def test_the_shapes_of_a_file(text: str, methods: list[str]) -> None:
    assert [stub.method for stub in good(text)] == methods


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("method: a", "a.yaml:1:1: A file of stubs is a list, but this is a single mapping. Begin the stub with '- '"),
        ("stub: [{method: a}]", "a.yaml:1:1: stub: A file of stubs has no key 'stub'. Did you mean 'stubs'?"),
        ("stubs: 3", "a.yaml:1:8: stubs: expected a list of stubs, not a number."),
        ("defaults: {}", "a.yaml:1:1: stubs: There is no list of 'stubs'."),
        ("{defaults: 3, stubs: []}", "a.yaml:1:12: defaults: expected a mapping of stub keys, not a number."),
        ("hello", "a.yaml:1:1: A file of stubs is a list, or a mapping {defaults, stubs}, not a string."),
        ("- a", "a.yaml:1:3: A stub must be a mapping"),
        (
            "- {method: a, name: x}\n- {method: b, name: x}",
            "a.yaml:2: name: The name 'x' is taken by the stub at a.yaml:1.",
        ),
        ("- {method: a, request: {i: '{{ row.i }}'}}", "a.yaml:1:28: request.i: 'row' needs 'each'."),
        ("- {method: a, each: x.csv}", "a.yaml:1:21: each: a stub that doesn't come from a file can't name one."),
    ],
)
def test_a_bad_file_is_explained(text: str, problem: str) -> None:
    assert problem in load(text)[1][0]


def test_a_problem_in_defaults_is_said_once() -> None:
    assert len(load("defaults: {priority: x}\nstubs: [{method: a}, {method: b}]")[1]) == 1


def test_stubs_in_one_line_have_names_of_their_own() -> None:
    assert [stub.name for stub in good("[{method: a}, {method: b}]")] == ["a.yaml:1", "a.yaml:1:15"]


def test_braces_in_patterns_are_plain_text_without_a_table() -> None:
    (stub,) = good("- {method: a, request: {x: '{{ y', z: '{{ request.id }}'}}")
    assert stub.request is not None
    assert stub.request.plain() == {"x": "{{ y", "z": "{{ request.id }}"}


ROWS = """
- name: n
  method: 'a.B/{{ row.m }}'
  request: {id: '{{ row.id }}', l: ['{{ row.id + 1 }}', x], '{{ row.m }}': 1}
"""


def test_each_row_is_a_stub() -> None:
    stubs = good(ROWS + "  response: {id: '{{ row.id }}'}\n  each: [{id: 1, m: X}, {id: 2, m: Y}]")
    assert [(stub.name, stub.method, stub.row) for stub in stubs] == [
        ("n[1]", "a.B/X", {"id": 1, "m": "X"}),
        ("n[2]", "a.B/Y", {"id": 2, "m": "Y"}),
    ]
    patterns = [stub.request.plain() for stub in stubs if stub.request]
    assert patterns == [{"id": 1, "l": [2, "x"], "X": 1}, {"id": 2, "l": [3, "x"], "Y": 1}]
    responses = [answer.responses for stub in stubs for answer in stub.answers]
    assert [node.plain() for nodes in responses if nodes for node in nodes] == [{"id": "{{ row.id }}"}] * 2


def test_what_holds_no_template_is_shared_by_all_rows() -> None:
    first, second = good("- {method: a, request: {id: 1}, response: {x: '{{ row.x }}'}, each: [{x: 1}, {x: 2}]}")
    assert first.request is second.request
    assert first.name == "a.yaml:1[1]"


def test_a_name_that_is_a_template_names_the_rows() -> None:
    assert [s.name for s in good("- {method: a, name: 'n-{{ row.x }}', each: [{x: 1}, {x: 2}]}")] == ["n-1", "n-2"]


def test_whole_values_of_a_row_can_be_passed() -> None:
    (stub,) = good("- {method: a, request: '{{ row.r }}', times: '{{ row.n }}', each: [{r: {a: [1]}, n: 2}]}")
    assert stub.request is not None
    assert (stub.request.plain(), stub.times) == ({"a": [1]}, 2)


@pytest.mark.parametrize(
    ("each", "problem"),
    [
        ("[{id: 1}]", "a.yaml:3:11: method: the rows have no column 'm'. The columns are: id."),
        ("[{idx: 1, m: 1}]", "request.id: the rows have no column 'id'. Did you mean 'idx'?"),
        ("[{id: x, m: 1}]", "request.l[0]: row 1: the template '{{ row.id + 1 }}' can't be rendered"),
        ("[1]", "each[0]: row 1 must be a mapping from columns to values, not a number."),
        ("3", "each: expected a list of rows, or the path"),
        ("[]", "warning: each: The table has no rows"),
        ("[{id: 1, m: id}]", "request: row 1: two keys of this mapping become the same."),
    ],
)
def test_a_bad_table_is_explained(each: str, problem: str) -> None:
    assert any(problem in found for found in load(f"{ROWS}  each: {each}")[1])


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            "request: {a: '{{ request.x }}'}",
            "request.a: 'request' is not known here: before a call there is only 'row'.",
        ),
        ("request: {a: '{{ row.'}", "request.a: The template has a syntax error"),
        ("response: {a: '{{ row.nope }}'}", "response.a: the rows have no column 'nope'."),
    ],
)
def test_a_bad_template_is_said_once_and_not_for_every_row(keys: str, problem: str) -> None:
    stubs, problems = load(f"- {{method: a, {keys}, each: [{{x: 1}}, {{x: 2}}]}}")
    assert stubs == []
    assert len(problems) == 1
    assert problem in problems[0]


TABLES = {
    "csv": 'id,name\n1,Ann\n\n2,"B, C"\n',
    "json": '[{"id": "1", "name": "Ann"}, {"id": "2", "name": "B, C"}]',
    "jsonl": '{"id": "1", "name": "Ann"}\n\n{"id": "2", "name": "B, C"}\n',
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_read_from_files(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"t.{kind}").write_text(TABLES[kind])
    stubs = good(f"- {{method: a, each: t.{kind}, request: {{n: '{{{{ row.name }}}}'}}}}", tmp_path)
    assert [stub.row for stub in stubs] == [{"id": "1", "name": "Ann"}, {"id": "2", "name": "B, C"}]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("t.csv", b"", "t.csv:1: The table has no first line"),
        ("t.csv", b"a,a\n1,2\n", "t.csv:1: The column 'a' is there twice."),
        ("t.csv", b"a,b\n1,2\n1\n", "t.csv:3: This row has 1 cells, but the table has 2 columns."),
        ("t.csv", b'a\n"x', "The table is not valid CSV"),
        ("t.csv", b"a\n\xff", "t.csv:2: The file is not valid UTF-8."),
        ("t.csv", b"a\n" + b"x" * 200_000, "The table is not valid CSV"),
        ("t.json", b"{}", "t.json:1: The table must be a list of objects."),
        ("t.json", b"[1]", "Row 1 of the table must be an object, not 1."),
        ("t.json", b"[{]", "t.json:1:3: The table is not valid JSON"),
        ("t.json", b"[" * 100_000, "The table nests more than 128 levels deep."),
        ("t.jsonl", b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", "The table nests more than 128 levels deep."),
        ("t.json", b'[{"a": "\\ud800"}]', "The table can't be read"),
        ("t.json", b'[{"a": ' + b"9" * 5000 + b"}]", "The table can't be read"),
        ("t.jsonl", b"{}\n[]\n", "t.jsonl:2: Each line must be a JSON object, not []."),
        ("t.jsonl", b"{}\n{\n", "t.jsonl:2:2: The table is not valid JSON"),
        ("t.txt", b"", "the file 't.txt' is no table"),
        ("u.csv", None, "can't be read: No such file or directory."),
    ],
)
def test_a_bad_table_file_is_explained(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    stubs, problems = load(f"- {{method: a, each: {name}}}", tmp_path)
    assert stubs == []
    assert problem in problems[0]


def test_directories_are_read_recursively_and_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_yaml="- method: b",
        a_yml="- method: a",
        c__d_json='[{"method": "c"}]',
        notes_txt="- method: no",
    )
    (tmp_path / ".hidden.yaml").write_text("- method: no")
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "x.yaml").write_text("- method: no")
    stubs = loader.load([tmp_path], problems := Problems())
    assert (list(problems), [stub.method for stub in stubs]) == ([], ["a", "b", "c"])
    assert stubs[0].name == f"{tmp_path / 'a.yml'}:1"


def test_a_file_named_twice_is_read_once_and_loops_of_links_end(tmp_path: Path) -> None:
    write(tmp_path, d__a_yaml="- method: a")
    (tmp_path / "d" / "again").symlink_to(tmp_path)
    stubs = loader.load([tmp_path / "d", tmp_path / "d" / "a.yaml", tmp_path], problems := Problems())
    assert (list(problems), [stub.method for stub in stubs]) == ([], ["a"])


def test_a_table_is_no_file_of_stubs(tmp_path: Path) -> None:
    write(tmp_path, a_json='[{"x": 1}]', b_yaml="- {method: a, each: a.json}", c_yaml="- {method: c}")
    found = loader.read([tmp_path], problems := Problems())
    assert list(problems) == []
    assert [stub.method for stub in found.stubs] == ["a", "c"]
    assert [path.name for path in found.files] == ["b.yaml", "c.yaml"]
    assert [path.name for path in found.data] == ["a.json"]


def test_what_a_reload_watches(tmp_path: Path) -> None:
    write(tmp_path, s__a_yaml="- {method: a, each: ../t.csv}\n- {method: b}", t_csv="x\n1\n")
    assert loader.watched([tmp_path / "s"]) == [tmp_path / "s", tmp_path / "s" / "../t.csv"]


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    write(
        tmp_path, a_yaml="- {}", b_yaml="- {method: x", c_yaml="- {method: y, name: n}", d_yaml="- {method: z, name: n}"
    )
    loader.load([tmp_path, tmp_path / "none"], problems := Problems())
    assert [problem.rule for problem in problems] == ["no-file", "missing-key", "yaml", "duplicate-name"]


def test_missing_empty_and_odd_paths_are_explained(tmp_path: Path) -> None:
    loader.load([tmp_path, tmp_path / "gone", "a\0b"], problems := Problems())
    assert [(problem.severity, problem.rule) for problem in problems] == [
        ("warning", "no-stubs"),
        ("error", "no-file"),
        ("error", "no-file"),
    ]


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    loader.load([path], problems := Problems())
    (problem,) = map(str, problems)
    assert "is 100 MiB large, over the limit of 64 MiB. Split it into several files." in problem


def test_a_huge_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_BYTES", 10)
    assert "over the limit" in load("- method: long enough")[1][0]
    assert files.MAX_BYTES >= 64 * 1024 * 1024


def test_progress_is_told_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_STEP", 2)
    write(tmp_path, a_yaml="- method: a\n" * 4, b_yaml="- method: b\n")
    seen: list[tuple[int, int]] = []
    loader.load([tmp_path], Problems(), progress=lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {60}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 60
    assert len(seen) > 3


@pytest.mark.parametrize("text", ["- method: a", "- {"])
def test_the_garbage_collector_is_left_as_it_was(text: str) -> None:
    assert gc.isenabled()
    load(text)
    assert gc.isenabled()


WORDS = st.sampled_from([*sorted(STUB_KEYS), "defaults", "stubs", "row", "a.B/C", "{{row.a}}", "cycle"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=25
)


@given(st.text(max_size=100) | st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_no_text_raises(text: str | bytes) -> None:
    load(text)


@given(st.text(alphabet='{}[]":,ab1\n\r\\ud8', max_size=40) | st.binary(max_size=40), st.sampled_from(list(TABLES)))
@settings(max_examples=60, deadline=None)
def test_no_table_raises(content: str | bytes, kind: str) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, f"t.{kind}").write_bytes(content if isinstance(content, bytes) else content.encode())
        load(f"- {{method: a, each: t.{kind}, request: '{{{{ row }}}}'}}", Path(folder))


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_no_tree_raises(tree: Any) -> None:
    stubs, problems = load(json.dumps(tree))
    assert all(isinstance(stub, Stub) for stub in stubs)
    assert all(problem.startswith("a.yaml") for problem in problems)


@given(st.lists(TREES, max_size=2))
@settings(max_examples=60, deadline=None)
def test_no_list_of_stubs_raises(trees: list[Any]) -> None:
    load(json.dumps([{"method": "a.B/C", **(tree if isinstance(tree, dict) else {"request": tree})} for tree in trees]))
