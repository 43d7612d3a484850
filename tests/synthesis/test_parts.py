"""The parts that generated answers are put together from: choices, numbers, names, regular expressions."""

from __future__ import annotations

import doctest
import importlib
import math
import struct
from typing import Any

import pytest
import re2
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from grpcmock.schema.naming import snake_case, words_of
from grpcmock.synthesis import names, numbers, regex, strings
from grpcmock.synthesis.keyed_random import KeyedRandom
from grpcmock.synthesis.message_context import MessageContext

INT64 = numbers.Range(-(2**63), 2**63 - 1, 1, 100)
int64s = st.integers(INT64.low, INT64.high)


def context(words: str = "") -> MessageContext:
    return MessageContext(KeyedRandom(b"context"), frozenset(words.split()), {})


@pytest.mark.parametrize(
    "module",
    [
        "schema.annotations",
        "schema.naming",
        "synthesis.echo",
        "synthesis.names",
        "synthesis.planning",
        "synthesis.strings",
    ],
)
def test_examples_in_the_docstrings_hold(module: str) -> None:
    failed, _tried = doctest.testmod(importlib.import_module(f"grpcmock.{module}"))
    assert failed == 0


@given(key=st.binary(max_size=80), bound=st.integers(1, 2**200))
@settings(max_examples=100)
def test_draws_stay_below_their_bound_and_repeat(key: bytes, bound: int) -> None:
    first, second = KeyedRandom(key), KeyedRandom(key)
    drawn = [first.below(bound) for _ in range(5)]
    assert all(0 <= number < bound for number in drawn)
    assert drawn == [second.below(bound) for _ in range(5)]


def test_draws_are_pinned() -> None:
    random = KeyedRandom(b"key").child("field")
    assert (random.below(1000), random.between(-5, 5), random.text("ab", 4)) == (836, 5, "baaa")


@given(low=int64s, high=int64s, refused=st.lists(int64s, max_size=3), seed=st.binary(max_size=4))
@settings(max_examples=100)
@example(low=2**63 - 1, high=-(2**63) + 102, refused=[2**63 - 1], seed=b"")  # all above `low` is refused
def test_integers_keep_any_bounds(low: int, high: int, refused: list[int], seed: bytes) -> None:
    rules = {"gte": low, "lte": high, "not_in": refused}
    drawn = numbers.integer(rules, INT64, KeyedRandom(seed))
    assert low <= drawn <= high if low <= high else (drawn >= low or drawn <= high)
    assume(abs(high - low) > 3)
    assert drawn not in refused


@given(low=st.integers(-50, 50), width=st.integers(0, 5), refused=st.sets(st.integers(-50, 55)))
@settings(max_examples=100)
def test_integers_find_the_one_number_that_is_left(low: int, width: int, refused: set[int]) -> None:
    assume(set(range(low, low + width + 1)) - refused)
    rules = {"gte": low, "lte": low + width, "not_in": sorted(refused)}
    assert numbers.integer(rules, INT64, KeyedRandom(b"x")) in set(range(low, low + width + 1)) - refused


@pytest.mark.parametrize("width", ["f", "d"])
@given(data=st.data())
@settings(max_examples=100)
def test_floats_keep_any_bounds_at_their_width(width: str, data: st.DataObject) -> None:
    floats = st.floats(allow_nan=False, allow_infinity=False, width=32 if width == "f" else 64)
    low, high = data.draw(floats), data.draw(floats)
    assume(low < high)
    most = 3.4028234663852886e38 if width == "f" else 1.7976931348623157e308
    assume(abs(low) < most and abs(high) < most)
    for rules in (
        {"gte": low, "lte": high},
        {"gt": low, "lte": high},
        {"gt": high, "lt": low},
        {"gt": high},
        {"lt": low},
    ):
        drawn = numbers.real(rules, (1.0, 100.0), KeyedRandom(b"x"), width=width)
        assert numbers._within(rules, drawn), rules
        assert struct.unpack(f"<{width}", struct.pack(f"<{width}", drawn))[0] == drawn
        assert math.isfinite(drawn)


PATTERNS = [
    r"^[a-z]+$",
    r"^[A-Z]{2}\d{3,5}(-x)?$",
    r"^(foo|bar|[0-9a-f]{8})$",
    r"^\w+@\w+\.(com|org)$",
    r"^[^a-zA-Z0-9]+$",
    r"^[[:alpha:]][[:^digit:]]{2}$",
    r"^\Qa.b\E\x41\x{263a}$",
    r"^(?i:abc)(?P<name>x{0,3})(?:y|z)*$",
    r"^[\w.+-]{5,10}$",
    r"^\pL\p{Nd}\P{L}$",
    r"^a{,3}$",
    r"^.{12}$",
    r"^[]a-c-]+\t$",
    r"^\S{3}\D{2}\W$",
    r"unanchored",
    r"^projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/zones/[a-z]+$",
    r"^$",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_examples_match_their_pattern(pattern: str) -> None:
    compiled = re2.compile(pattern)
    found = list(regex.examples(pattern, KeyedRandom(b"x")))
    assert found
    assert all(compiled.search(example) for example in found), found


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a**b(", "*", r"\8", "(?Xy)", "[[:nope:]]", "x{5000}", "\\", "(?P<n", "a" + "?" * 99]
)
def test_what_is_no_pattern_gives_no_examples(pattern: str) -> None:
    assert list(regex.examples(pattern, KeyedRandom(b"x"))) == []


@given(pattern=st.text(alphabet="ab01.*+?{},()[]^$|\\-:PQEdwsx<>", max_size=25))
@settings(max_examples=100)
def test_no_text_whatever_upsets_the_reader(pattern: str) -> None:
    for _ in regex.examples(pattern, KeyedRandom(b"x"), 3, 9):
        pass


@pytest.mark.parametrize(("shortest", "longest"), [(0, 5), (12, 12), (40, 50), (300, 301)])
def test_examples_have_the_length_asked_for(shortest: int, longest: int) -> None:
    found = regex.examples(r"^[a-z]+(-[a-z]+)*$", KeyedRandom(b"x"), shortest, longest)
    assert any(shortest <= len(example) <= longest for example in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pageSize", "page_size"),
        ("page_size", "page_size"),
        ("GetUserRequest", "get_user_request"),
        ("HTTPServerURL", "http_server_url"),
        ("ID", "id"),
        ("userID", "user_id"),
        ("x", "x"),
    ],
)
def test_names_are_read_in_any_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("email", r"^\w+\.\w+@example\.com$"),
        ("billing_email", r"^\w+\.\w+@example\.com$"),
        ("work_phone_number", r"^\+\d{9,13}$"),
        ("avatar_url", r"^https://example\.com/images/[\w-]+\.png$"),
        ("homepage", r"^https://example\.com/"),
        ("created_at", r"^2024-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
        ("birth_date", r"^19\d\d-\d\d-\d\d$"),
        ("next_page_token", r"^$"),
        ("deleted_at", r"^$"),
        ("currency_code", r"^[A-Z]{3}$"),
        ("country_code", r"^[A-Z]{2}$"),
        ("order_id", r"^[0-9a-f]{8}-[0-9a-f]{4}-4"),
        ("trace_id", r"^[0-9a-f]{32}$"),
        ("description", r"^(\S.*\.)$"),
        ("price", r"^1\d\.\d9$"),
        ("timezone", r"^\w+/\w+$"),
        ("locale", r"^[a-z]{2}-[A-Z]{2}$"),
    ],
)
def test_a_name_tells_what_its_text_looks_like(name: str, pattern: str) -> None:
    maker = names.text_maker(name)
    assert maker is not None
    assert re2.search(pattern, maker(context(), KeyedRandom(b"x"))), maker(context(), KeyedRandom(b"x"))


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("user_age", (19, 78)),
        ("latitude", None),
        ("failed_count", (0, 0)),
        ("http_status", (200, 200)),
        ("item_count", (3, 40)),
        ("wheel_total", (3, 40)),
        ("frobnication", None),
    ],
)
def test_a_name_tells_how_large_its_number_is(name: str, span: Any) -> None:
    assert names.span(name) == span


@pytest.mark.parametrize(
    ("name", "value"), [("is_active", True), ("has_more", False), ("deleted", False), ("success", True), ("blue", None)]
)
def test_a_name_tells_yes_or_no(name: str, value: bool | None) -> None:
    assert names.flag(name) is value


@pytest.mark.parametrize(
    ("words", "kind"), [("user response", " "), ("city", ""), ("product", ""), ("company", " "), ("thing", " ")]
)
def test_a_name_names_what_the_message_is_about(words: str, kind: str) -> None:
    assert kind in context(words).name


def test_a_known_name_decides_the_address() -> None:
    known = MessageContext(KeyedRandom(b""), words_of("User"), {"name": "José Ángel Núñez"})
    assert names.email(known, KeyedRandom(b"")) == "jos.nez@example.com"


@given(
    rules=st.fixed_dictionaries(
        {},
        optional={
            "min_len": st.integers(0, 30),
            "max_len": st.integers(30, 60),
            "prefix": st.text(max_size=5),
            "suffix": st.text(max_size=5),
            "contains": st.text(max_size=5),
        },
    ),
    seed=st.binary(max_size=4),
)
@settings(max_examples=100)
def test_strings_keep_lengths_and_pieces(rules: dict[str, Any], seed: bytes) -> None:
    assert strings.fits(rules, strings.text(rules, context(), KeyedRandom(seed), maker=names.text_maker("title")))


@pytest.mark.parametrize(
    ("format_name", "longest", "pattern"),
    [
        ("email", 6, r"^\w+@\w+\.\w+$"),
        ("hostname", 4, r"^\w+(\.io)?$"),
        ("address", 5, r"^\w+(\.io)?$"),
        ("uri", 4, r"^\w+:"),
        ("uri_ref", 3, r"^/?\w+$"),
        ("host_and_port", 3, r"^\w:\d$"),
    ],
)
def test_formats_fit_into_little_room(format_name: str, longest: int, pattern: str) -> None:
    rules = {format_name: True, "max_len": longest}
    made = strings.text(rules, context(), KeyedRandom(b"x"))
    assert len(made) <= longest
    assert re2.search(pattern, made), made
