"""The page in a real browser: calls as they come, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from typing import Any

import pytest

from grpcmock.servers.admin.page_files import _names

expect: Any = pytest.importorskip("playwright.sync_api", reason="with playwright from PyPI").expect
Opened = Callable[..., Any]


def rows(page: Any) -> Any:
    return page.get_by_role("listbox").get_by_role("option")


def editor(page: Any) -> Any:
    return page.get_by_label("The text of the stub")


def is_live(page: Any) -> None:
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_from_a_miss_to_the_stub_that_answers_it(server: Any, opened: Opened) -> None:
    page = opened()
    is_live(page)
    expect(page.get_by_text("No calls yet.")).to_be_visible()
    assert server.get(17) == "UNIMPLEMENTED"
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("MISS")
    rows(page).first.click()

    detail = page.get_by_label("The call", exact=True)
    expect(detail.get_by_text("Why no stub answered")).to_be_visible()
    first = detail.locator(".near").first
    expect(first).to_contain_text("alice")
    expect(first.locator("tbody tr").first).to_have_text("request.id117")
    expect(detail.get_by_label("Message 1")).to_contain_text('"id": 17')
    expect(detail.get_by_text("x-tenant")).to_be_visible()

    detail.get_by_role("button", name="Make a stub of this").click()
    expect(detail.get_by_text("Nobody has answered this call")).to_be_visible()
    text = editor(page).input_value()
    assert text.startswith("- name: get-user-17\n  method: user.UserService/GetUser\n  request: {id: 17}\n")
    wrong = text.replace("    name:", "    nam:")
    editor(page).fill(wrong)
    line = 1 + wrong[: wrong.index("    nam:")].count("\n")
    problem = detail.get_by_role("list", name="What is wrong").get_by_role("listitem")
    expect(problem).to_contain_text("user.UserResponse has no field 'nam'. Did you mean 'name'?")
    expect(problem).to_contain_text(f"{line}:5")
    expect(detail.locator(".marks span").nth(line - 1)).to_have_class("error")
    detail.get_by_role("button", name="Add the stub").click()
    expect(detail.get_by_text("1 error")).to_be_visible()
    assert server.get(17) == "UNIMPLEMENTED"

    problem.get_by_role("button").click()
    expect(editor(page)).to_be_focused()
    selected = "(area) => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert editor(page).evaluate(selected).startswith("nam:")
    editor(page).fill(text.replace(text.split("    name: ")[1].split("\n")[0], "Mended"))
    expect(detail.get_by_text("Nothing is wrong.")).to_be_visible()
    detail.get_by_role("button", name="Add the stub").click()
    expect(page.get_by_text("Added get-user-17.")).to_be_visible()
    assert server.get(17) == "Mended"
    expect(rows(page).first).to_contain_text("OK")
    expect(rows(page).first).to_contain_text("GetUser")
    rows(page).first.click()
    expect(detail.get_by_role("link", name="get-user-17")).to_be_visible()


def test_a_stream_grows_while_it_is_under_way(server: Any, opened: Opened) -> None:
    page = opened()
    is_live(page)
    sent: Queue[int | None] = Queue()
    call = server.lookup(iter(sent.get, None))
    sent.put(5)
    next(call)
    expect(rows(page).first).to_contain_text("under way")
    rows(page).first.click()
    messages = page.locator(".timeline pre")
    expect(messages).to_have_count(2)
    sent.put(6)
    next(call)
    expect(messages).to_have_count(4)
    expect(messages.nth(3)).to_contain_text('"id": 6')
    expect(page.get_by_text("under way …")).to_be_visible()
    sent.put(None)
    assert not list(call)
    expect(page.get_by_text("under way …")).to_have_count(0)
    expect(rows(page).first).to_contain_text("OK")


def test_the_filter_is_applied_as_one_types_to_calls_that_come_too(server: Any, opened: Opened) -> None:
    for user in (1, 17, 2000, 1):
        server.get(user)
    page = opened()
    expect(rows(page)).to_have_count(4)
    page.get_by_label("Status").select_option("NOT_FOUND")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("NOT_FOUND")
    server.get(1)
    server.get(3000)
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Status").select_option("")
    page.get_by_label("Misses").check()
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Misses").uncheck()
    page.get_by_label("Text").press_sequentially("there is no such user")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Text").fill("nothing like it")
    expect(page.get_by_text("No call fits.")).to_be_visible()
    page.get_by_role("button", name="Show all calls").click()
    expect(rows(page)).to_have_count(6)
    page.get_by_label("Stub", exact=True).fill("alice")
    expect(rows(page)).to_have_count(3)


def test_the_next_key_drops_what_is_still_searched_for(server: Any, opened: Opened) -> None:
    server.get(1)
    page = opened()
    is_live(page)
    held: list[Any] = []
    page.route("**/v1/calls?text=held&*", lambda route: held.append(route))
    with page.expect_request("**/v1/calls?text=held&*"):
        page.get_by_label("Text").fill("held")
    with page.expect_event("requestfailed", lambda request: "/v1/calls?text=held&" in request.url):
        page.get_by_label("Text").fill("alice")
    expect(rows(page)).to_have_count(1)
    assert len(held) == 1


def test_many_calls_do_not_slow_it(server: Any, opened: Opened) -> None:
    server.make(100_000)
    page = opened()
    listed = page.get_by_role("listbox")
    expect(page.get_by_text("260 calls, and older ones")).to_be_visible()
    assert rows(page).count() < 60
    assert rows(page).first.get_attribute("id") == "row-100000"
    listed.evaluate("(list) => { list.scrollTop = list.scrollHeight }")
    expect(page.get_by_text("460 calls, and older ones")).to_be_visible()
    assert rows(page).count() < 60
    listed.focus()
    page.keyboard.press("End")
    expect(listed.locator(".row.active")).to_be_visible()


def test_calls_that_come_fast_are_caught_up_with(server: Any, opened: Opened) -> None:
    page = opened()
    is_live(page)
    for _ in range(10):
        server.make(300)
    assert server.get(2000) == "NOT_FOUND"
    expect(rows(page).first).to_contain_text("NOT_FOUND")
    assert rows(page).count() < 60
    # Of so many at once the server tells only some; when it is calm, the list has all of the last ones.
    expect(page.get_by_text("came too fast to be shown")).to_have_count(0)
    shown = rows(page).evaluate_all("(rows) => rows.map((row) => Number(row.id.slice(4)))")
    assert shown == list(range(3_001, 3_001 - len(shown), -1))


def test_a_call_is_made_again(server: Any, opened: Opened) -> None:
    server.get(1)
    page = opened("calls/1")
    expect(page.get_by_role("link", name="alice")).to_be_visible()
    page.get_by_text("Its text").click()
    expect(page.get_by_label("The stub")).to_contain_text("name: Alice")
    page.get_by_role("button", name="Make this call again").click()
    expect(page.get_by_text("Made again: call 2.")).to_be_visible()
    expect(page).to_have_url(f"{server.url}#/calls/2")


def test_all_that_it_is_made_of_is_its_own(opened: Opened) -> None:
    page = opened()
    is_live(page)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)")
    files = {path.removeprefix("/page/") for path in loaded if path.startswith("/page/")}
    assert files - {"icon.svg"} == set(_names()) - {"index.html", "icon.svg"}
