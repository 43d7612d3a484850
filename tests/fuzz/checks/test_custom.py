"""Checks of users: found, chosen, explained and failed like those of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from grpcmock.errors import ConfigError
from grpcmock.fuzz import Case, CaseResult, Finding, Phase, check
from grpcmock.fuzz.checks import registry
from grpcmock.fuzz.checks.custom import load_checks
from grpcmock.fuzz.checks.explain import page

DOCS = Path(__file__).parents[3] / "docs" / "checks.md"


@pytest.fixture(autouse=True)
def _no_checks_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", {})


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module of the documentation, where it can be imported."""
    found = re.search(r"```python title=acme_checks.py\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    name = f"acme_checks_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(found[1])
    monkeypatch.syspath_prepend(tmp_path)
    return name


async def test_the_check_of_the_documentation_fails_a_server_without_words(fuzzed: Any, documented: str) -> None:
    async def wordless(requests: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "")

    load_checks([documented])
    finished = await fuzzed({"GetUser": wordless}, Phase.BOUNDARY, checks=["ACME1"])
    (failure,) = finished.failures
    assert (failure.finding.check, failure.finding.code) == ("errors_have_words", "ACME1")
    assert failure.id.startswith("ACME1-")
    assert (failure.hits, failure.tries) == (4, 4)


def test_it_is_named_explained_and_chosen_like_others(documented: str) -> None:
    load_checks([documented])
    found = registry.find_check("errors_have_words")
    assert found is registry.find_check("acme1")
    assert found.severity.value == "high"
    assert page(found).splitlines()[:3] == [
        "# ACME1 errors_have_words",
        "",
        "**An error says in words what is wrong.**",
    ]
    assert "as good as none" in page(found)
    assert [one.name for one in registry.chosen_checks(["errors_*"])] == ["errors_have_words"]


def _nothing(case: Case, result: CaseResult) -> Iterator[Finding]:
    return iter(())


@pytest.mark.parametrize(
    ("code", "name", "severity", "said"),
    [
        ("G102", "mine", "high", "G102 mine: there is a check G102 unhandled_error already."),
        ("MINE1", "unhandled_error", "high", "MINE1 unhandled_error: there is a check G102 unhandled_error already."),
        ("MINE1", "mine", "hihg", "There is no severity 'hihg'. Did you mean 'high'?"),
    ],
)
def test_what_is_taken_or_unknown_is_refused(code: str, name: str, severity: str, said: str) -> None:
    _nothing.__name__ = name
    with pytest.raises(ConfigError, match=re.escape(said)):
        check(code, severity=severity)(_nothing)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("no_such_checks", "--checks-from 'no_such_checks': there is no module 'no_such_checks'"),
        ("json", "--checks-from 'json': there are no checks in "),
    ],
)
def test_modules_that_have_none_are_told(module: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_checks([module])
