"""Pages of a list, as one leads to the next: a thing is on one of them, and what is told of all of them is the same.

Somebody else may make things meanwhile, so that those before them move to the next page. So a page tells nothing before
the first one was seen again, as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.list_totals import totals_of_all
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.fields import place_of
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.laws.lists import item_of, items_in, only_lists
from grpcmock.fuzz.resources.laws.totals import PAGING, TOKENS
from grpcmock.fuzz.resources.pagination import GARBAGE
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry


_EMPTY_ON_LAST = re.compile(
    r"\b(?:empty|unset|not set|absent|missing|left out)\b[^.;]*"
    r"\b(?:last (?:page|one)|no(?:thing| more| further| next)|there (?:is|are) no|end of)",
    re.IGNORECASE,
)

_NOTHING_MORE = re.compile(r"\bno(?:thing| more| further| next)|there (?:is|are) no\b", re.IGNORECASE)

_SAME_NAMES = frozenset({"page_token", "next_page_token"})
"""Where both are called just so, AIP-158 says what they are."""

_ROUNDED = 1e-6
"""By so much of them, sums may differ that are added up in another order."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What was shown to one request."""

    asked: bytes
    token: Any
    answer: Any

    @property
    def leads_to(self) -> set[Any]:
        """The texts beside the list, of which one may be the token of the next page."""
        return {value for _, value in self.answer.ListFields() if isinstance(value, str | bytes) and value}

    @property
    def places(self) -> dict[tuple[str, ...], Message]:
        return {place: one for one in items_in(self.answer) if (place := place_of(one)) is not None}


@dataclass(slots=True)
class Pages:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _pages: dict[tuple[str, bytes], list[_Page]] = field(default_factory=dict)
    """Since something may have been changed, by methods and requests without what only leads through pages."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._pages.clear()
            return
        both = answered(reply) if method.kind is MethodKind.UNARY and item_of(method) is not None else None
        if both is None:
            return
        request, answer = both
        rest = method.request_class()
        rest.CopyFrom(request)
        for name in {str(one.name) for one in method.input.fields} & PAGING:
            rest.ClearField(name)
        tokens = [value for one, value in request.ListFields() if one.name in TOKENS]
        page = _Page(bytes_of(request), tokens[0] if tokens else None, answer)
        pages = self._pages.setdefault((method.path, bytes_of(rest)), [])
        if page.token == GARBAGE:
            yield from _made_up(method, page, pages)
            return
        if page.token and not items_in(page.answer):
            yield from self._behind_the_last(method, page, pages)
        first = next((number for number, one in enumerate(pages) if one.asked == page.asked), None)
        if first is not None and pages[first].answer == answer:
            between = [one for one in pages[first + 1 :] if one.asked != page.asked]
            yield from self._judged(method, page, between)
        pages.append(page)

    def _behind_the_last(self, method: Method, page: _Page, pages: list[_Page]) -> Iterator[Finding]:
        """A page with nothing on it, to which a page before has led that was the last one then."""
        before = next((one for one in pages if page.token in one.leads_to and items_in(one.answer)), None)
        comments = field_comments(self.registry)
        told = [one for one in method.output.fields if _EMPTY_ON_LAST.search(comments.get(one.full_name, ""))]
        tokens = [one for one in told if before is not None and getattr(before.answer, one.name) == page.token]
        if before is not None and tokens:
            expected = f"no {tokens[0].name} on the last page, as its comment says"
            actual = f"{page.token!r}, which leads to a page with nothing on it"
            wrong = _finding(method, tokens[0].name, "empty last page", expected, actual)
            # Where nothing is said but which page is the last, that may be the one with nothing on it.
            is_firm = _NOTHING_MORE.search(comments[tokens[0].full_name]) is not None
            yield replace(wrong, is_warning=not is_firm)

    def _judged(self, method: Method, page: _Page, between: list[_Page]) -> Iterator[Finding]:
        """Compare a page that was shown before and after others with these."""
        for other in between:
            for total in totals_of_all(method, self.registry):
                value, now = getattr(page.answer, total.name), getattr(other.answer, total.name)
                if abs(value - now) > _ROUNDED * abs(value) and items_in(page.answer) and items_in(other.answer):
                    expected = f"{total.name} {value} on each page: its comment says that it is of all, not of a page"
                    yield _finding(method, total.name, f"total {total.name} of all", expected, f"{now} on another page")
                    return
            twice = {place for place, one in page.places.items() if other.places.get(place) == one}
            if twice and other.token and other.token in page.leads_to:
                thing = shown(other.places[min(twice)])
                expected = "what comes behind the page before, and nothing that was on it"
                again = _finding(method, "", "page shows again", expected, f"{thing} once more")
                # Where pages are cut wrong, a whole walk through them shows that as well.
                yield replace(again, causes=(f"pages of {method.full_name}",))
                return


def _made_up(method: Method, page: _Page, pages: list[_Page]) -> Iterator[Finding]:
    """Compare what was shown for a token that nobody gave with the first page: who goes by it never comes to an end."""
    first = next((one for one in pages if one.token is None and items_in(one.answer)), None)
    if first is not None and items_in(first.answer) == items_in(page.answer) and _names(method) >= _SAME_NAMES:
        expected = f"INVALID_ARGUMENT: nobody gave the token {page.token!r}"
        yield replace(
            _finding(method, "page_token", "garbage for the first page", expected, "OK, and the first page"),
            causes=(f"pages of {method.full_name}",),
        )


def _names(method: Method) -> set[str]:
    return {str(one.name) for one in (*method.input.fields, *method.output.fields)}


def _finding(method: Method, path: str, key: str, expected: str, actual: str) -> Finding:
    return Finding(
        check="pagination", expected=expected, actual=actual, path=path, key=key, method=method, may_lag=True
    )
