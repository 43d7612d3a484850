"""Contract files of consumers: written, read, and told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from verifying import ROOT, mock, outcomes, planned, stubs, users, verified

from grpcmock.errors import Problems, StubError
from grpcmock.schema import sources
from grpcmock.verify.contracts import contract_file
from grpcmock.verify.fingerprints import fingerprint
from grpcmock.verify.planning.interactions import Source
from grpcmock.verify.planning.planner import plan

STUBS = """
    - name: alice
      method: user.UserService/GetUser
      given: user 1 is Alice
      request: {id: {$in: [1, 7]}}
      response: {id: 1, name: Alice}
    - name: page
      method: user.UserService/ListUsers
      responses: [{id: 1}, {id: 2}]
"""


def read(path: Path, registry: Any = None) -> Source:
    problems = Problems()
    source = contract_file.read(path, registry, problems)
    problems.raise_errors()
    return source


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "contracts" / "billing.yaml"
    contract_file.write(path, "billing", stubs(STUBS), users(), provider="users")
    source = read(path)
    assert source.consumer == "billing"
    assert [stub.name for stub in source.stubs] == ["alice", "page"]
    assert source.stubs == stubs(STUBS)
    assert set(source.descriptors) == {"user.UserService/GetUser", "user.UserService/ListUsers"}
    assert not plan([source], users()).warnings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {method: user.UserService/GetUser}", "This is no contract. It begins with `grpcmock-contract: 1`"),
        ("stubs: []", "A contract begins with `grpcmock-contract: 1`. Stubs alone are verified with --stubs."),
        (
            "{grpcmock-contract: 2, consumer: a, stubs: []}",
            "This contract is of version 2; this grpcmock reads version 1.",
        ),
        ("{grpcmock-contract: 1, stubs: []}", "A contract names its consumer, a string."),
        ("{grpcmock-contract: 1, consumer: a}", "A contract has a list of 'stubs'."),
        (
            "{grpcmock-contract: 1, consumer: a, stubs: [], stub: 1}",
            "A contract has no key 'stub'. Did you mean 'stubs'?",
        ),
        ("{grpcmock-contract: 1, consumer: a, stubs: [{methd: x}]}", "methd"),
        (
            "{grpcmock-contract: 1, consumer: a, stubs: [{name: n, method: x}, {name: n, method: x}]}",
            "is taken by the stub",
        ),
        ("{a: ", "x.yaml:2"),
    ],
)
def test_what_is_no_contract_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(StubError) as caught:
        read(path)
    assert message in str(caught.value)


def test_a_contract_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StubError, match=r"gone\.yaml"):
        read(tmp_path / "gone.yaml")


def test_consumers_of_one_name_are_told_apart(tmp_path: Path) -> None:
    a, b = Source(stubs=(), consumer="web", file="a.yaml"), Source(stubs=(), consumer="web", file="b.yaml")
    assert [source.consumer for source in contract_file.distinct([a, b])] == ["web", "web (b.yaml)"]


async def test_it_is_said_whose_contract_breaks(tmp_path: Path) -> None:
    good = "- {name: one, method: user.UserService/GetUser, request: {id: 1}, response: {name: Alice}}"
    bad = "- {name: one, method: user.UserService/GetUser, request: {id: 1}, response: {name: Alicia}}"
    found = plan([Source(stubs=stubs(good), consumer="web"), Source(stubs=stubs(bad), consumer="app")], users())
    async with mock(good, tmp_path) as address:
        report = await verified(address, found)
    from grpcmock.verify.reporting.terminal import consumer_lines

    assert outcomes(report) == {"web: one": "passed", "app: one": 'failed; response.name: "Alicia" / "Alice"'}
    assert list(consumer_lines(report)) == [
        ("the contract of web passed: 1 of 1", True),
        ("the contract of app failed: 1 of 1", False),
    ]


def test_a_fingerprint_changes_with_what_a_method_takes_or_gives_and_with_nothing_else(tmp_path: Path) -> None:
    before = fingerprint(users().method("user.UserService/GetUser"))
    source = (ROOT / "protos" / "user.proto").read_text()

    def after(text: str) -> str:
        (tmp_path / "user.proto").write_text(text)
        return fingerprint(sources.load([tmp_path / "user.proto"]).method("user.UserService/GetUser"))

    assert after(source.replace("// Gives one user", "// Hands out a user")) == before
    assert after(source + "\nmessage Another { int32 id = 1; }") == before
    assert after(source.replace("string email = 3", "string mail = 3")) != before
    assert after(source.replace("int32 id = 1;\n}", "int64 id = 1;\n}", 1)) != before


def test_stubs_given_alone_have_no_consumer() -> None:
    assert planned(STUBS).interactions[0].id == "alice"
