"""What an editor is told at a place of a stub file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import registry

pytest.importorskip("lsprotocol", reason="the extra lsp isn't installed")

from lsprotocol import types as lsp

from grpcmock.language_server import features
from grpcmock.language_server.contract import Contract
from grpcmock.language_server.outline import outline

PROTO = """\
syntax = "proto3";
package shop.v1;

// Orders of customers.
service Orders {
  // Places an order.
  rpc Place(Order) returns (Receipt);
  rpc Watch(Order) returns (stream Receipt);
}

// What is bought.
message Order {
  // Who buys.
  string customer = 1;
  repeated Item items = 2;
  Status status = 3;
  map<string, Item> by_name = 4;
  bool gift = 5;
}
message Item { string name = 1; int32 count = 2; }
message Receipt { int64 number = 1; Order order = 2; }
enum Status {
  STATUS_UNSPECIFIED = 0;
  // It was paid.
  STATUS_PAID = 1;
}
"""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    from grpcmock.schema import sources

    folder = tmp_path_factory.mktemp("protos")
    (folder / "orders.proto").write_text(PROTO)
    return Contract(sources.load([folder]), [folder])


def at(text: str) -> tuple[str, int, int]:
    before, _, after = text.partition("¦")
    return before + after, before.count("\n"), len(before.rpartition("\n")[2])


def labels(contract: Contract, text: str) -> list[str]:
    return [item.label for item in features.completions(contract, *at(text)).items]


HEAD = "- method: shop.v1.Orders/Place\n  "


@pytest.mark.parametrize(
    ("text", "has", "lacks"),
    [
        ("- method: ¦", {"shop.v1.Orders/Place", "shop.v1.Orders/Watch"}, {"Place"}),
        ("- method: Wat¦", {"shop.v1.Orders/Watch"}, {"shop.v1.Orders/Place"}),
        ("- ¦", {"method", "request", "response", "times"}, {"customer"}),
        (HEAD + "re¦", {"request", "response"}, {"responses", "requests", "method"}),
        (HEAD.replace("Place", "Watch") + "re¦", {"request", "response", "responses"}, {"requests"}),
        (HEAD + "request: {¦}", {"customer", "items", "status", "gift", "$only"}, {"number"}),
        (HEAD + "request:\n    ¦", {"customer", "$not"}, {"number"}),
        (HEAD + "request: {customer: {¦}}", {"$regex", "$glob", "$prefix"}, {"$gt2"}),
        (HEAD + "request: {items: {¦}}", {"$some"}, {"name"}),
        (HEAD + "request: {items: [{¦}]}", {"name", "count"}, {"customer"}),
        (HEAD + "request: {by_name: {tea: {¦}}}", {"name", "count"}, {"customer"}),
        (HEAD + "request: {status: ¦}", {"STATUS_PAID", "STATUS_UNSPECIFIED"}, set()),
        (HEAD + "request: {gift: ¦}", {"true", "false"}, set()),
        (HEAD + "response:\n    order:\n      st¦", {"status"}, {"number"}),
        (HEAD + "response: {number: 1, ¦}", {"order"}, {"number", "$only"}),
        (HEAD + "error: {code: NOT¦}", {"NOT_FOUND"}, {"OK"}),
        (HEAD + "answers:\n    - ¦", {"response", "error"}, {"request", "answers"}),
        (HEAD + "script:\n    - send: {order: {¦}}", {"customer"}, {"$regex"}),
        (HEAD + "script:\n    - expect: {¦}", {"customer", "$only"}, {"number"}),
        ("defaults:\n  ¦", {"method", "priority"}, {"name", "stubs"}),
        ("stubs:\n  - method: shop.v1.Orders/Place\n    request: {¦}", {"customer"}, set()),
        ("¦", {"stubs", "defaults"}, {"method"}),
        (HEAD + "state: {¦}\n- set: {door: open}", {"door"}, set()),
        (HEAD + "state: {door: ¦}\n- set: {door: open}", {"open", "started"}, set()),
        ("- method: shop.v1.Nothing/Here\n  ¦", {"request", "response"}, set()),
    ],
)  # fmt: skip
def test_completions(contract: Contract, text: str, has: set[str], lacks: set[str]) -> None:
    told = set(labels(contract, text))
    assert has - told == set()
    assert lacks & told == set()


def test_a_completion_replaces_the_whole_word_and_tells_what_the_proto_says(contract: Contract) -> None:
    text, line, column = at("- method: shop.v1.Or¦ders/Pl")
    item = next(one for one in features.completions(contract, text, line, column).items if one.label.endswith("Place"))
    assert isinstance(item.text_edit, lsp.TextEdit)
    assert (item.text_edit.range.start.character, item.text_edit.range.end.character) == (10, 27)
    assert isinstance(item.documentation, lsp.MarkupContent)
    assert item.documentation.value == "Places an order."
    assert item.detail == "unary, takes shop.v1.Order, gives shop.v1.Receipt"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- method: shop.v1.Or¦ders/Place", "// Places an order."),
        (HEAD + "request: {cust¦omer: x}", "// Who buys.\nstring customer = 1;"),
        (HEAD + "request: {items: [{cou¦nt: 1}]}", "int32 count = 2"),
        (HEAD + "request: {status: STATUS_¦PAID}", "It was paid."),
        (HEAD + "ti¦mes: 1", "times"),
        (HEAD + "request: {customer: {$reg¦ex: x}}", "regular expression"),
    ],
)
def test_hover(contract: Contract, text: str, says: str) -> None:
    told = features.hover(contract, *at(text))
    assert told is not None
    assert isinstance(told.contents, lsp.MarkupContent)
    assert says in told.contents.value


def test_where_there_is_nothing_to_say(contract: Contract) -> None:
    assert features.hover(contract, "- method: a/B\n\n", 1, 0) is None
    assert features.definition(contract, HEAD + "unknown: 1", 1, 3) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- method: shop.v1.Orders/Pl¦ace", "rpc Place(Order) returns (Receipt);"),
        (HEAD + "request: {cust¦omer: x}", "string customer = 1;"),
        (HEAD + "response: {order: {items: [{na¦me: x}]}}", "message Item { string name"),
        (HEAD + "script:\n    - send: {num¦ber: 1}", "message Receipt { int64 number"),
    ],
)
def test_definition(contract: Contract, text: str, line: str) -> None:
    place = features.definition(contract, *at(text))
    assert place is not None
    declared = Path(place.uri.removeprefix("file://")).read_text().splitlines()[place.range.start.line]
    assert line in declared


@pytest.mark.parametrize(
    ("text", "marked", "mended"),
    [
        (HEAD + "request: {custmer: x}", "custmer", "customer"),
        (HEAD + "request: {status: STATUS_PIAD}", "STATUS_PIAD", "STATUS_PAID"),
        ("- method: shop.v1.Orders/Plce", "shop.v1.Orders/Plce", "Place"),
        (HEAD + "respnse: {}", "respnse", "response"),
    ],
)
def test_problems_and_their_quick_fixes(contract: Contract, text: str, marked: str, mended: str) -> None:
    problems = contract.problems(text, "stubs.yaml")
    found = features.diagnostics(problems, text)
    assert found
    first = found[0]
    line = text.split("\n")[first.range.start.line]
    assert line[first.range.start.character : first.range.end.character] in marked or marked in line
    [fix, *_] = features.quick_fixes("file:///s.yaml", text, [first])
    assert fix.edit is not None
    assert fix.edit.changes is not None
    [edit] = fix.edit.changes["file:///s.yaml"]
    written = line[: edit.range.start.character] + edit.new_text + line[edit.range.end.character :]
    whole = "\n".join(
        written if number == edit.range.start.line else one for number, one in enumerate(text.split("\n"))
    )
    assert mended in whole
    assert not [problem for problem in contract.problems(whole, "stubs.yaml") if problem.severity == "error"]


def test_a_file_without_problems(contract: Contract) -> None:
    assert contract.problems(HEAD + "response: {number: 1}\n", "stubs.yaml") == []


ONE = "- name: first\n  method: shop.v1.Orders/Place\n  state: {door: open}\n- {name: 'second', set: {door: closed}}\n"
OTHER = "- name: third\n  set:\n    door: open\n    window: open\n"


@pytest.mark.parametrize(
    ("place", "new", "one", "other"),
    [
        (("first", 0), "1st", ONE.replace("first", "1st"), OTHER),
        (("second", 0), "2nd", ONE.replace("second", "2nd"), OTHER),
        (("door", 0), "gate", ONE.replace("door", "gate"), OTHER.replace("door", "gate")),
        (("open", 0), "ajar", ONE.replace("open", "ajar"), OTHER.replace("door: open", "door: ajar")),
    ],
)
def test_rename(place: tuple[str, int], new: str, one: str, other: str) -> None:
    before = ONE[: ONE.index(place[0]) + 1]
    found = features.name_at(ONE, before.count("\n"), len(before.rpartition("\n")[2]))
    assert found is not None
    edit = features.rename(found[0], found[1], new, {"one": ONE, "other": OTHER})
    assert edit.changes is not None
    assert _applied(ONE, edit.changes.get("one", ())) == one
    assert _applied(OTHER, edit.changes.get("other", ())) == other


def _applied(text: str, edits: Any) -> str:
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        line = lines[edit.range.start.line]
        lines[edit.range.start.line] = (
            line[: edit.range.start.character] + edit.new_text + line[edit.range.end.character :]
        )
    return "\n".join(lines)


def test_what_cant_be_renamed() -> None:
    assert features.name_at(ONE, 1, 5) is None
    assert features.name_at("", 0, 0) is None


def test_completions_name_scenarios_of_other_files(contract: Contract) -> None:
    text, line, column = at(HEAD + "state: {¦}")
    told = features.completions(contract, text, line, column, lambda: [outline(OTHER)])
    assert {"door", "window"} <= {item.label for item in told.items}


def test_the_running_example() -> None:
    told = labels(Contract(registry("user.proto")), "- method: user.UserService/GetUser\n  response: {¦}")
    assert set(told) == {"id", "name", "email"}
