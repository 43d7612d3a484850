"""Path templates of google.api.http, as its grammar has them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.protocols.transcoding import templates
from grpcmock.protocols.transcoding.templates import TemplateError


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/v1/books", "/v1/books", {}),
        ("/v1/books", "/v1/books/", None),
        ("/v1/books", "/v1/book", None),
        ("/", "/", {}),
        ("/v1/{id}", "/v1/7", {"id": "7"}),
        ("/v1/{id}", "/v1/", None),
        ("/v1/{id}", "/v1/7/8", None),
        ("/v1/{id}", "/v1/a%2Fb%20c", {"id": "a/b c"}),
        ("/v1/{id}", "/v1/a:b", {"id": "a:b"}),
        ("/v1/*/{id}", "/v1/x/7", {"id": "7"}),
        ("/v1/{a.b}/{c}", "/v1/x/y", {"a.b": "x", "c": "y"}),
        ("/v1/{name=shelves/*}", "/v1/shelves/3", {"name": "shelves/3"}),
        ("/v1/{name=shelves/*}", "/v1/racks/3", None),
        ("/v1/{name=shelves/*/books/*}:lend", "/v1/shelves/3/books/4:lend", {"name": "shelves/3/books/4"}),
        ("/v1/{name=shelves/*/books/*}:lend", "/v1/shelves/3/books/4", None),
        ("/v1/{name=shelves/*}", "/v1/shelves/a%2Fb", {"name": "shelves/a%2Fb"}),
        ("/v1/{name=**}", "/v1/a/b/c", {"name": "a/b/c"}),
        ("/v1/{name=**}", "/v1/", {"name": ""}),
        ("/v1/{name=files/**}:open", "/v1/files/a/b:open", {"name": "files/a/b"}),
        ("/v1/**", "/v1/a/b", {}),
        ("/v1/my-books.json", "/v1/my%2Dbooks.json", {}),
        ("/v1/{name=**}", "/v1/a%0Ab", {"name": "a\nb"}),
    ],
)
def test_what_a_template_matches(template: str, path: str, values: dict[str, str] | None) -> None:
    assert templates.parse(template).match(templates.plain(path)) == values


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("v1", "must begin with '/'"),
        ("/v1/{id", "can't be read from"),
        ("/v1//x", "can't be read from"),
        ("/v1/x/", "can't be read from"),
        ("/v1/{a=**}/x", "must be the last"),
        ("/v1/{a=b*}", "which is none"),
        ("/v1/{=a}", "can't be read from"),
        ("/v1/a{b}", "can't be read from"),
        ("/v1/{a={b}}", "can't be read from"),
    ],
)
def test_what_is_no_template(template: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        templates.parse(template)


def test_the_more_a_template_says_the_sooner_it_is_tried() -> None:
    texts = ["/v1/{a=**}", "/v1/{a}", "/v1/b", "/v1/{a}:go", "/v1/{a}/{b}", "/v1/{a}/b"]
    ranked = sorted(map(templates.parse, texts), key=lambda template: template.rank)
    order = [template.text for template in ranked]
    assert order.index("/v1/{a}:go") < order.index("/v1/b") < order.index("/v1/{a}") < order.index("/v1/{a=**}")
    assert order.index("/v1/{a}/b") < order.index("/v1/{a}/{b}")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_through_a_variable(text: str) -> None:
    path = templates.plain(f"/v1/{quote(text, safe='')}/end")
    assert templates.parse("/v1/{id}/end").match(path) == {"id": text}
