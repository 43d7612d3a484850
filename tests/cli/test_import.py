from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grpcmock.importers.formats import FORMATS

Run = Callable[..., Any]

THEIRS = """\
- service: UserService
  method: GetUser
  input: {equals: {id: 1}}
  output: {data: {id: 1, name: "{{.Request.id}} is Alice"}}
- service: user.UserService
  method: ListUsers
  output: {data: {}, delay: "{{.Request.page}}s"}
"""


@pytest.fixture
def theirs(project: Path) -> Path:
    (project / "theirs").mkdir()
    (project / "theirs" / "users.yaml").write_text(THEIRS)
    (project / "theirs" / "package.json").write_text('{"name": "none of it"}')
    return project / "theirs"


def test_writes_a_file_for_each_service_that_passes_the_check(grpcmock: Run, theirs: Path, project: Path) -> None:
    code, out, err = grpcmock("import", "gripmock", "theirs", "--proto", "protos", "--out", "stubs")
    assert (code, out) == (0, "")
    delay = "the delay '{{.Request.page}}s' is left out: delays are constant, or drawn from a range, here."
    assert err.splitlines() == [
        f"warning: theirs/users.yaml:7:3: ListUsers: {delay}",
        "Wrote stubs/user.UserService.yaml (2 stubs).",
        "2 stubs of 1 file of GripMock, 3 and before: 1 warning.",
        (
            "note: A call that no stub matches is told in other words than GripMock's, and is UNIMPLEMENTED: "
            "`serve --unmatched-code NOT_FOUND` keeps its status."
        ),
    ]
    assert (
        (project / "stubs" / "user.UserService.yaml").read_text()
        == """\
# Imported by grpcmock from theirs.

# Templates of Go, translated: {{.Request.id}} is Alice
- name: GetUser id=1
  method: user.UserService/GetUser
  request: {id: 1}
  response:
    id: 1
    name: '{{ request.id }} is Alice'

# Not as in GripMock: the delay '{{.Request.page}}s' is left out: delays are constant, or drawn from a
# range, here.
- name: ListUsers
  method: user.UserService/ListUsers
  response: {}
"""
    )
    assert grpcmock("check", "--strict").code == 0
    code, _, err = grpcmock("import", "gripmock", "theirs", "--out", "stubs")
    assert code == 2
    assert "there already, and left as it is. --force writes over it." in err


def test_on_stdout_or_only_told(grpcmock: Run, theirs: Path) -> None:
    code, out, err = grpcmock("import", "auto", "theirs")
    assert code == 0
    assert out.startswith("# Imported by grpcmock from theirs.\n")
    assert "They were not checked: name the protos with --proto." in err
    assert grpcmock("import", "auto", "theirs", "--check").out == ""


def test_what_the_protos_refuse_is_told_at_the_place_of_the_original(grpcmock: Run, project: Path) -> None:
    mapping = {
        "request": {"method": "POST", "urlPath": "/user.UserService/GetUser"},
        "response": {"jsonBody": {"nmae": "Ann"}},
    }
    (project / "mapping.json").write_text(json.dumps(mapping))
    code, _, err = grpcmock("import", "wiremock", "mapping.json", "--proto", "protos", "--check")
    assert code == 1
    assert "error: mapping.json:1:1: response.nmae: " in err
    assert "Did you mean 'name'?" in err
    assert err.endswith("1 stub of 1 file of WireMock with its gRPC extension: no warnings, 1 error.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["grpmock", "x"], "There is no format 'grpmock'. Did you mean 'gripmock'?"),
        (["pact", "x"], "Pact files are read by `grpcmock contract import`."),
        (["gripmock", "nowhere"], "nowhere: there is no such file or directory."),
        (["auto", "protos"], "No file of protos is in a format that is known: gripmock, wiremock,"),
        (["wiremock", "empty.json"], "There is nothing to import: empty.json holds no stub."),
    ],
)
def test_wrong_usage(grpcmock: Run, project: Path, words: list[str], told: str) -> None:
    (project / "empty.json").write_text("{}")
    code, _, err = grpcmock("import", *words)
    assert code == 2
    assert told in err


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("users.yaml", THEIRS, "grpcmock import gripmock"),
        ("one.yaml", "service: a.B\nmethod: C\noutput: {data: {}}\n", "grpcmock import gripmock"),
        ("map.json", '{"request": {"urlPath": "/a.B/C"}, "response": {}}', "grpcmock import wiremock"),
        ("all.json", '{"mappings": []}', "grpcmock import wiremock"),
        ("expect.json", '[{"httpRequest": {"path": "/a.B/C"}, "httpResponse": {}}]', "grpcmock import mockserver"),
        ("examples.yaml", "kind: APIExamples\nmetadata: {}\n", "grpcmock import microcks"),
        ("mockd.yaml", 'version: "1.0"\nmocks: []\n', "grpcmock import mockd"),
        ("mocks.yaml", "- request: {method: /a.B/C}\n  response: []\n", "grpcmock import ditto"),
        ("session.json", '{"log": {"entries": []}}', "grpcmock import har"),
        ("pact.json", '{"consumer": {}, "interactions": []}', "grpcmock contract import"),
    ],
)
def test_files_of_other_tools_are_recognized(grpcmock: Run, project: Path, name: str, text: str, command: str) -> None:
    (project / "stubs").mkdir()
    (project / "stubs" / name).write_text(text)
    code, out, _ = grpcmock("check")
    assert code == 1
    assert f"{command} stubs/{name} makes stubs of it" in out
    assert "1 error in 0 stubs" in out


def test_the_formats_of_the_help(grpcmock: Run) -> None:
    _, out, _ = grpcmock("import", "--help")
    assert all(name in out for name in FORMATS)
