"""RE2 and Rust's engine are asked the same, and say the same."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.errors import ConfigError
from grpcmock.regex import Regex, compile_regex, engines, escape

re2 = engines._re2()
rust = engines._rust()
both = pytest.mark.skipif(re2 is None or rust is None, reason="one of RE2 and grpcmock-native isn't installed")

_TEXTS = "a ab a-b A_1 ü 12 x.y@z [a] é1 aaa & ~ K ſ { \\"
TEXTS = ["", "a\nb", "\t", *_TEXTS.split()]

_SAME = r"""
    a ^a$ a|b (a)(?:b) (?P<n>a)b (?P<n>a)(?P<n>b) (?<n>a)b a* a+? a{2} a{2,} a{1,3}? a{ a{,2} { } () (?:) | a||b ^*
    \d \D \w+ \W \s \S [\d\-] [\D] [^\w] [\s\S] \bA a\b . (?s). (?i)k (?i)s (?m)^b$ a$ \Aa\z (?U)a+ (?i:A)b (?-s).
    \x61 \141 \0 \p{L} \pN \P{L} \p{^L} \p{Greek} [\p{L}1] [[:alpha:]] [^[:digit:]] [\x61-c] é [é-ü]
    [a&&b] [~~] [[] []a] [^]a] [a-] [-a] [\]\[] [\w-z] [+--] \Q.+\E \Qa \. \@ \< \> \_ \& \- \t \n (a|b)*c a&&b a#b ~
"""
MEAN_THE_SAME = ["", "a b", r"\x{fc}", "[a b]", *_SAME.split()]

_REFUSED = r"""
    ( ) [ [a a** a*+ a{2}{3} * +a a{1001} a{2,1} [b-a] [a--b] [a-\d] [\b] \y \u0061 \e \Z \1 \p{Nothing} \x{110000}
    (?=a) (?!a) (?<=a) (?x)a (?u)a (?R)a (?#a)
"""
REFUSED = ["\\", *_REFUSED.split()]


def outcome(compile_: Callable[[str], Regex] | None, written: str, text: str) -> Any:
    assert compile_ is not None
    try:
        regex = compile_(written)
    except ValueError:
        return "refused"
    return bool(regex.search(text)), bool(regex.fullmatch(text)), regex.replace(text, "<$1>")


@both
@pytest.mark.parametrize("written", MEAN_THE_SAME)
def test_what_means_the_same_to_both(written: str) -> None:
    for text in TEXTS:
        expected = outcome(re2, written, text)
        assert expected != "refused"
        assert outcome(rust, written, text) == expected, text


@both
@pytest.mark.parametrize("written", REFUSED)
def test_what_both_refuse(written: str) -> None:
    assert outcome(re2, written, "") == outcome(rust, written, "") == "refused"


_characters = st.sampled_from([*"aAbkKs1_-.^$&~#@ü", " ", "\n"])
_PIECES = r"\d \w \W \s \b \. \pL \x41 [[:alpha:]] \Qa.\E { [ ] (?i) (?s)"
_INSIDE = r"\d \W a-k && -- [:digit:] [ ^ \] -"
_inside = st.one_of(_characters, st.sampled_from(_INSIDE.split()))
_atoms = st.one_of(
    _characters,
    st.sampled_from(_PIECES.split()),
    st.lists(_inside, min_size=1, max_size=4).map(lambda parts: f"[{''.join(parts)}]"),
)
_expressions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"])).map("".join),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        inner.map(lambda one: f"({one})"),
    ),
    max_leaves=6,
)


@both
@given(_expressions, st.text(_characters, max_size=6))
def test_any_expression_means_the_same_to_both(written: str, text: str) -> None:
    assert outcome(rust, written, text) == outcome(re2, written, text)


@pytest.mark.parametrize("compile_", [pytest.param(re2, id="re2"), pytest.param(rust, id="rust")])
@given(text=st.text())
def test_what_is_escaped_fits_itself_alone(compile_: Callable[[str], Regex] | None, text: str) -> None:
    if compile_ is None:
        pytest.skip("This engine isn't installed.")
    regex = compile_(escape(text))
    assert regex.fullmatch(text)
    assert not regex.fullmatch(text + "x")


@pytest.mark.parametrize("missing", [{"re2"}, {"grpcmock_native"}])
def test_the_engine_that_is_there_is_taken(missing: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if (rust if "re2" in missing else re2) is None:
        pytest.skip("The other engine isn't installed.")
    _hide(missing, monkeypatch)
    assert compile_regex(r"^\d+$").search("12")
    with pytest.raises(ValueError, match=r"."):
        compile_regex("(")


def test_without_an_engine_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _hide({"re2", "grpcmock_native"}, monkeypatch)
    with pytest.raises(ConfigError, match="install google-re2, or grpcmock-native"):
        compile_regex("a")


def _hide(names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name in names:
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(engines, "_engine", engines._engine.__wrapped__)
    monkeypatch.setattr(builtins, "__import__", without)
