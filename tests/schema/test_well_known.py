"""The well-known types are read from and shown in the JSON form that is their own."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import messages
from support import registry

from grpcmock.schema import well_known
from grpcmock.schema.values import Mismatch

KITCHEN = registry()
NAMES = [f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue")]
CLASSES = [KITCHEN.message(name) for name in [*NAMES, *sorted(well_known.WRAPPERS)]]


def cls(name: str) -> Any:
    return KITCHEN.message(f"google.protobuf.{name}")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CLASSES).flatmap(messages))
def test_a_message_comes_back_from_its_json(message: Any) -> None:
    assert well_known.parse(type(message), well_known.to_tree(message)) == message


@pytest.mark.parametrize(
    ("written", "seconds", "nanos", "shown"),
    [
        ("1970-01-01T00:00:00Z", 0, 0, None),
        ("2030-01-31T12:00:00+02:00", 1_896_084_000, 0, "2030-01-31T10:00:00Z"),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000, "1969-12-31T23:59:59.500Z"),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0, None),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999, None),
        ("2000-02-29t00:00:00.000001z", 951_782_400, 1_000, "2000-02-29T00:00:00.000001Z"),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0, 0, "1970-01-01T00:00:00Z"),
        (datetime(1970, 1, 1, 0, 0, 1, 500, tzinfo=UTC), 1, 500_000, "1970-01-01T00:00:01.000500Z"),
    ],
)
def test_timestamps(written: Any, seconds: int, nanos: int, shown: str | None) -> None:
    message = well_known.parse(cls("Timestamp"), written)
    assert (message.seconds, message.nanos) == (seconds, nanos)
    assert well_known.to_tree(message) == (shown or written)


@pytest.mark.parametrize(
    ("written", "seconds", "nanos", "shown"),
    [
        ("1.5s", 1, 500_000_000, "1.500s"),
        ("-0.5s", 0, -500_000_000, "-0.500s"),
        ("-3s", -3, 0, "-3s"),
        ("0s", 0, 0, "0s"),
        ("315576000000s", 315_576_000_000, 0, None),
        ("0.000000001s", 0, 1, None),
        (timedelta(days=-1, microseconds=-1), -86400, -1000, "-86400.000001s"),
    ],
)
def test_durations(written: Any, seconds: int, nanos: int, shown: str | None) -> None:
    message = well_known.parse(cls("Duration"), written)
    assert (message.seconds, message.nanos) == (seconds, nanos)
    assert well_known.to_tree(message) == (shown or written)


@pytest.mark.parametrize(
    ("written", "paths", "shown"),
    [
        ("", [], ""),
        ("a,b.c", ["a", "b.c"], "a,b.c"),
        ("userName, display_name.first", ["user_name", "display_name.first"], "userName,displayName.first"),
    ],
)
def test_field_masks_take_both_ways_of_naming(written: str, paths: list[str], shown: str) -> None:
    message = well_known.parse(cls("FieldMask"), written)
    assert list(message.paths) == paths
    assert well_known.to_tree(message) == shown


@pytest.mark.parametrize("path", ["a__b", "a_1", "a_", "A"])
def test_a_path_that_json_cannot_say_is_shown_as_it_is(path: str) -> None:
    assert well_known.to_tree(cls("FieldMask")(paths=[path])) == path


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Timestamp", "2030-01-31", "expected a Timestamp (RFC 3339 with a zone"),
        ("Timestamp", "2030-01-31T12:00:00", "expected a Timestamp (RFC 3339 with a zone"),
        ("Timestamp", "2030-02-30T12:00:00Z", "day is out of range for month"),
        ("Timestamp", "2030-01-31T12:00:60Z", "second must be in 0..59"),
        ("Timestamp", "2030-01-31T12:00:00+25:00", "no such time zone"),
        ("Timestamp", "0001-01-01T00:00:00+01:00", "from year 1 to year 9999"),
        ("Timestamp", "0000-01-01T00:00:00Z", "year 0 is out of range"),
        ("Timestamp", "2030-01-31T12:00:00.1234567890Z", "expected a Timestamp"),
        ("Timestamp", "２030-01-31T12:00:00Z", "expected a Timestamp"),
        ("Timestamp", 5, "not a number 5"),
        ("Timestamp", None, "not null"),
        ("Timestamp", datetime(2030, 1, 1), "without a time zone"),  # noqa: DTZ001
        ("Duration", "1", "expected a Duration (seconds, such as '1.5s'), not a string '1'."),
        ("Duration", "1m", "expected a Duration"),
        ("Duration", 1.5, "not a number 1.5"),
        ("Duration", "315576000000.1s", "at most 10,000 years"),
        ("Duration", "999999999999s", "at most 10,000 years"),
        ("FieldMask", ["a"], "expected a FieldMask (one string of paths"),
        ("FieldMask", "a,,b", "expected a FieldMask (paths with commas between"),
        ("FieldMask", "a b", "expected a FieldMask (paths with commas between"),
        ("FieldMask", "\ud800", "half a surrogate pair"),
        ("Int32Value", "x", "expected an int32"),
        ("Int32Value", {"value": 1}, "not a mapping"),
        ("StringValue", 5, "expected a string"),
        ("Struct", [1], "expected a Struct (any mapping), not a list."),
        ("Struct", {None: 1}, "expected keys that are strings, not null."),
        ("Struct", {"\ud800": 1}, "half a surrogate pair"),
        ("ListValue", {}, "expected a ListValue (any list), not a mapping."),
        ("ListValue", "x", "expected a ListValue (any list), not a string 'x'."),
        ("Value", math.inf, "a finite double"),
        ("Value", 10**400, "a finite double"),
        ("Value", "\ud800", "half a surrogate pair"),
        ("Empty", {"a": 1}, "expected a message google.protobuf.Empty"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: Any, text: str) -> None:
    with pytest.raises(Mismatch) as raised:
        well_known.parse(cls(name), value)
    assert text in str(raised.value)


def test_a_mismatch_inside_a_struct_knows_its_path() -> None:
    with pytest.raises(Mismatch) as raised:
        well_known.parse(cls("Struct"), {"a": [1, {2: math.nan}]})
    assert raised.value.path == ("a", 1, 2)


def test_values_may_be_nested_as_deep_as_protobuf_decodes() -> None:
    value: Any = 1
    for _ in range(well_known.DEEPEST):
        value = {"a": value}
    message = well_known.parse(cls("Value"), value)
    assert cls("Value").FromString(message.SerializeToString()) == message
    with pytest.raises(Mismatch, match="nested at most 30 levels"):
        well_known.parse(cls("Value"), [value])


def test_keys_of_a_struct_need_no_quotes() -> None:
    message = well_known.parse(cls("Struct"), {7: "a", True: "b", 2.5: None})
    assert well_known.to_tree(message) == {"7": "a", "true": "b", "2.5": None}


@pytest.mark.parametrize(
    ("name", "held"), [("Timestamp", True), ("BytesValue", True), ("Any", False), ("Empty", False)]
)
def test_which_types_are_well_known(name: str, held: bool) -> None:
    assert well_known.is_well_known(cls(name).DESCRIPTOR) is held


def test_an_empty_message_is_read_from_an_empty_mapping() -> None:
    assert well_known.parse(cls("Empty"), {}) == cls("Empty")()
