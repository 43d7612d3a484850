"""JSON is read with the place of every value, as it comes, and what is no JSON is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.client.json_text import JsonReader, parse
from grpcmock.errors import ConfigError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 0, 2]), st.booleans())
@settings(max_examples=100)
def test_a_value_is_read_as_the_standard_library_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    [node] = parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only), "-d")
    assert node.plain() == value
    assert repr(node.plain()) == repr(value)


@given(st.text(max_size=40) | st.text(alphabet='{}[]",:0123.eE-+ truefalsn\\u\n', max_size=40))
@settings(max_examples=100)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = [node.plain() for node in parse(text, "-d")]
    except ConfigError as error:
        assert str(error).startswith("-d:")
    else:
        assert all(json.loads(json.dumps(value)) == value for value in found)


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 2]))
@settings(max_examples=50)
def test_values_that_follow_each_other_come_one_by_one(values: list[Any], indent: int | None) -> None:
    text = "\n".join(json.dumps(value, indent=indent) for value in values)
    reader = JsonReader("stdin")
    found = [node.plain() for line in text.splitlines(keepends=True) for node in reader.feed(line)]
    assert found + [node.plain() for node in reader.close()] == values
    assert [node.plain() for node in parse(text, "-d")] == values


def test_each_value_knows_its_place() -> None:
    reader = JsonReader("stdin")
    lines = ['{"a": 1}\n', '{"b":\n', "  [2, {}]}{}\n"]
    first, second, third = (node for line in lines for node in reader.feed(line))
    assert str(first.value["a"].location) == "stdin:1:7"
    assert str(first.key_location("a")) == "stdin:1:2"
    assert str(second.location) == "stdin:2:1"
    assert str(second.value["b"].value[1].location) == "stdin:3:7"
    assert str(third.location) == "stdin:3:11"


def test_a_value_is_there_as_soon_as_its_line_is() -> None:
    reader = JsonReader("stdin")
    assert [node.plain() for node in reader.feed('{"a": "}"}\n')] == [{"a": "}"}]
    assert [node.plain() for node in reader.feed("[1,\n")] == []
    assert [node.plain() for node in reader.feed("2]\n")] == [[1, 2]]


def test_integers_are_exact() -> None:
    assert parse("9223372036854775807", "-d")[0].plain() == 2**63 - 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{'id': 1}", "-d:1:2: expected a name in double quotes or '}', not \"'\". JSON has double quotes only."),
        ("{id: 1}", "-d:1:2: expected a name in double quotes or '}', not 'id'."),
        ('{"id" 1}', "-d:1:7: expected ':', not '1'."),
        ('{"id": 1', "-d:1:9: the text ends where ',' or '}' is expected."),
        ('{"id":\n1\n', "-d:2:2: the text ends where ',' or '}' is expected."),
        ('{"id": 1,}', "-d:1:9: a comma stands before the end. Take it away."),
        ("[1 2]", "-d:1:4: expected ',' or ']', not '2'."),
        ('{"a": 1,\n "a": 2}', "-d:2:2: 'a' is here twice. Keep one."),
        ("nul", "-d:1:1: expected a JSON value, not 'nul'."),
        ("NaN", "-d:1:1: expected a JSON value, not 'NaN'."),
        ("01", "-d:1:1: expected a JSON value, not '01'."),
        ('"a', "-d:1:1: unterminated string starting"),
        ('"\\x"', "-d:1:2: invalid \\escape"),
        ('"\\ud800"', "-d:1:1: half of a surrogate pair is no character."),
        ("9" * 2000, "-d:1:1: this number is too long."),
        ("[" * 10_000, "-d:1:201: more than 200 arrays and objects inside each other."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "-d")
    assert str(caught.value).startswith(said)
