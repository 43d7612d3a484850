"""What a stub uses of the protos: its method, and every field and enum value in its pattern and its answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from drift_cases import CASES
from drift_versions import compiled

from grpcmock.drift.uses import uses
from grpcmock.errors import Problems
from grpcmock.stubs import loader

PROTO = """
import "google/protobuf/any.proto";
service S { rpc Get(stream M) returns (stream R); }
message M { int32 id = 1; Inner inner = 2; repeated Inner list = 3; map<string, Inner> by_name = 4; Role role = 5; }
message Inner { string text = 1; Role role = 2; }
message R { int32 id = 1; string name = 2; Role role = 3; google.protobuf.Any any = 4; }
message D { string reason = 1; }
enum Role { NONE = 0; ADMIN = 1; }
"""


@pytest.mark.parametrize(
    ("stub", "used"),
    [
        ("{}", set()),
        ("request: {id: 1}", {"M.id"}),
        ("request: {inner: {text: {$prefix: a}}}", {"M.inner", "Inner.text"}),
        ("request: {$or: [{id: 1}, {role: ADMIN}]}", {"M.id", "M.role", "Role.ADMIN"}),
        ("request: {role: {$in: [NONE, 1]}}", {"M.role", "Role.NONE", "Role.ADMIN"}),
        ("request: {list: {$some: {text: x}}}", {"M.list", "Inner.text"}),
        (
            "request: {byName: {x: {role: 1}}}",
            {"M.by_name", "M.ByNameEntry.key", "M.ByNameEntry.value", "Inner.role", "Role.ADMIN"},
        ),
        ("requests: [{id: 1}, {inner: {}}]", {"M.id", "M.inner"}),
        ("requests: {$each: {id: 1}}", {"M.id"}),
        ("responses: [{id: 1}, {role: ADMIN}]", {"R.id", "R.role", "Role.ADMIN"}),
        ('response: {name: "{{ request.inner.text }}"}', {"R.name", "M.inner", "Inner.text"}),
        ("response: {any: {'@type': x/p.D, reason: y}}", {"R.any", "D.reason"}),
        ("error: {code: NOT_FOUND, details: [{'@type': x/p.D, reason: y}]}", {"D.reason"}),
        ("script: [{expect: {id: 1}}, {repeat: {times: 2, steps: [{send: {name: x}}]}}]", {"M.id", "R.name"}),
        ("script: [{on: [{request: {id: 1}, send: {id: 2}}]}]", {"M.id", "R.id"}),
        ("script: [{on: [{request: {id: 1}, send: {}}], until: {role: ADMIN}}]", {"M.id", "M.role", "Role.ADMIN"}),
        ("answers: [{response: {id: 1}}, {response: {name: x}}]", {"R.id", "R.name"}),
    ],
)
def test_uses(stub: str, used: set[str]) -> None:
    body = "" if stub == "{}" else f"\n  {stub}"
    problems = Problems()
    [loaded] = loader.load_text(f"- method: p.S/Get{body}\n", "s.yaml", problems)
    assert not problems.errors
    found = uses(loaded, compiled(PROTO))
    assert ("method", "p.S/Get") in found
    assert {name.removeprefix("p.") for kind, name in found if kind in ("field", "value")} == used


def test_a_stub_of_a_method_that_is_not_there_uses_nothing() -> None:
    [loaded] = loader.load_text("- method: p.S/Put\n", "s.yaml", Problems())
    assert uses(loaded, compiled(PROTO)) == frozenset()


def test_every_rule_is_explained_and_proved() -> None:
    root = Path(__file__).parents[2]
    code = "".join(path.read_text() for path in (root / "grpcmock" / "drift").glob("*.py"))
    page = (root / "docs" / "drift.md").read_text()
    explained = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page.partition("## Rules")[2].partition("## buf")[0]))
    proved = {told[0] for case in CASES for told in case.told} | {"file-moved"}
    assert explained == proved
    assert all(f'"{rule}"' in code or rule.startswith(("message-", "enum-")) for rule in explained)
