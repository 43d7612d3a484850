"""How many there are, as a list says itself: no less than it shows, and not some where a page of them is empty.

Nor is it how many are on the page, where another page has more. As long as all answers to a list have been of that
kind, a page tells on them: one behind as many as there are to be, one to which another one has led that told of no
more, or a small one before and after a larger one, so that nobody else has made the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.fields import type_name
from grpcmock.fuzz.resources.laws.exchanges import answered
from grpcmock.fuzz.resources.laws.lists import goes_on, items_in, list_field, only_lists
from grpcmock.fuzz.resources.locations import SIZES

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method, Registry

_COUNT = re.compile(r"total_(count|size|items|results|elements|entries|records|rows|hits)")
"""These count things; what is a ``total`` alone may be a sum of money."""

_OF_PAGE = re.compile(
    r"\b(?:on|in|of|by|with|for) (?:this|the|that|each|a|an|one|its) (?:(?:current|single|same|given) )?"
    r"(?:page|response|answer|reply|batch|chunk|result set|request|call|list|message)\b|\breturned\b",
    re.IGNORECASE,
)
"""A comment that has this may tell of those that are there to be seen in an answer."""

_STARTS = ("offset", "skip", "start_index")
"""Fields that say how many are left out at the beginning."""

TOKENS = ("page_token", "cursor", "continuation_token", "next_token")
_PAGES = ("page", "page_number", "page_index")
PAGING = frozenset((*SIZES, *_STARTS, *TOKENS, *_PAGES))

_ESTIMATE = re.compile(r"estimat|approx|about|roughly|lower bound|at least", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a list has shown to one request, and told of itself."""

    total: int
    shown: int
    size: int
    start: int
    token: Any
    leads_to: frozenset[Any]
    """The texts in the answer beside its list, of which one may be the token of the next page."""

    items: frozenset[bytes]


@dataclass(slots=True)
class Totals:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _made: set[str] = field(default_factory=set)
    """The types of what was made, so that there is some of it whatever there was before."""

    _pages: dict[tuple[str, bytes], list[_Page]] = field(default_factory=dict)
    """Since something may have been changed, by methods and requests without what only leads through pages."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._pages.clear()
        resource, operation = self.resources.by_path.get(reply.call.path, (None, None))
        if resource is not None and operation is not None and operation.role in MAKING:
            self._made |= {resource.descriptor.full_name} if with_meant_status(reply).is_ok else set()
        if method is None:
            return
        items, total, both = list_field(method), self._total(method), answered(reply)
        if items is None or total is None or both is None:
            return
        request, answer = both
        count, shown = getattr(answer, total.name), len(getattr(answer, items.name))
        if count <= 0:
            return  # it may not count at all
        asked = {one.name: value for one, value in request.ListFields()}
        is_plain = len(asked) == 1 and not asked.keys().isdisjoint(SIZES) and all(size > 0 for size in asked.values())
        if shown > count and _COUNT.fullmatch(total.name):
            yield _finding(method, total, f"{total.name} of {shown} or more", f"{count}, beside {shown} {items.name}")
        elif not shown and is_plain and not goes_on(answer) and type_name(items) in self._made:
            expected = f"some of the {count} that {total.name} tells of: {next(iter(asked))} asks for some"
            yield _finding(method, total, expected, f"no {items.name}, and nothing that leads on")
        elif shown:
            yield from self._of_the_page(method, total, request, answer, shown)

    def _of_the_page(
        self, method: Method, total: FieldDescriptor, request: Any, answer: Any, shown: int
    ) -> Iterator[Finding]:
        """Compare how many there are, as a page says, with what other pages of the same list have shown."""
        comment = field_comments(self.registry).get(total.full_name, "")
        names = {str(one.name) for one in method.input.fields if not one.is_repeated and one.message_type is None}
        if names.isdisjoint((*_STARTS, *TOKENS, *_PAGES)) or _OF_PAGE.search(" ".join(comment.split())):
            return

        def asked(*known: str) -> Any:
            return next((getattr(request, name) for name in known if name in names), 0)

        start, size = asked(*_STARTS), asked(*SIZES)
        texts = frozenset(value for _, value in answer.ListFields() if isinstance(value, str | bytes) and value)
        page = _Page(
            *(getattr(answer, total.name), shown, size if isinstance(size, int) else 0),
            *(start if isinstance(start, int) else 0, asked(*TOKENS), texts),
            frozenset(bytes_of(one) for one in items_in(answer)),
        )
        rest = method.request_class()
        rest.CopyFrom(request)
        for name in names & PAGING:
            rest.ClearField(name)
        pages = self._pages.setdefault((method.path, bytes_of(rest)), [])
        pages.append(page)
        if all(one.total == one.shown for one in pages) and (more := _told_by_others(page, pages[:-1])):
            expected = f"{total.name} of {more} or more, as other pages of the same list show"
            yield replace(
                _finding(method, total, expected, f"{page.total}, just as many as are on the page"),
                key=f"total {total.name} of the page",
            )

    def _total(self, method: Method) -> FieldDescriptor | None:
        """Return the field of an answer that says how many there are; None if it has none, or that is an estimate."""
        for one in method.output.fields if only_lists(method) else ():
            is_count = one.name == "total" or _COUNT.fullmatch(one.name) is not None
            if is_count and not one.is_repeated and one.cpp_type in WHOLE:
                comment = field_comments(self.registry).get(one.full_name, "")
                return one if not _ESTIMATE.search(comment) else None
        return None


def _told_by_others(page: _Page, before: list[_Page]) -> int:
    """Return how many there are at least, if other pages have shown more than this one tells of; 0 if they haven't."""
    most = max((one.shown for one in before), default=0)
    if page.start >= page.total and most > page.total:
        return max(most, page.start + page.shown)
    led = [one for one in before if page.token and page.token in one.leads_to and not page.items & one.items]
    if led:
        return led[0].shown + page.shown
    # What is as it was before a larger page, and is it again after it, wasn't changed by somebody else meanwhile.
    for place, middle in enumerate(before):
        first = next((one for one in before[:place] if one.total == page.total and one.start == page.start), None)
        small = min(middle, page, key=lambda one: one.shown)
        if first is not None and middle.total != page.total and 0 < small.size == small.shown:
            return max(middle.total, page.total)
    return 0


def _finding(method: Method, total: FieldDescriptor, expected: str, actual: str) -> Finding:
    return Finding(
        check="pagination",
        expected=expected,
        actual=actual,
        path=total.name,
        key=f"total {total.name}",
        method=method,
        may_lag=True,
    )
