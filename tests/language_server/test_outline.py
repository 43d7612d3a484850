"""Where the cursor is, in files that are being written."""

from __future__ import annotations

import pytest

from grpcmock.language_server.outline import Path, outline, values, words


def at(text: str) -> tuple[str, int, int]:
    """Take the mark out of a text, and give where it was."""
    before, _, after = text.partition("¦")
    return before + after, before.count("\n"), len(before.rpartition("\n")[2])


@pytest.mark.parametrize(
    ("text", "path", "typed", "where"),
    [
        ("- ¦", (0, 0), "", "key value"),
        ("- me¦", (0, 0), "me", "key value"),
        ("- method: ¦", (0, 0, "method"), "", "value"),
        ("- method: user.Us¦", (0, 0, "method"), "user.Us", "value"),
        ("- method: a/B\n  ¦", (0, 0), "", "key"),
        ("- method: a/B\n  re¦", (0, 0), "re", "key"),
        ("- method: a/B\n  request:\n    ¦", (0, 0, "request"), "", "key"),
        ("- method: a/B\n  request:\n    user:\n      na¦\n", (0, 0, "request", "user"), "na", "key"),
        ("- method: a/B\n  request: {¦", (0, 0, "request"), "", "key"),
        ("- method: a/B\n  request: {id: 1, na¦}", (0, 0, "request"), "na", "key"),
        ("- method: a/B\n  request: {id: ¦}", (0, 0, "request", "id"), "", "value"),
        ("- method: a/B\n  request: {user: {na¦", (0, 0, "request", "user"), "na", "key"),
        ("- method: a/B\n  request: {tags: [a, b¦]}", (0, 0, "request", "tags", 1), "b", "value"),
        ("- method: a/B\n  request: {\n    id: 1,\n    na¦\n  }", (0, 0, "request"), "na", "key"),
        ("- {method: a/B, request: {¦}}", (0, 0, "request"), "", "key"),
        ("- a: 1\n- b: 2\n- ¦", (0, 2), "", "key value"),
        ("- a: 1\n\n- b: 2\n  c:\n  - x: 1\n  - ¦", (0, 1, "c", 1), "", "key value"),
        ("stubs:\n- method: a/B\n  ¦", (0, "stubs", 0), "", "key"),
        ("stubs:\n  - method: a/B\n    ¦", (0, "stubs", 0), "", "key"),
        ("defaults:\n  ¦", (0, "defaults"), "", "key"),
        ("¦", (0,), "", "key"),
        ("- a: 1\n---\n- ¦", (1, 0), "", "key value"),
        ("- a: |\n    text\n    more\n  ¦", (0, 0), "", "key"),
        ("- a:\n    b: 1\n  # note\n  ¦", (0, 0), "", "key"),
        ("- script:\n    - expect: {¦}", (0, 0, "script", 0, "expect"), "", "key"),
        ("- script:\n    - send:\n        - na¦", (0, 0, "script", 0, "send", 0), "na", "key value"),
        ("- 'me¦", (0, 0), "me", "key value"),
        ("- set: {door: op¦en}", (0, 0, "set", "door"), "op", "value"),
    ],
)
def test_what_is_typed_where(text: str, path: Path, typed: str, where: str) -> None:
    found = outline(*at(text)).cursor
    assert found is not None
    assert (found.path, found.text) == (path, typed)
    assert " ".join(name for name, can in (("key", found.on_key), ("value", found.on_value)) if can) == where


@pytest.mark.parametrize("text", ["- a: |\n    te¦xt\n  b: 1", "- a: 1 # no¦te"])
def test_where_nothing_is_completed(text: str) -> None:
    found = outline(*at(text)).cursor
    assert found is None or not found.on_key


FILE = """\
# people
- name: alice
  method: user.UserService/GetUser   # one
  request: {id: 1, tags: [a, "b"]}
  state: {door: open}
  response:
    name: Alice
    note: |
      name: nothing
      state: {x: y}
- name: "bob"
  method: 'user.UserService/ListUsers'
  set:
    door: closed
"""


def test_the_entries_of_a_file() -> None:
    found = outline(FILE)
    texts = {entry.path: entry.text for entry in found.entries}
    assert texts[0, 0, "method"] == "user.UserService/GetUser"
    assert texts[0, 0, "request", "id"] == "1"
    assert texts[0, 1, "name"] == "bob"
    assert (0, 0, "response", "note") in texts
    assert not any("x" in path for path in texts), "the text of several lines is no mapping"
    assert found.method_of((0, 1, "set", "door")) == "user.UserService/ListUsers"
    assert {name for _, name in words(found, "state", "set")} == {"door"}
    assert set(values(found, "name")) == {"alice", "bob", "Alice"}


@pytest.mark.parametrize("cut", range(len(FILE)))
def test_a_file_cut_anywhere_can_be_read(cut: int) -> None:
    text = FILE[:cut]
    found = outline(text, text.count("\n"), len(text.rpartition("\n")[2]))
    for entry in found.entries:
        line = text.split("\n")[entry.key.line]
        assert str(entry.path[-1]) in line[entry.key.begin : entry.key.end]
