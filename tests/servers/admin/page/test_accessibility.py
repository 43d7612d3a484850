"""The page for everybody: what axe, the rules of accessibility as a script, finds in each part of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

expect: Any = pytest.importorskip("playwright.sync_api", reason="with playwright from PyPI").expect

WIDTHS = {"desk": 1280, "phone": 390}


@pytest.fixture(scope="session")
def axe() -> str:
    """The script, which ``.ci/run`` gets by npm."""
    script = os.environ.get("AXE_CORE")
    if not script:
        pytest.skip("with axe-core from npm: set AXE_CORE to its axe.min.js")
    return Path(script).read_text(encoding="utf-8")


def section(page: Any) -> None:
    expect(page.locator("main")).not_to_be_empty()


def detail(page: Any) -> None:
    expect(page.locator(".detail-body")).not_to_be_empty()


def editor(page: Any) -> None:
    expect(page.get_by_label("The text of the stub")).to_be_visible()


def wrong_stub(page: Any) -> None:
    """Make a stub of a call, and write what has errors."""
    page.get_by_role("button", name="Make a stub of this").click()
    page.get_by_label("The text of the stub").fill("- method: user.UserService/GetUser\n  respond: {}\n")
    expect(page.get_by_role("list", name="What is wrong").get_by_role("listitem")).not_to_have_count(0)


def outcome(page: Any) -> None:
    """Call a method."""
    page.get_by_label("The method").get_by_role("button", name="Call", exact=True).click()
    expect(page.locator(".outcome .chip")).to_be_visible()


def fault(page: Any) -> None:
    """Set a fault profile."""
    page.get_by_label("Name").fill("down")
    page.get_by_label("End with the status").select_option("UNAVAILABLE")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".fault")).to_be_visible()


def hidden_calls(page: Any) -> None:
    """Filter so that none is left."""
    page.get_by_label("Text").fill("nothing like it")
    expect(page.get_by_text("No call fits.")).to_be_visible()


@pytest.mark.parametrize(
    ("place", "prepare"),
    [
        ("calls", section),
        ("calls", hidden_calls),
        ("calls/1", detail),
        ("calls/2", detail),
        ("calls/2", wrong_stub),
        ("stubs", section),
        ("stubs/alice-again", detail),
        ("stubs/+", editor),
        ("services", section),
        ("services/user.UserService/GetUser", outcome),
        ("faults", fault),
        ("state", section),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_nothing_is_found(
    server: Any, opened: Callable[..., Any], axe: str, place: str, prepare: Callable[[Any], None]
) -> None:
    """Light and dark, at a desk and on a phone. Call 1 was answered, call 2 is a miss."""
    for user in (1, 17):
        server.get(user)
    page = opened(place)
    page.wait_for_load_state("load")
    prepare(page)
    page.evaluate(axe)
    found = []
    for name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for one in page.evaluate("axe.run().then((told) => told.violations)"):
                nodes = (node["html"] for node in one["nodes"] if one["impact"] != "minor")
                found += [f"{name}, {scheme}: {one['id']}: {html}" for html in nodes]
    assert not found
