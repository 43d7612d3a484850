"""Each check is explained, and the docs list all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.fuzz.checks import explain as explaining
from grpcmock.fuzz.checks.check import Check
from grpcmock.fuzz.checks.registry import all_checks

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "grpcmock" / "fuzz" / "checks" / "pages"
CHECKS = pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.code)


@CHECKS
def test_each_check_says_why_it_matters_what_breaks_it_and_how_to_mend_that(check: Check) -> None:
    body = explaining.body(check)
    assert len(body.split()) >= 45, f"{check.code} has no page of a decent length"
    lowered = body.lower()
    assert "cause" in lowered or "**when" in lowered
    assert body.count("```") % 2 == 0
    assert all(len(line) <= 125 for line in body.splitlines())


@CHECKS
def test_a_page_begins_with_what_must_hold(check: Check) -> None:
    page = explaining.page(check)
    assert page.startswith(f"# {check.code} {check.name}\n\n**{check.title}**\n")
    assert f"--exclude-checks {check.name}" in page


def test_no_page_is_about_a_check_that_there_is_not() -> None:
    known = {check.code for check in all_checks()}
    strays = {path.stem for path in PAGES.glob("*.md")} - known
    assert not strays


def test_the_docs_list_all_checks() -> None:
    page = (ROOT / "docs" / "checks.md").read_text()
    begin, end = "<!-- checks -->\n", "\n<!-- /checks -->"
    listed = page[page.index(begin) + len(begin) : page.index(end)]
    assert listed.strip() == explaining.markdown_table(), "write explaining.markdown_table() there again"
