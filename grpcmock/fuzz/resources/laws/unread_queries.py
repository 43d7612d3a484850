"""Searches that don't look at what they are asked for: of texts that nothing has, each finds all that there is.

Searches by meaning always find something, in an order of their own. So nothing is said where words or fields speak of
ranks and likeness, and only of searches that show all things in one order whatever they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.generation.message_classes import bytes_of
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.resources.differences import shown
from grpcmock.fuzz.resources.laws.lists import item_of, listed, only_lists
from grpcmock.fuzz.resources.laws.searches import query_of
from grpcmock.fuzz.resources.locations import SIZES

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Method, Registry

_LIKENESS = re.compile(
    r"rank|scor|similar|suggest|recommend|semantic|relevan|fuzz|nearest|closest|distance|embedding|vector|autocomplet|likeness"
    r"|best.match|fall.?back|threshold|top_?k\b|boost|everything|all (items|of them) if",
    re.IGNORECASE,
)
_GIBBERISH = re.compile(r"[a-z]{12}")
_FEWEST = 3
"""With fewer things, a search may show by chance what is all."""


@dataclass(slots=True)
class _All:
    """What a list has shown, and what was found since by texts that nothing of it has."""

    items: list[bytes]
    found: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    """By the paths of methods, and the texts."""


@dataclass(slots=True)
class UnreadQueries:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    _lists: dict[tuple[str, str, bytes], _All] = field(default_factory=dict)
    """Since something may have been changed: by types of items, and the paths of methods with their requests."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts those before it."""
        method = reply.call.method
        if method is None or not only_lists(method):
            self._lists.clear()
            return
        item = item_of(method)
        shown_now = listed(reply) if item is not None else None
        if item is None or shown_now is None or shown_now.goes_on:
            return
        request, items = shown_now.request, [bytes_of(one) for one in shown_now.items]
        if (asked := query_of(method)) is not None:
            if _asks_for_nothing_else(request, asked.name) and not speaks_of_likeness(method, self.registry):
                self._hear_of_search(item.full_name, method, getattr(request, asked.name), items)
        elif _asks_for_nothing_else(request):
            key = (item.full_name, method.path, reply.call.messages[0])
            before, self._lists[key] = self._lists.get(key), _All(items)
            if before is not None and before.items == items and len(items) >= _FEWEST:
                yield from self._judged(method, before)

    def _hear_of_search(self, kind: str, method: Method, text: str, items: list[bytes]) -> None:
        for (other, _, _), whole in self._lists.items():
            if other == kind and _GIBBERISH.fullmatch(text) and not any(text.encode() in one for one in whole.items):
                whole.found.setdefault(method.path, {})[text] = items

    def _judged(self, listing: Method, whole: _All) -> Iterator[Finding]:
        for path, found in whole.found.items():
            answers = list(found.values())
            if len(answers) < 2 or any(items != answers[0] for items in answers):
                continue
            if sorted(answers[0]) == sorted(whole.items):
                method = self.registry.methods[path]
                asked = query_of(method)
                name = asked.name if asked is not None else ""
                yield Finding(
                    check="read_after_write",
                    expected=f"no results: nothing listed contains {' or '.join(map(shown, found))}",
                    actual=f"all {len(whole.items)} that {listing.name} returns, for each of them",
                    path=name,
                    key=f"unread {name}",
                    method=method,
                    may_lag=True,
                )


def speaks_of_likeness(method: Method, registry: Registry) -> bool:
    """Whether a search may find what doesn't have the text, as far as names and comments tell."""
    comments = field_comments(registry)
    item = item_of(method)
    fields = [*method.input.fields, *method.output.fields, *(item.fields if item is not None else ())]
    words = [method.name, method_comments(registry).get(method.full_name, "")]
    words += [one.name for one in fields] + [comments.get(one.full_name, "") for one in method.input.fields]
    return any(_LIKENESS.search(word) for word in words)


def _asks_for_nothing_else(request: Message, name: str = "") -> bool:
    return all(one.name == name or one.name in SIZES for one, _ in request.ListFields())
