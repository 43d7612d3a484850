# mypy: disable-error-code="attr-defined"
"""What is kept under keys where nothing tells of a resource: conversations, and what the checks say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.generation.generator import Generators
from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
from grpcmock.fuzz.phases.plan import Plan
from grpcmock.fuzz.phases.stateful import keyed_programs
from grpcmock.schema import Registry, sources

PROTO = """\
syntax = "proto3";
package flags;
service Flags {
  rpc Put(PutRequest) returns (PutResponse);
  rpc Scan(ScanRequest) returns (ScanResponse);
  rpc Unset(UnsetRequest) returns (UnsetResponse);
}
message Flag { string key = 1; string value = 2; bytes blob = 3; int64 version = 4; bool deleted = 5; }
message PutRequest { string key = 1; string value = 2; bytes blob = 3; }
message PutResponse {}
message ScanRequest { string key = 1; string end = 2; }
message ScanResponse { repeated Flag flags = 1; }
message UnsetRequest { string key = 1; string end = 2; }
message UnsetResponse { int64 count = 1; Status status = 2; }
message Status { ErrorCode error_code = 1; string reason = 2; }
enum ErrorCode { Success = 0; UnexpectedError = 1; FlagNotExists = 4; }
"""

Words = tuple[str, Any, Any]


def put(key: str, value: str, answer: Any = "") -> Words:
    return ("Put", {"key": key, "value": value}, answer or {})


def scan(key: str, *flags: Any) -> Words:
    return ("Scan", {"key": key}, {"flags": [{"key": key, "version": 1, **flag} for flag in flags]})


def only_the_key(key: str) -> Words:
    return ("Scan", {"key": key}, {"flags": [{"key": key}]})


PROVEN = [put("ab", "one"), scan("ab", {"value": "one"})]
UNSET: Words = ("Unset", {"key": "ab"}, {"count": 1})

CASES: dict[str, tuple[set[str], list[Words]]] = {
    "as it was given": (set(), [*PROVEN, put("cd", "two"), scan("cd", {"value": "two"})]),
    "cut": ({"G129"}, [*PROVEN, put("cd", "twotwo"), scan("cd", {"value": "two"})]),
    "lost": ({"G129"}, [*PROVEN, put("cd", "two"), scan("cd", {})]),
    "never shown as it was given": (
        set(),
        [put("ab", "one"), scan("ab", {"value": "1"}), put("cd", "2"), scan("cd", {})],
    ),
    "refused": (set(), [*PROVEN, put("cd", "twotwo", "INVALID_ARGUMENT"), scan("cd", {"value": "two"})]),
    "tidied": (set(), [*PROVEN, put("cd", " two "), scan("cd", {"value": "two"})]),
    "given anew": (set(), [*PROVEN, put("ab", "two"), scan("ab", {"value": "one"})]),
    "of another key": (set(), [*PROVEN, put("cd", "two"), scan("ab", {"value": "one"})]),
    "deleted": (set(), [*PROVEN, UNSET, scan("ab")]),
    "deleted and shown": ({"G130"}, [*PROVEN, UNSET, scan("ab", {"value": "one"})]),
    "deleted and shown as deleted": (set(), [*PROVEN, UNSET, scan("ab", {"value": "one", "deleted": True})]),
    "deleted and given again": (set(), [*PROVEN, UNSET, put("ab", "one"), scan("ab", {"value": "one"})]),
    "not deleted": (set(), [*PROVEN, ("Unset", {"key": "ab"}, "NOT_FOUND"), scan("ab", {"value": "one"})]),
    "not deleted, beside OK": (
        set(),
        [*PROVEN, ("Unset", {"key": "ab"}, {"status": {"error_code": 4}}), scan("ab", {"value": "one"})],
    ),
    "shown by its key alone, which the request says": (
        set(),
        [put("ab", "one"), only_the_key("ab"), UNSET, only_the_key("ab")],
    ),
    "some of it deleted": (set(), [*PROVEN, ("Unset", {"key": "ab", "end": "a"}, {}), scan("ab", {"value": "one"})]),
}


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("flags") / "flags.proto"
    file.write_text(PROTO)
    return sources.load([file])


@pytest.mark.parametrize("name", CASES)
def test_a_conversation(name: str, flags: Registry, judging: Callable[..., Callable[..., dict[str, str]]]) -> None:
    codes, said = CASES[name]
    assert set(judging(flags, "flags.")(*said)) == codes


def test_a_program_gives_shows_deletes_and_gives_again(flags: Registry) -> None:
    methods = tuple(flags.methods.values())
    plan = Plan(
        registry=flags, methods=methods, expectations=Expectations(registry=flags), generators=Generators(flags)
    )
    for method in methods:
        plan.acceptance.first[method.path] = AcceptedRequest(method, b"\x0a\x08abcdefgh")
    (case,) = keyed_programs.cases(flags.method("flags.Flags/Put"), plan, frozenset())
    names = [call.path.rpartition("/")[2] for call in case.calls]
    assert names == ["Put", "Scan"] * 3 + ["Unset", "Scan", "Put", "Scan"] + ["Unset"] * 3
    keys = {call.method.request_class.FromString(call.messages[0]).key for call in case.calls if call.method}
    assert len(keys) == 3
    assert "abcdefgh" not in keys
    assert not list(keyed_programs.cases(flags.method("flags.Flags/Scan"), plan, frozenset()))
