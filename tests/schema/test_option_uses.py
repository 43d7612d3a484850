"""The uses of custom options are found wherever they stand, and nothing else is touched."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.schema import option_uses


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('option (x.a) = "b"; option java_package = "c";', 'option java_package = "c";'),
        ("option (.x.a).b.c = 1;", ""),
        ("option ( x . a ) = 1;", ""),
        ("option (y.a) = 1;", "option (y.a) = 1;"),
        ("option z = true; option z_z = true;", "option z_z = true;"),
        ("option (x.a) = { b: [{c: 1}, {c: 2}] d { e: ';' } };message M {}", "message M {}"),
        ("option (y.a) = { b: [(x.a)] };", "option (y.a) = { b: [(x.a)] };"),
        ("int32 n = 1 [(x.a) = 1];", "int32 n = 1 ;"),
        ("int32 n = 1 [(x.a) = 1, deprecated = true];", "int32 n = 1 [ deprecated = true];"),
        ("int32 n = 1 [deprecated = true, (x.a) = 1];", "int32 n = 1 [deprecated = true ];"),
        (
            "int32 n = 1 [(x.a).b = {c: 1, d: 2}, default = 3, (x.e) = 1, (y.a) = 1];",
            "int32 n = 1 [ default = 3, (y.a) = 1];",
        ),
        ("A = 0 [(x.a) = 1]; B = 1;", "A = 0 ; B = 1;"),
        ("extensions 4 to 9 [(x.a) = 1];", "extensions 4 to 9 ;"),
        ('int32 n = 1; // [(x.a) = 1]\n/* option (x.a) = 1; */ string s = 2 [default = "(x.a)"];', None),
        ("string option = 1 [(x.a) = 1];", "string option = 1 ;"),
        ("rpc option (M) returns (M) { option (x.a) = 1; }", "rpc option (M) returns (M) { }"),
        ("option (x.a) = {", ""),  # broken off
        ("int32 n = 1 [(x.a) = 1", "int32 n = 1"),
    ],
)
def test_uses_become_spaces(text: str, left: str | None) -> None:
    found = option_uses.without(text, {"x.*", "z"})
    assert len(found) == len(text)
    assert found.split() == (text if left is None else left).split()


@dataclass(frozen=True)
class Element:
    """An element of a list of options."""

    text: str
    custom: bool


VALUES = st.sampled_from(["1", '"a, b]"', "'x'", "{a: 1, b: [1, 2]}", "{s: '}' c { d: 1 }}", "-1.5e3", "ENUM"])
SPACES = st.sampled_from(["", " ", "\n", " // (gone.a) = 1,\n", "/* ] */"])


@st.composite
def elements(draw: st.DrawFn) -> Element:
    custom = draw(st.booleans())
    name = draw(
        st.sampled_from(
            ["(gone.a)", "(.gone.a).b", "( gone.c )"] if custom else ["deprecated", "(kept.a)", "json_name"]
        )
    )
    return Element(f"{name}{draw(SPACES)}={draw(SPACES)}{draw(VALUES)}", custom)


@given(st.lists(st.lists(elements(), max_size=4), max_size=3), SPACES)
def test_lists_stay_lists(fields: list[list[Element]], space: str) -> None:
    """What is left reads as if the uses had never been there, and stays at its place."""

    def written(index: int, options: list[Element]) -> str:
        listed = f"[{space}{f'{space},'.join(one.text for one in options)}{space}]" if options else ""
        return f"int32 f{index} = {index} {listed};\n"

    text = "".join(written(index, options) for index, options in enumerate(fields, start=1))
    kept = ([one for one in options if not one.custom] for options in fields)
    meant = "".join(written(index, options) for index, options in enumerate(kept, start=1))
    found = option_uses.without(text, {"gone.a", "gone.c"})
    assert option_uses.without(text, {"gone.*"}) == found
    assert _tokens(found) == _tokens(meant)
    assert [len(line) for line in found.split("\n")] == [len(line) for line in text.split("\n")]


def _tokens(text: str) -> list[str]:
    return [one[0] for one in option_uses._TOKEN.finditer(text) if one["comment"] is None]
