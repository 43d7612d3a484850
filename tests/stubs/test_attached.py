"""Bytes from files beside stubs, and from text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems, RenderError
from grpcmock.responses.context import RenderContext
from grpcmock.schema.codec import to_tree
from grpcmock.stubs import loader
from grpcmock.stubs.attached import may_attach
from grpcmock.stubs.dump import to_yaml
from grpcmock.stubs.template_cache import parse_template

METHOD = "method: kitchen.KitchenService/Unary"


def loaded(text: str, folder: Path | None = None) -> tuple[list[Any], list[str]]:
    problems = Problems()
    stubs = loader.load_text(text, "s.yaml", problems, folder=folder)
    return stubs, [str(problem) for problem in problems]


def test_a_file_and_a_text_are_bytes_in_answers_and_in_patterns(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff\0")
    text = (
        f"- {METHOD}\n  request: {{f_bytes: {{$text: hé}}}}\n"
        "  response: {f_bytes: {$file: a.bin}, r_bytes: [{$text: ''}, {$file: a.bin}]}"
    )
    [stub], problems = loaded(text, tmp_path)
    assert not problems
    assert stub.request.plain() == {"f_bytes": "hé".encode()}
    assert stub.answers[0].responses[0].plain() == {"f_bytes": b"\xff\0", "r_bytes": [b"", b"\xff\0"]}


def test_the_file_is_told_to_who_watches_for_changes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.bin").write_bytes(b"a")
    (tmp_path / "s.yaml").write_text(f"- {METHOD}\n  response: {{f_bytes: {{$file: data/a.bin}}}}\n")
    assert loader.read([tmp_path], Problems()).data == (tmp_path / "data" / "a.bin",)
    assert tmp_path / "data" / "a.bin" in loader.watched([tmp_path])


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("{$file: nowhere}", "nowhere' can't be read: No such file"),
        ("{$file: '{{ request.f_string }}'}", "a template can't stand here: the file is read when"),
        ("{$text: '{{ request.f_string }}'}", "Write {{ (…) | b64encode }}."),
    ],
)
def test_what_can_not_be_had_is_told(tmp_path: Path, written: str, error: str) -> None:
    _, [problem] = loaded(f"- {METHOD}\n  response: {{f_bytes: {written}}}", tmp_path)
    assert error in problem
    assert problem.startswith("s.yaml:2:")


def test_a_stub_from_no_file_names_none() -> None:
    _, [problem] = loaded(f"- {METHOD}\n  response: {{f_bytes: {{$file: /etc/hostname}}}}")
    assert "a stub that doesn't come from a file can't name one" in problem


@pytest.mark.parametrize("written", ["{$file: 5}", "{$file: a, x: 1}", "{$files: a}"])
def test_other_mappings_are_left_as_they_are(tmp_path: Path, written: str) -> None:
    [stub], problems = loaded(f"- {METHOD}\n  response: {{w_struct: {written}}}", tmp_path)
    assert not problems
    assert isinstance(stub.answers[0].responses[0].plain()["w_struct"], dict)


@pytest.mark.parametrize(
    ("answer", "tree"),
    [
        ("{f_bytes: {$text: hi}}", {"f_bytes": "aGk="}),
        ("{f_string: {$text: hi}}", {"f_string": "hi"}),
        ("{f_bytes: !!binary 'aG k='}", {"f_bytes": "aGk="}),
        ("{f_bytes: \"{{ 'hi' | b64encode }}\"}", {"f_bytes": "aGk="}),
        ("{f_bytes: \"{{ 'aGk' | b64decode }}\"}", {"f_bytes": "aGk="}),
        ("{f_string: \"{{ 'hi' | b64encode }}\"}", {"f_string": "aGk="}),
    ],
)
def test_they_fit_their_fields(answer: str, tree: Any) -> None:
    stubs, problems = loaded(f"- {METHOD}\n  response: {answer}\n")
    assert not problems
    [again], _ = loaded(to_yaml(stubs))
    for one in (stubs[0], again):
        engine = Engine(registry(), [one])
        method = engine.registry.method("kitchen.KitchenService/Unary")
        [entry] = engine.store
        [send, _] = entry.plans[0].steps
        assert to_tree(method.response_class.FromString(send.reply.render(RenderContext()))) == tree


@given(st.binary(max_size=100))
def test_base64_there_and_back(data: bytes) -> None:
    assert parse_template("{{ (x | b64encode) | b64decode }}").render({"x": data}) == data


def test_what_is_no_base64_is_told() -> None:
    with pytest.raises(RenderError, match=r"'%%' is not base64"):
        parse_template("{{ '%%' | b64decode }}").render({})


@pytest.mark.parametrize(("text", "expected"), [(b"a: {$file: x}", True), ("{$text: x}", True), (b"a: b", False)])
def test_most_files_are_not_looked_through(text: str | bytes, expected: bool) -> None:
    assert may_attach(text) is expected
