"""Templates keep types, refuse what is unsafe or unbounded, and say what they read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcmock.errors import RenderError
from grpcmock.stubs import jinja
from grpcmock.stubs.jinja import compile_text
from grpcmock.stubs.sandbox import MAX_ROUNDS
from grpcmock.stubs.template import TemplateError, is_template
from grpcmock.stubs.template_cache import parse_template

VALUES = {
    "request": {"id": 7, "name": "Ann", "items": ["a", "b"], "data": b"\x00\x01"},
    "requests": [{"id": 1}, {"id": 2}],
    "metadata": {"x-id": "abc"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ request.id }}", 7),
        ("{{ request }}", VALUES["request"]),
        ("{{ request.id > 3 }}", True),
        ("{{ none }}", None),
        ("{{ request.data }}", b"\x00\x01"),
        ("{{ requests | length }}", 2),
        ("{{ requests | map(attribute='id') }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ request.items }}", ["a", "b"]),  # the field, not the method of dict
        ("{{ metadata['x-id'] }}", "abc"),
        ("{{ metadata['y'] | default('none') }}", "none"),
        ("{{ 2.5 | round }}", 2),
        (" {{ request.id }}", " 7"),
        ("{{ request.id }}\n", "7\n"),
        ("id {{ request.id }}", "id 7"),
        ("{{ none }} {{ true }} {{ [1, 'é'] }} {{ request.data }}", 'null true [1,"é"] AAE='),
        ("{{ request.name ~ '-' ~ request.id }}", "Ann-7"),
        ("{{ request.items | join(', ') }}", "a, b"),
        ("{{ '<' | tojson }}", '"<"'),
        ("{% for r in requests %}{{ r.id }};{% endfor %}", "1;2;"),
        ("{% if request.id == 7 %}yes{% else %}no{% endif %}", "yes"),
        ("{# a comment #}", ""),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ request.name.upper() }}", "ANN"),
        ("{{ '%03d' % request.id }}", "007"),
    ],
)
def test_it_renders(text: str, value: Any) -> None:
    rendered = parse_template(text).render(VALUES)
    assert rendered == value
    assert type(rendered) is type(value)


def test_whole_means_one_expression_and_nothing_else() -> None:
    wholes = {
        text: parse_template(text).whole for text in ("{{ a }}", "{{ a }} ", "{{ a }}{{ b }}", "{% if a %}{% endif %}")
    }
    assert list(wholes.values()) == [True, False, False, False]


def test_it_says_what_it_reads_and_calls() -> None:
    template = parse_template(
        "{{ request.user.id }} {{ metadata['k'] }} {{ metadata.all('k') }} {{ requests[0].id }}"
        "{{ random.int(1, call.count) }}"
        "{% for tag in request.tags %}{{ tag.name }}{% endfor %}{{ request.name.upper() }}{{ range(3) | length }}"
    )
    assert template.variables == {"request", "metadata", "requests", "random", "call"}
    assert set(template.references) == {
        ("request", "user", "id"),
        ("metadata", "k"),
        ("metadata",),
        ("requests", 0, "id"),
        ("random",),
        ("call", "count"),
        ("request", "tags"),
        ("request", "name"),
    }
    assert set(template.calls) == {("metadata", "all"), ("random", "int"), ("request", "name", "upper")}


def test_only_the_variables_used_are_made() -> None:
    class Lazy(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            assert name == "request"
            return super().__getitem__(name)

    assert parse_template("{{ request.id }}").render(Lazy(VALUES)) == 7


def test_equal_texts_are_compiled_once() -> None:
    assert parse_template("{{ a.b }}") is parse_template("{{ a.b }}")


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("{{ a", "unexpected end of template", 1),
        ("one\n{{ a.b. }}", "expected name or number", 2),
        ("{{ a | uper }}", "no filter 'uper' in templates. Did you mean 'upper'?", 1),
        ("{{ a is odf }}", "no test 'odf' in templates. Did you mean 'odd'?", 1),
        ("{% macro f() %}{% endmacro %}", "no 'macro'", 1),
        ("{% include 'x' %}", "no 'include'", 1),
        ("{% extends 'x' %}", "no 'extends'", 1),
        ("{% for a in b recursive %}{% endfor %}", "recursive", 1),
        ("{{ " + "(" * 5000 + " }}", "", 1),
        ("{{ 1" + "+1" * 5000 + " }}", "", 1),
        ("{{ " + "9" * 5000 + " }}", "", 1),
    ],
)
def test_a_bad_template_is_refused(text: str, reason: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text)
    assert reason in str(caught.value)
    assert caught.value.line == line
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ request.nope }}", "no attribute 'nope'"),
        ("{{ request.nope.more }}", "no attribute 'nope'"),
        ("{{ [request.nope] | tojson }}", "no attribute 'nope'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ request.items.append }}", ""),
        ("{{ request.__class__ }}", "unsafe"),
        ("{{ request.items.append(1) }}", ""),
        ("{{ request.name.upper }}", "is a function"),
        ("{{ 'x' * 10 ** 9 }}", "over the limit"),
        ("{{ 10 ** 9 * 'x' }}", "over the limit"),
        ("{{ [1] * 10 ** 9 }}", "over the limit"),
        ("{{ 9 ** 9999 }}", "4096 bits"),
        ("{{ range(10 ** 9) }}", "Range too big"),
        ("{{ 'x'.ljust(10 ** 9) }}", "unsafe"),
        ("{{ '{:999999999}'.format(1) }}", "unsafe"),
        ("{{ '%999999999d' % 1 }}", "width"),
        ("{{ '%*d' | format(999999999, 1) }}", "width"),
        ("{{ (1).to_bytes(10 ** 9) }}", "unsafe"),
        ("{{ 'aaaaaaaaaa' | replace('', 'x' * 10 ** 7) }}", "over the limit"),
        ("{{ ['x' * 10 ** 7, 'x' * 10 ** 7] | join }}", "over the limit"),
        ("{{ 1.5 | round(10 ** 9) }}", "precision"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", f"{MAX_ROUNDS} rounds"),
        (
            "{% set n = namespace(x='xx') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
            "over the limit",
        ),
        ("{% for i in range(99) %}{{ 'x' * 10 ** 6 }}{% endfor %}", "over the limit"),
    ],
)
def test_what_cannot_be_rendered_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(RenderError) as caught:
        parse_template(text).render(VALUES)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("value", "expected"),
    [("{{ a }}", True), ("{% a %}", True), ("{# a #}", True), ("{a}", False), ("", False), (3, False), (None, False)],
)
def test_is_template(value: Any, expected: bool) -> None:
    assert is_template(value) is expected


@given(st.text(alphabet="{}%#ab.|()[]'\"~*+-/= \n0919for in", max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        template = parse_template(text)
    except TemplateError:
        return
    try:
        template.render({"a": 1, "b": "x"})
    except RenderError:
        return


# Templates of text and references alone ------------------------------------------------------------

_PIECES = (
    *("{{ request.id }}", "{{ request.name }}", "{{ request['items'] }}", "{{ request.data }}"),
    *("{{ metadata['x-id'] }}", "{{ requests[1].id }}", "{{ request.none.at }}", "{{ metadata.y }}", "{{ gone }}"),
    *("{{ request.__class__ }}", "{{ request.keys }}", "{{ request.name|upper }}", " x ", "\n", "ä"),
    *("{{ gone|default('d') }}", "{{ request.name|default('d', true)|trim }}", "{{ request['items']|length(1) }}"),
)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4).map("".join))
def test_plain_templates_give_what_jinja_gives(text: str) -> None:
    def rendered() -> Any:
        try:
            return compile_text(text).render(VALUES)
        except RenderError as error:
            return str(error)

    plainly = rendered()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja, "_parts", lambda *_: None)
        assert plainly == rendered()
