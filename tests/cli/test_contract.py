from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONTRACT = """
grpcmock-contract: 1
consumer: web
stubs:
  - {name: alice, method: user.UserService/GetUser, request: {id: 1}, response: {id: 1}}
"""


@pytest.fixture
def contract(project: Path) -> str:
    (project / "web.yaml").write_text(CONTRACT)
    return "web.yaml"


def test_the_options_come_from_the_environment(
    grpcmock: Callable[..., Any], contract: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRPCMOCK_CONTRACT_OUT", "out/stubs.yaml")
    code, out, err = grpcmock("contract", "import", contract)
    assert (code, out, err) == (0, "out/stubs.yaml: 1 stub.\n", "")
    assert "name: alice" in (project / "out" / "stubs.yaml").read_text()


def test_the_options_come_from_the_configuration_file(
    grpcmock: Callable[..., Any], contract: str, project: Path
) -> None:
    (project / "grpcmock.toml").write_text('[contract]\nconsumer = "web"\nout = "stubs.yaml"\n')
    assert grpcmock("contract", "import", contract) == (0, "stubs.yaml: 1 stub.\n", "")
    code, _, err = grpcmock("contract", "export", "127.0.0.1:1")
    assert code == 2
    assert "Nothing is listening on 127.0.0.1:1" in err, "the name of the consumer isn't missing"


def test_a_key_that_neither_has_is_named(grpcmock: Callable[..., Any], contract: str, project: Path) -> None:
    (project / "grpcmock.toml").write_text('[contract]\nconsumr = "web"\n')
    code, _, err = grpcmock("contract", "import", contract)
    assert code == 2
    assert "grpcmock.toml:2" in err
    assert "Did you mean 'consumer'?" in err


@pytest.mark.parametrize("text", ['{"interactions": []}', "grpcmock-contract: 1\nconsumer: web\nstubs: []\n"])
def test_nothing_to_import_is_an_error(grpcmock: Callable[..., Any], project: Path, text: str) -> None:
    name = "empty.json" if text.startswith("{") else "empty.yaml"
    (project / name).write_text(text)
    code, out, err = grpcmock("contract", "import", name, "--out", "stubs.yaml")
    assert (code, out) == (2, "")
    assert f"There is nothing to import: {name} holds no interaction." in err
    assert not (project / "stubs.yaml").exists()


def test_a_contract_as_a_pact(grpcmock: Callable[..., Any], contract: str, project: Path) -> None:
    words = ("contract", "export", contract, "--consumer", "web", "--provider", "users", "--as", "pact")
    code, out, err = grpcmock(*words, "--out", "web-users.json")
    assert (code, out, err) == (0, "web-users.json: 1 interaction of web.\n", "")
    code, out, err = grpcmock("contract", "import", "web-users.json")
    assert code == 0
    assert "name: alice" in out
    assert "response: {id: 1}" in out
