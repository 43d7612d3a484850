"""YAML is read by the rules of 1.2, each value knows its place, and no text does harm."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.errors import Problems
from grpcmock.stubs import yaml
from grpcmock.stubs.yaml import MAX_DEPTH, parse, parse_items


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Hold both parsers to the same promises."""
    if request.param == "pure":
        monkeypatch.setattr(yaml, "_events", yaml._pure_events)
    return str(request.param)


def documents(text: str | bytes, file: str = "a.yaml") -> list[Any]:
    problems = Problems()
    found = [node.plain() for node in parse(text, file, problems)]
    assert list(problems) == []
    return found


def problems_of(text: str | bytes) -> list[str]:
    problems = Problems()
    list(parse(text, "a.yaml", problems))
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("[]", []),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("1", 1),
        ("+1", 1),
        ("-0", 0),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("9223372036854775807", 2**63 - 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("-.inf", -math.inf),
        (".", "."),
        ("-", [None]),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("'1'", "1"),
        ('"1"', "1"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!float 1", 1.0),
        ("!!int '1'", 1),
        ("|\n a\n b\n", "a\nb\n"),
        ("{1: a, true: b, null: c, 1.50: d}", {"1": "a", "true": "b", "null": "c", "1.50": "d"}),
        ("&x {a: &y 1, b: *y}", {"a": 1, "b": 1}),
        ("{a: &x {b: 1, c: 1}, d: {<<: *x, c: 2}}", {"a": {"b": 1, "c": 1}, "d": {"c": 2, "b": 1}}),
        ("{a: {<<: [{b: 1}, {b: 2, c: 2}]}}", {"a": {"b": 1, "c": 2}}),
        ("{'<<': 1}", {"<<": 1}),
        ("{&k a: 1, b: *k}", {"a": 1, "b": "a"}),
    ],
)
def test_scalars_and_collections(text: str, value: Any) -> None:
    (found,) = documents(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_one() -> None:
    (found,) = documents(".nan")
    assert math.isnan(found)


def test_several_documents() -> None:
    assert documents("--- a\n--- \n--- [b]\n...\n") == ["a", None, ["b"]]
    assert documents("") == documents("# nothing\n") == []


def test_every_value_and_key_knows_its_place() -> None:
    (node,) = parse("# c\na:\n  - b: 1\n    'cé': {d: x}\n", "dir/a.yaml", Problems())
    inner = node.value["a"].value[0]
    assert str(node.location) == "dir/a.yaml:2:1"
    assert str(inner.value["b"].location) == "dir/a.yaml:3:8"
    assert str(inner.key_location("cé")) == "dir/a.yaml:4:5"
    assert str(inner.value["cé"].key_location("d")) == "dir/a.yaml:4:12"
    assert [str(key.location) for key in inner.keys] == ["dir/a.yaml:3:5", "dir/a.yaml:4:5"]


def test_merged_keys_keep_their_own_place() -> None:
    (node,) = parse("a: &x {b: 1}\nc: {<<: *x, d: 2}\n", "a.yaml", Problems())
    assert str(node.value["c"].key_location("b")) == "a.yaml:1:8"
    assert str(node.value["c"].key_location("d")) == "a.yaml:2:13"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "a.yaml:3:1: The key 'a' is twice in this mapping. It stands already in line 1."),
        ("{&k a: 1, *k : 2}", "a.yaml:1:11: The key 'a' is twice in this mapping."),
        ("{[a]: b}", "a.yaml:1:2: A key must be a string, not a list."),
        ("{<<: 1}", "a.yaml:1:6: A merge key '<<' takes a mapping or a list of mappings, not a number."),
        ("&a [*a]", "a.yaml:1:5: The anchor 'a' holds itself."),
        ("[&user 1, *usr]", "a.yaml:1:11: There is no anchor 'usr' before this alias. Did you mean 'user'?"),
        ("!!int x", "a.yaml:1:1: 'x' is not a value for the tag !!int."),
        ("!point {x: 1}", "a.yaml:1:1: The tag !point is not known on a mapping."),
        ("!!set [x]", "a.yaml:1:1: The tag !!set is not known on a list."),
        ("9" * 500, "a.yaml:1:1: A number of 500 digits is too long"),
        ("a: \x00", "a.yaml:1:4: The character U+0000 is not allowed in YAML."),
        ("\n a: \ud800", "a.yaml:2:5: The character U+D800 is not allowed in YAML."),
        (b"a: \xff", "a.yaml:1:4: The file is not valid UTF-8: byte 0xff at offset 3. Save it as UTF-8."),
        (b"\xff\xfea", "a.yaml:1:3: The file is not valid UTF-16"),
        ("[" * (MAX_DEPTH + 2), f"a.yaml:1:{MAX_DEPTH + 2}: This nests more than {MAX_DEPTH} levels deep."),
        ("{a: " * 100_000, f"This nests more than {MAX_DEPTH} levels deep."),
        ("a: {b", "The text is not valid YAML"),
        ("\ta: b", "a.yaml:1:1: This line is indented with a tab. YAML takes spaces only."),
        ("x: {{ request.id }}", "a.yaml:1:5: A key must be a string, not a mapping. Quote a template"),
        ("x: {{ metadata['x'] }}", "Quote a template, so that YAML doesn't take it for a mapping"),
        ("x: {% if a %}", "Quote a template, so that YAML doesn't take it for a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str | bytes, problem: str) -> None:
    assert problem in problems_of(text)[0]


def test_all_that_is_wrong_is_said() -> None:
    assert len(problems_of("{a: 1, a: 2, b: !!int x, c: {d: 1, d: 1}}")) == 3


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    (problem,) = problems_of("\n".join(lines))
    assert "stand for more than" in problem


def test_a_bomb_of_merge_keys_is_refused() -> None:
    wide = "{" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}"
    (problem,) = problems_of(f"- &a {wide}\n" + "- {<<: *a}\n" * 100_000)
    assert "stand for more than" in problem


def test_aliases_cannot_nest_deeper_than_text() -> None:
    lines = ["a0: &a0 " + "[" * 60 + "]" * 60]
    lines += [f"a{i}: &a{i} {'[' * 60}*a{i - 1}{']' * 60}" for i in range(1, 22)]
    (problem,) = problems_of("\n".join(lines))
    assert "levels deep" in problem


def test_many_honest_merges_are_fine() -> None:
    text = "- &base {a: 1, b: 2, c: {d: [1, 2, 3]}}\n" + "- {<<: *base, x: 1}\n" * 2000
    (found,) = documents(text)
    assert found[-1] == {"x": 1, "a": 1, "b": 2, "c": {"d": [1, 2, 3]}}


def test_items_of_a_list_come_one_by_one() -> None:
    items = parse_items("- a\n- {b: 1}\n- {c", "a.yaml", problems := Problems())
    assert (next(items)[0].plain(), next(items)[0].plain(), len(problems)) == ("a", {"b": 1}, 0)
    assert list(items) == []
    assert len(problems) == 1


def test_other_documents_come_whole() -> None:
    found = [(node.plain(), item) for node, item in parse_items("a: 1\n---\n- b\n--- c\n", "a.yaml", Problems())]
    assert found == [({"a": 1}, False), ("b", True), ("c", False)]


def test_json_is_yaml() -> None:
    value = {"a": [1, -2.5, True, None, 'é\u2028\U0001f600\\ud83d\\ude00\n\t"/'], "b": {}}
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(value, indent="\t")):
        assert documents(text.replace("/", "\\/"), "a.json") == [value]


def test_utf16_and_byte_order_marks_are_read() -> None:
    assert documents("a: é".encode("utf-16")) == documents(b"\xef\xbb\xbfa: \xc3\xa9") == [{"a": "é"}]


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_any_json_is_read_as_itself(value: Any) -> None:
    found = documents(json.dumps(value), "a.json")
    assert found == [value]


@given(st.text(max_size=80) | st.text(alphabet="{}[]&*a:-?|>!%@'\"#,<~ \n\t1.\\xu", max_size=80))
@settings(max_examples=100, deadline=None)
def test_no_text_raises(text: str) -> None:
    list(parse(text, "a.yaml", Problems()))
    list(parse(text, "a.json", Problems()))


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise(data: bytes) -> None:
    list(parse(data, "a.yaml", Problems()))


@pytest.mark.parametrize("text", ["\x7f", "\x85", "\x80\x9f", "a\u2028b", "\u2029", "😀", "\uffff", 'a\\"b', "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_string_of_json_is_read_as_json_means_it(text: str, ascii_only: bool) -> None:
    problems = Problems()
    [node] = parse(json.dumps({"a": [text, text]}, ensure_ascii=ascii_only), "x.json", problems)
    assert not len(problems)
    assert node.plain() == {"a": [text, text]}
