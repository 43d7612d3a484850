"""The page in a real browser: its other sections, light and dark, on a phone, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grpcmock.servers.admin.service import SUBJECTS

expect: Any = pytest.importorskip("playwright.sync_api", reason="with playwright from PyPI").expect
Opened = Callable[..., Any]
BUILT = {name for subject in SUBJECTS for name in subject(cast("Any", SimpleNamespace(engine=None)))}
SECTIONS = ("calls", "stubs", "services", "faults", "state")


def test_stubs_with_their_counts(server: Any, opened: Opened) -> None:
    server.get(1)
    page = opened("stubs")
    links = page.locator(".row-link")
    expect(links).to_have_count(4)
    expect(links.filter(has_text="alice").first).to_contain_text("1×")
    expect(links.filter(has_text="gone")).to_contain_text("unused")
    shadowed = links.filter(has_text="alice-again")
    expect(shadowed).to_contain_text("shadowed")
    shadowed.click()
    expect(page.get_by_text("It can never answer")).to_contain_text("alice is always tried first")
    page.get_by_label("Unused").check()
    expect(links).to_have_count(3)


def test_a_stub_is_switched_off_edited_and_removed(server: Any, opened: Opened) -> None:
    page = opened("stubs/gone")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("It is switched off.")).to_be_visible()
    assert server.get(2000) == "UNIMPLEMENTED"
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("It is switched off.")).to_have_count(0)
    assert server.get(2000) == "NOT_FOUND"

    page.get_by_role("button", name="New stub").click()
    text = page.get_by_label("The text of the stub")
    text.fill("- name: mine\n  method: UserService/GetUser\n  request: {id: 5}\n  response: {name: Five}\n")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(f"{server.url}#/stubs/mine")
    assert server.get(5) == "Five"
    text.fill(text.input_value().replace("Five", "Six"))
    text.press("Control+Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert server.get(5) == "Six"
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Removed mine.")).to_be_visible()
    assert server.get(5) == "UNIMPLEMENTED"


def test_a_stub_is_added_although_one_goes_on_typing(server: Any, opened: Opened) -> None:
    page = opened("stubs/+")
    text = page.get_by_label("The text of the stub")
    text.fill("- name: mine\n  method: UserService/GetUser\n  request: {id: 5}\n  response: {name: Five}\n")
    checks: list[Any] = []
    is_held = [True]
    page.route("**/v1/stubs:check", lambda check: checks.append(check) if is_held else check.continue_())
    with page.expect_request("**/v1/stubs:check"):
        page.get_by_role("button", name="Add", exact=True).click()
    with page.expect_request("**/v1/stubs:check"):
        text.press_sequentially("# more")
    is_held.clear()
    for check in checks:
        check.continue_()
    expect(page).to_have_url(f"{server.url}#/stubs/mine")
    assert server.get(5) == "Five"


def test_what_one_writes_stays_when_a_stub_is_switched_off(server: Any, opened: Opened) -> None:
    page = opened("stubs/gone")
    text = page.get_by_label("The text of the stub")
    text.fill(text.input_value().replace("There is", "Never was there"))
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("It is switched off.")).to_be_visible()
    assert "Never was there" in text.input_value()
    page.locator(".row-link").first.click()
    expect(text).to_have_value(re.compile("name: Alice"))


def test_a_method_is_described_and_called(server: Any, opened: Opened) -> None:
    page = opened("services")
    page.locator(".row-link").filter(has_text="LookupUsers").click()
    detail = page.get_by_label("The method")
    expect(detail.locator("p.comment")).to_have_text(
        "Answers each id as it comes with the user, for as long as the client sends."
    )
    expect(detail.get_by_label("user.GetUserRequest")).to_contain_text("int32 id = 1;")
    messages = detail.get_by_label("Messages, a list")
    assert messages.input_value().startswith("[\n  {")
    messages.fill('[{"id": 8}, {"id": 9}]')
    detail.get_by_role("button", name="Call", exact=True).click()
    expect(detail.locator(".outcome .chip")).to_have_text("OK")
    expect(detail.locator(".outcome pre")).to_have_count(2)
    expect(detail.locator(".outcome pre").last).to_contain_text('"id": 9')
    messages.fill("[{")
    messages.press("Control+Enter")
    expect(detail.get_by_role("alert")).to_contain_text("The message is no JSON")


def test_a_state_is_set(server: Any, opened: Opened) -> None:
    page = opened("state")
    page.get_by_label("Scenario", exact=True).fill("login")
    page.get_by_label("State", exact=True).fill("done")
    page.locator(".card").filter(has_text="Scenarios").get_by_role("button", name="Set").click()
    expect(page.get_by_label("State of login")).to_have_value("done")
    assert server.host.engine.store.states == {"login": "done"}
    page.get_by_label("States", exact=True).check()
    page.get_by_role("button", name="Reset these").click()
    expect(page.get_by_text("Every scenario is in")).to_be_visible()


@pytest.mark.skipif("SetFault" not in BUILT, reason="with fault profiles")
def test_a_fault_is_set_changed_and_removed(server: Any, opened: Opened) -> None:
    page = opened("faults")
    expect(page.get_by_text("Nothing goes wrong.")).to_be_visible()
    page.get_by_label("Name").fill("down")
    page.get_by_label("Methods").fill("user.UserService/Get*")
    page.get_by_label("End with the status").select_option("UNAVAILABLE")
    page.get_by_label("At most").fill("2")
    page.get_by_role("button", name="Set", exact=True).click()
    profile = page.locator(".fault")
    expect(profile).to_contain_text("ends with UNAVAILABLE")
    expect(profile).to_contain_text("at most 2")
    assert [server.get(1) for _ in range(3)] == ["UNAVAILABLE", "UNAVAILABLE", "Alice"]
    expect(profile).to_contain_text("2 calls struck")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("End with the status").select_option("INTERNAL")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(profile).to_contain_text("ends with INTERNAL")
    expect(profile).to_contain_text("at most 2")
    assert server.get(1) == "INTERNAL"
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing goes wrong.")).to_be_visible()
    assert server.get(1) == "Alice"


@pytest.mark.skipif("SetClock" not in BUILT, reason="with a clock that can be set")
def test_the_clock_is_frozen_and_moved(server: Any, opened: Opened) -> None:
    page = opened("state")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("It stands still.")).to_be_visible()
    page.get_by_label("Move by").fill("240h")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("10 days after the machine's.")).to_be_visible()
    page.get_by_role("button", name="The machine's").click()
    expect(page.get_by_text("It goes on. It is the machine's.")).to_be_visible()


@pytest.mark.skipif("ListSessions" not in BUILT, reason="with sessions")
def test_a_session_is_chosen_and_ended(server: Any, opened: Opened) -> None:
    assert server.get(1) == "Alice"
    assert server.get(1, session="suite") == "Alice"
    page = opened()
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    page.get_by_label("Session", exact=True).select_option("suite")
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(1)
    page.keyboard.press("Escape")
    page.goto(f"{server.url}#/state")
    page.get_by_role("button", name="End suite").click()
    expect(page.get_by_text("There is no session.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_until_one_chooses(opened: Opened, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    colors = {"light": "rgb(247, 246, 243)", "dark": "rgb(18, 19, 22)"}
    other = "dark" if scheme == "light" else "light"
    expect(page.locator("body")).to_have_css("background-color", colors[scheme])
    page.get_by_role("button", name=f"Switch to {other}").click()
    expect(page.locator("body")).to_have_css("background-color", colors[other])
    page.reload()
    expect(page.locator("body")).to_have_css("background-color", colors[other])


@pytest.mark.parametrize("session", ["", "a-suite-of-tests-with-a-long-name-of-its-own"])
def test_on_a_phone_nothing_is_wider_than_it(server: Any, opened: Opened, session: str) -> None:
    server.get(17, session)
    page = opened(width=390, height=844, has_touch=True, is_mobile=True)
    expect(page.get_by_label("Session")).to_be_visible(visible=bool(session))
    page.get_by_role("listbox").get_by_role("option").first.click()
    expect(page.get_by_text("Why no stub answered")).to_be_visible()
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.get_by_role("button", name="Make a stub of this").click()
    expect(page.get_by_label("The text of the stub")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Close the call").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    for section in SECTIONS:
        page.goto(f"{server.url}#/{section}")
        expect(page.locator(f"main[data-section={section}]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, section
        assert page.evaluate("document.querySelector('header').scrollWidth") <= 390, section


def test_the_keyboard_is_enough(server: Any, opened: Opened) -> None:
    for user in (1, 17):
        server.get(user)
    page = opened()
    listed = page.get_by_role("listbox")
    expect(listed.get_by_role("option")).to_have_count(2)
    page.keyboard.press("/")
    expect(page.get_by_label("Text")).to_be_focused()
    for _ in range(8):
        if listed.evaluate("(list) => list === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(listed).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="alice")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Why no stub answered")).to_be_visible()
    make = page.get_by_role("button", name="Make a stub of this")
    for _ in range(8):
        if make.evaluate("(button) => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The text of the stub")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("The text of the stub")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(listed).to_be_focused()
    page.keyboard.press("2")
    expect(page.locator("main[data-section=stubs]")).to_be_visible()
