"""A text is found where it stands in the ProtoJSON of a message, and nowhere else, however it is looked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import registry

from grpcmock.engine.call_record import CallRecord
from grpcmock.schema import adding
from grpcmock.schema.codec import to_text
from grpcmock.servers.admin.text_search import TextSearch

PROTO = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
enum Color { COLOR_UNKNOWN = 0; RED = 1; }
message Plain {
  string name = 1;
  int64 big = 2;
  int32 small = 3;
  Color color = 4;
  map<string, Plain> others = 5;
  repeated string words = 6;
  bool is_on = 7;
}
message Floating { string name = 1; double size = 2; float weight = 3; repeated sint32 steps = 4; }
message Packed { bytes data = 1; google.protobuf.Timestamp at = 2; Plain plain = 3; }
service S {
  rpc AskPlain(Plain) returns (Plain);
  rpc AskFloating(Floating) returns (Plain);
  rpc AskPacked(Packed) returns (Plain);
}
"""
METHODS = adding.including(registry("user.proto"), adding.compiled({"search.proto": PROTO}, registry("user.proto")))

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters='"\\\u2028'), max_size=9
)
numbers = st.integers(-(2**31), 2**31 - 1) | st.integers(0, 300)
plain = st.fixed_dictionaries(
    {}, optional={
        "name": words, "big": numbers, "small": numbers, "color": st.sampled_from([0, 1, 7]),
        "words": st.lists(words, max_size=3), "is_on": st.booleans(),
    },
)  # fmt: skip
messages = st.one_of(
    st.tuples(st.just("Plain"), plain),
    st.tuples(
        st.just("Floating"),
        st.fixed_dictionaries({}, optional={
            "name": words, "size": st.floats(width=64), "weight": st.floats(width=32), "steps": st.lists(numbers),
        }),
    ),
    st.tuples(
        st.just("Packed"),
        st.fixed_dictionaries({}, optional={"data": st.binary(max_size=9), "plain": plain}),
    ),
)  # fmt: skip


def call(method: str, fields: dict[str, Any]) -> tuple[CallRecord, str]:
    """Give a call with one message, and its text."""
    found = METHODS.method(f"S/Ask{method}")
    message = found.request_class(**fields)
    record = CallRecord(1, "/s", found, (), None, "", 0.0, [])
    record.add_frame("request", message.SerializeToString(), 0.0)
    return record, to_text(message, 1 << 20)


@given(messages, st.data())
def test_it_holds_whatever_stands_in_the_text_of_a_message(
    made: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    record, text = call(*made)
    begin = data.draw(st.integers(0, len(text) - 1))
    part = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    assert TextSearch(part.swapcase()).in_what_was_said(record) is (part.swapcase().casefold() in text.casefold())
    assert TextSearch(part).in_what_was_said(record)
    assert TextSearch(part).may_be_among([record])


@given(messages, words.filter(bool) | numbers.map(str))
def test_it_holds_nothing_else(made: tuple[str, dict[str, Any]], sought: str) -> None:
    record, text = call(*made)
    assert TextSearch(sought).in_what_was_said(record) is (sought.casefold() in text.casefold())


@given(st.lists(messages, max_size=5), messages | words.filter(bool) | numbers.map(str), st.data())
def test_calls_ruled_out_together_hold_it_nowhere(
    made: list[tuple[str, dict[str, Any]]], sought: tuple[str, dict[str, Any]] | str, data: st.DataObject
) -> None:
    records = [call(*one)[0] for one in made]
    if not isinstance(sought, str):
        record, text = call(*sought)
        records.insert(data.draw(st.integers(0, len(records))), record)
        begin = data.draw(st.integers(0, len(text) - 1))
        sought = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    search = TextSearch(sought)
    if any(search.in_words(record) or search.in_what_was_said(record) for record in records):
        assert search.may_be_among(records)


@pytest.mark.parametrize(
    ("sought", "holds"),
    [
        ("STRASSE", True),
        ("straße 12", True),
        ("red", True),
        ("is_on", True),
        ("1234", True),
        ('"name": "Stra', True),
        ("nobody", False),
        ("blue", False),
        ("4321", False),
        ("false", False),
        ('"name": "Alice', False),
        ("color_unknown", False),
    ],
)
def test_examples(sought: str, holds: bool) -> None:
    record, _ = call("Plain", {"name": "Straße 12", "big": 1234567, "color": 1, "is_on": True})
    assert TextSearch(sought).in_what_was_said(record) is holds
    assert TextSearch(sought).may_be_among([record, record]) is holds


@pytest.mark.parametrize(("sought", "may"), [("nobody here", False), ("12:30", True), ("7", True), ("nobody", True)])
def test_values_that_are_written_anew_are_told_by_their_characters(sought: str, may: bool) -> None:
    """Base64 and times stand in no bytes; what can't be a part of them is ruled out all the same."""
    record, _ = call("Packed", {"data": b"\x01", "plain": {"name": "Alice"}})
    assert TextSearch(sought).may_be_among([record]) is may
