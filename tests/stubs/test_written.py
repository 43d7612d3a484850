from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.errors import Problems
from grpcmock.stubs import loader
from grpcmock.stubs.written import is_binary, json_problem


def said(name: str, text: str | bytes) -> list[str]:
    problems = Problems()
    loader.load_text(text if isinstance(text, bytes) else text.encode(), name, problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x7fELF\x02\x01\x01\0\0\0", b"\x0a\x05\x08\x01\x12\x01a\x1a"])
def test_a_binary_file_is_called_so(data: bytes) -> None:
    text = "a: This is a binary file, or text in another encoding than UTF-8. Stubs are written in YAML or JSON."
    assert said("a", data) == [text]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\t\n\r")))
def test_text_is_never_taken_for_a_binary_file(text: str) -> None:
    assert not is_binary(text.encode())


def test_a_stray_control_character_is_told_by_its_place() -> None:
    assert said("a.yaml", "- name: some\x05thing\n  method: user.UserService/GetUser\n")[0].startswith("a.yaml:1:13: ")


@pytest.mark.parametrize("text", ["- method: a/b\n\trequest: {}\n", "- method: a/b\n  request:\n  \tid: 1\n"])
def test_a_tab_is_called_a_tab(text: str) -> None:
    (problem,) = said("a.yaml", text)
    assert problem.endswith(": This line is indented with a tab. YAML takes spaces only.")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[{"method": "a/b", "request": {"id": 1', "a.json:1:39: The text is not valid JSON: it ends before it is"),
        ('[{"method": "a/b"\n', "it ends before it is complete. Was it cut off?"),
        ('{"stubs": [}', "a.json:1:12: The text is not valid JSON: expecting value."),
        ('[{"method": "a/b" "request": 1}]', "a.json:1:19: The text is not valid JSON: expecting ',' delimiter."),
    ],
)
def test_a_file_of_json_is_judged_as_json(text: str, wrong: str) -> None:
    (problem,) = said("a.json", text)
    assert wrong in problem


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_nothing_is_wrong_with_json(value: object) -> None:
    assert json_problem(json.dumps(value), "a.json") is None
