"""A scalar is what ProtoJSON says it is: exact, in range, of its type; all else is refused in clear words."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scalars
from support import registry

from grpcmock.schema import values

EVERYTHING: Any = registry().message("kitchen.Everything").DESCRIPTOR
OLD: Any = registry("legacy.proto").message("legacy.Old").DESCRIPTOR
SCALARS = [field for field in EVERYTHING.fields if field.message_type is None]


class One(IntEnum):
    ONE = 1


GOOD: list[tuple[str, Any, Any]] = [
    ("f_int32", 5, 5),
    ("f_int32", -(2**31), -(2**31)),
    ("f_int32", "2147483647", 2**31 - 1),
    ("f_int32", 5.0, 5),
    ("f_int32", "5.0", 5),
    ("f_int32", "1e3", 1000),
    ("f_int32", One.ONE, 1),
    ("f_int64", 2**63 - 1, 2**63 - 1),
    ("f_int64", "-9223372036854775808", -(2**63)),
    ("f_uint64", "18446744073709551615", 2**64 - 1),
    ("f_fixed32", 2**32 - 1, 2**32 - 1),
    ("f_sfixed64", "-1", -1),
    ("f_double", 1, 1.0),
    ("f_double", "1.5e3", 1500.0),
    ("f_double", "-Infinity", -math.inf),
    ("f_double", math.inf, math.inf),
    ("f_float", 0.1, 0.10000000149011612),
    ("f_float", "Infinity", math.inf),
    ("f_bool", True, True),
    ("f_string", "", ""),
    ("f_string", "smörgås 🥪", "smörgås 🥪"),
    ("f_bytes", "AP8=", b"\x00\xff"),
    ("f_bytes", "AP8", b"\x00\xff"),
    ("f_bytes", "-_8=", b"\xfb\xff"),
    ("f_bytes", "+/8=", b"\xfb\xff"),
    ("f_bytes", "", b""),
    ("f_bytes", b"\xff", b"\xff"),
    ("f_bytes", bytearray(b"\xff"), b"\xff"),
    ("f_enum", "COLOR_NEGATIVE", -1),
    ("f_enum", 5, 5),
    ("f_enum", 99, 99),
    ("f_enum", 1.0, 1),
    ("size", "SIZE_LARGE", 1),
    ("r_int32", "7", 7),
    ("o_enum", One.ONE, 1),
]


@pytest.mark.parametrize(("field", "value", "held"), GOOD)
def test_a_value_is_read_exactly(field: str, value: Any, held: Any) -> None:
    read = values.scalar(EVERYTHING.fields_by_name[field], value)
    assert read == held
    assert type(read) is type(held)


def test_nan_is_read() -> None:
    assert math.isnan(values.scalar(EVERYTHING.fields_by_name["f_double"], "NaN"))
    assert math.isnan(values.scalar(EVERYTHING.fields_by_name["f_float"], math.nan))


BAD: list[tuple[str, Any, str]] = [
    ("f_int32", 2**31, "expected an int32 (a whole number from -2147483648 to 2147483647), not a number 2147483648."),
    ("f_int32", "2147483648", "not a string '2147483648'."),
    ("f_int32", 1.5, "not a number 1.5."),
    ("f_int32", math.nan, "not a number nan."),
    ("f_int32", True, "not true."),
    ("f_int32", "", "not a string ''."),
    ("f_int32", "1_0", "not a string '1_0'."),
    ("f_int32", " 1", "not a string ' 1'."),
    ("f_int32", "١", "not a string '١'."),
    ("f_int32", "0x10", "not a string '0x10'."),
    ("f_int32", "--1", "not a string '--1'."),
    ("f_int32", "1e400", "not a string '1e400'."),
    ("f_int32", "9" * 10_000, "expected an int32"),
    ("f_int32", 10**10_000, "not a number of 33220 bits."),
    ("f_int32", None, "not null."),
    ("f_int32", [1], "not a list."),
    ("f_int32", {}, "not a mapping."),
    ("f_int32", b"1", "not bytes."),
    ("f_int32", Decimal(1), "not a Decimal."),
    ("f_uint32", -1, "expected a uint32 (a whole number from 0 to 4294967295), not a number -1."),
    ("f_fixed64", 2**64, "expected a fixed64"),
    ("f_sint32", 2**31, "expected a sint32"),
    ("f_int64", 2**63, "expected an int64"),
    ("f_int64", 1e30, "expected an int64"),
    ("f_double", "abc", "expected a double (a number, 'NaN', 'Infinity' or '-Infinity'), not a string 'abc'."),
    ("f_double", "inf", "not a string 'inf'."),
    ("f_double", "1e999", "not a string '1e999'."),
    ("f_double", "1_0", "not a string '1_0'."),
    ("f_double", False, "not false."),
    ("f_double", 10**400, "expected a double, not a number too large for it."),
    ("f_float", 1e39, "expected a float (at most 3.4e38 in size), not a number 1e+39."),
    ("f_bool", "true", "expected a bool (true or false), not a string 'true'."),
    ("f_bool", 1, "not a number 1."),
    ("f_string", 5, "expected a string, not a number 5. Write it in quotes."),
    ("f_string", False, "expected a string, not false. Write it in quotes."),
    ("f_string", b"x", "expected a string, not bytes."),
    ("f_string", "\ud800", "not half a surrogate pair: '\\ud800'."),
    ("f_bytes", "ä", "expected bytes in base64, not a string 'ä'."),
    ("f_bytes", "A", "expected bytes in base64"),
    ("f_bytes", "A=B=", "expected bytes in base64"),
    ("f_bytes", "AA AA", "expected bytes in base64"),
    ("f_bytes", 5, "expected bytes in base64, not a number 5."),
    ("f_enum", "COLOR_GREE", "not a string 'COLOR_GREE'. Did you mean 'COLOR_GREEN'?"),
    ("size", "x", "The values are: SIZE_BIG, SIZE_LARGE, SIZE_UNSPECIFIED."),
    ("f_enum", "1", "expected a value of enum kitchen.Color, not a string '1'."),
    ("f_enum", 2**31, "expected a value of enum kitchen.Color (an int32), not a number 2147483648."),
    ("f_enum", True, "by name or number, not true."),
    ("f_enum", 1.5, "by name or number, not a number 1.5."),
]


@pytest.mark.parametrize(("field", "value", "text"), BAD, ids=[f"{bad[0]}-{number}" for number, bad in enumerate(BAD)])
def test_what_does_not_fit_is_refused(field: str, value: Any, text: str) -> None:
    with pytest.raises(values.Mismatch) as raised:
        values.scalar(EVERYTHING.fields_by_name[field], value)
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("hello world", "In base64 that is 'aGVsbG8gd29ybGQ='; in a stub, {$text: 'hello world'} is the same."),
        ("x " * 50, "Write {$text: …} for the bytes of a text, {$file: …} for those of a file."),
    ],
)
def test_a_text_where_bytes_belong_is_told_with_its_base64(written: str, hint: str) -> None:
    with pytest.raises(values.Mismatch) as raised:
        values.scalar(EVERYTHING.fields_by_name["f_bytes"], written)
    assert raised.value.hint == hint


def test_a_closed_enum_takes_only_what_it_declares() -> None:
    level = OLD.fields_by_name["level"]
    assert values.scalar(level, 2) == 2
    with pytest.raises(
        values.Mismatch, match=r"closed enum legacy.Level, not a number 3. The values are: LOW \(1\), HIGH"
    ):
        values.scalar(level, 3)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.just([]),
    st.just({}),
    st.just(object),
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SCALARS), ANYTHING)
def test_whatever_comes_is_read_into_what_protobuf_takes_or_refused(field: Any, value: Any) -> None:
    try:
        held = values.scalar(field, value)
    except values.Mismatch as mismatch:
        assert str(mismatch).startswith("expected ")
        return
    message: Any = registry().message("kitchen.Everything")()
    if field.is_repeated:
        getattr(message, field.name).append(held)
        kept = getattr(message, field.name)[0]
    else:
        setattr(message, field.name, held)
        kept = getattr(message, field.name)
    assert kept == held or (kept != kept and held != held)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(SCALARS))
def test_what_is_shown_is_read_back(data: st.DataObject, field: Any) -> None:
    held = data.draw(scalars(field))
    shown = values.shown(field, held)
    if shown is not None:  # null, of NullValue, is the codec's business
        assert values.scalar(field, shown) == held


@settings(max_examples=100)
@given(st.floats(width=32, allow_nan=False))
def test_a_narrow_float_is_shown_in_no_more_than_nine_digits(value: float) -> None:
    shown = values.shown_float(value, narrow=True)
    if math.isfinite(value):
        assert values.round_float(shown) == value
        assert len(Decimal(repr(shown)).normalize().as_tuple().digits) <= 9 or shown == value


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, 1), (-2.0, -2), (1.5, 1.5), (2.0**60, 2.0**60), (0.0, 0), (math.inf, "Infinity")]
)
def test_whole_numbers_of_struct_are_shown_as_such(value: float, shown: Any) -> None:
    assert values.shown_float(value, whole=True) == shown
    assert type(values.shown_float(value, whole=True)) is type(shown)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("f_int32", "an int32"),
        ("f_uint64", "a uint64"),
        ("f_bytes", "bytes"),
        ("f_enum", "a value of enum kitchen.Color"),
        ("f_message", "a message kitchen.Nested"),
        ("w_duration", "a Duration (seconds: '1.5s')"),
        ("r_string", "a list of strings"),
        ("r_bytes", "a list of bytes"),
        ("r_message", "a list of kitchen.Nested"),
        ("r_enum", "a list of kitchen.Color"),
        ("m_int32_string", "a map from int32s to strings"),
        ("m_string_message", "a map from strings to kitchen.Nested"),
    ],
)
def test_types_have_names(field: str, words: str) -> None:
    assert values.type_name(EVERYTHING.fields_by_name[field]) == words


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.1, 0.10000000149011612), (1e39, math.inf), (-1e39, -math.inf), (1.5, 1.5)]
)
def test_floats_are_rounded_as_the_wire_does(value: float, rounded: float) -> None:
    assert values.round_float(value) == rounded


def test_no_float_is_shown_as_more_than_the_largest() -> None:
    largest = float.fromhex("0x1.fffffep+127")
    assert values.shown_float(largest, narrow=True) == largest
    assert values.shown_float(-largest, narrow=True) == -largest
