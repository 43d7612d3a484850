"""How many there are, as a list says itself: no less than it shows, and not some where a page of them is empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.roles import MAKING
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.resources.fields import type_name
from grpcmock.fuzz.resources.laws.selections import goes_on, list_field, only_lists
from grpcmock.fuzz.resources.locations import SIZES

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.fuzz.resources.resource import Resources
    from grpcmock.schema import Method, Registry

_COUNT = re.compile(r"total_(count|size|items|results|elements|entries|records|rows|hits)")
"""These count things; what is a ``total`` alone may be a sum of money."""

_ESTIMATE = re.compile(r"estimat|approx|about|roughly|lower bound|at least", re.IGNORECASE)


@dataclass(slots=True)
class Totals:
    """Hears of the calls of a case, one after the other."""

    registry: Registry
    resources: Resources
    _made: set[str] = field(default_factory=set)
    """The types of what was made, so that there is some of it whatever there was before."""

    def take(self, reply: Reply) -> Iterator[Finding]:
        """Hear of one more call. Yields what contradicts itself."""
        method = reply.call.method
        resource, operation = self.resources.by_path.get(reply.call.path, (None, None))
        if resource is not None and operation is not None and operation.role in MAKING:
            self._made |= {resource.descriptor.full_name} if with_meant_status(reply).is_ok else set()
        if method is None or reply.call.raw is not None or len(reply.call.messages) != 1 or len(reply.responses) != 1:
            return
        items, total = list_field(method), self._total(method)
        if items is None or total is None or not with_meant_status(reply).is_ok:
            return
        try:
            request: Any = method.request_class.FromString(reply.call.messages[0])
            answer: Any = method.response_class.FromString(reply.responses[0])
        except (DecodeError, RuntimeError):
            return
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

    def _total(self, method: Method) -> FieldDescriptor | None:
        """Return the field of an answer that says how many there are; None if it has none, or that is an estimate."""
        for one in method.output.fields if only_lists(method) else ():
            is_count = one.name == "total" or _COUNT.fullmatch(one.name) is not None
            if is_count and not one.is_repeated and one.cpp_type in _whole(one):
                comment = field_comments(self.registry).get(one.full_name, "")
                return one if not _ESTIMATE.search(comment) else None
        return None


def _whole(one: FieldDescriptor) -> tuple[int, ...]:
    return (one.CPPTYPE_INT32, one.CPPTYPE_INT64, one.CPPTYPE_UINT32, one.CPPTYPE_UINT64)


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
