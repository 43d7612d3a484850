"""What a server has said of how much it takes: fields whose limits it states, and can be held to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.expectations.field_paths import Fields, named_in, resolve
from grpcmock.fuzz.expectations.field_sizes import has_size, longest_at, size_at
from grpcmock.fuzz.expectations.stated_limits import (
    REFUSING,
    StatedLimit,
    is_limit_alone,
    stated_item_limit,
    stated_limit,
)
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.readable import first_request

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import CaseResult, Reply
    from grpcmock.schema import Method, Registry

_MOST_REFUSED = 8
"""So many fields of a method are tried of which what keeps a limit was refused."""


_OF = re.compile(r"\b([a-z]+) of (?:an? |the )?([a-z]+)\b")
"""Of ``the size of a page`` is called what is a ``page_size``."""


class Kept(NamedTuple):
    """A request that was refused in words which it keeps."""

    limit: StatedLimit
    calls: tuple[Call, ...]
    """Those that it needs, and the one with the request."""


class Limits:
    """Hears of refusals."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, dict[Fields, tuple[StatedLimit, float]]] = {}
        self._items: dict[str, dict[Fields, tuple[StatedLimit, int]]] = {}
        self._kept: dict[str, dict[Fields, Kept]] = {}

    def hear(self, case: Case, result: CaseResult) -> None:
        """Take what was said of a request, about the field that the case is about, or the only one that is named."""
        if not result.replies or not case.calls or len(result.last.call.messages) != 1:
            return
        reply = with_meant_status(result.last)
        if reply.code not in REFUSING or reply.call.method is not case.method or reply.call.raw is not None:
            return
        way = self._about(case, reply)
        if not way or not has_size(way[-1]) or any(field.is_repeated for field in way[:-1]):
            return
        if (request := first_request(reply.call)) is None:
            return
        if (limit := stated_item_limit(reply, way, self._registry)) is not None:
            length = longest_at(request, way)
            if length is not None and not limit.holds(length):
                self._items.setdefault(case.method.path, {}).setdefault(way, (limit, length))
            return
        if (limit := stated_limit(reply, way, self._registry)) is None:
            return
        size = size_at(request, way)
        if size is not None and limit.breaks(size):
            self._known.setdefault(case.method.path, {}).setdefault(way, (limit, size))
        elif size is not None and limit.holds(size) and is_limit_alone(reply.message, way):
            kept = self._kept.setdefault(case.method.path, {})
            if way not in kept and len(kept) < _MOST_REFUSED and len(case.calls) == len(result.replies):
                last = replace(case.calls[-1], actions=reply.call.actions)
                kept[way] = Kept(limit, (*case.calls[:-1], last))

    def of(self, method: Method) -> dict[Fields, tuple[StatedLimit, float]]:
        """Return the limits of the fields of a method, each with a size beyond it."""
        return dict(self._known.get(method.path, {}))

    def of_items(self, method: Method) -> dict[Fields, tuple[StatedLimit, int]]:
        """Return the limits of the texts in lists, each with a length beyond it."""
        return dict(self._items.get(method.path, {}))

    def refused(self, method: Method) -> dict[Fields, Kept]:
        """Return the limits of fields in the words of which requests were refused that keep them."""
        return dict(self._kept.get(method.path, {}))

    def _about(self, case: Case, reply: Reply) -> Fields | None:
        if case.path:
            return resolve(case.method.input, case.path)
        words = reply.message
        named = named_in(words, case.method.input) or named_in(_OF.sub(r"\2 \1", words), case.method.input)
        named = tuple(sorted(named, key=len))
        # What stands within is meant by a message as well: the year of a date.
        return named[0] if named and all(one[: len(named[0])] == named[0] for one in named) else None
