"""One vocabulary: words of the field in what people read, and none of those that once stood for them."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from grpcmock.cli.app import cli

ROOT = Path(__file__).parents[1]

FORMER = {
    r"\btrials?\b": "case",
    r"\bjur(y|ies)\b": "check suite",
    r"\bcourses? of\b": "phase schedule",
    r"\battendance\b": "quarantine",
    r"\bledger\b": "failure log",
    r"\badvice\b": "warning",
    r"\bwanted\b.*\bcame\b": "expected … actual",
    r"\bheld against\b": "checked against",
    r"\b(un)?askable\b": "unsatisfiable",
    r"\bsteadily\b": "from the cache",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"(?<![\w-])--engine\b": "--transport",
    r"(?<![\w-])--other-identity\b": "--second-identity",
    r"(?<![\w-])--volatile\b": "--ignore-varying",
    r"\b(colour|behaviour|honour|favour)": "American spelling",
    r"^(holds|fails)  \S": "passed, failed",
}
"""Patterns of former words, and what is said now."""

PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "grpcmock" / "fuzz" / "checks" / "pages").glob("*.md")),
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
]


def former_words(text: str) -> list[str]:
    return [
        f"{number}: {line.strip()[:80]} ({word})"
        for number, line in enumerate(text.splitlines(), start=1)
        for pattern, word in FORMER.items()
        if re.search(pattern, line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    assert former_words(page.read_text()) == []


def test_the_help_of_every_command_does(monkeypatch: pytest.MonkeyPatch) -> None:
    context = click.Context(cli)
    helps = {}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        helps[name] = command.get_help(click.Context(command, info_name=name, parent=context))
    assert {name: words for name, text in helps.items() if (words := former_words(text))} == {}


def test_a_former_word_is_told_with_its_line() -> None:
    assert former_words("fine\nMade in a trial\n") == ["2: Made in a trial (case)"]
