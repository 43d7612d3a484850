"""Names that nobody has: a method that says of each of them that it is taken looks the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of
from grpcmock.fuzz.expectations.taken_name import taken_name
from grpcmock.fuzz.model.bindings import value_at
from grpcmock.fuzz.model.cases import NEW_NAMES
from grpcmock.fuzz.model.findings import Finding
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.wording import said

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult

_ENOUGH = 3
"""So many names, all of them taken, are no chance."""


def taken_though_new(case: Case, result: CaseResult) -> Iterator[Finding]:
    """Yield what is wrong if each of several names, of which none was used before, is said to be taken."""
    replies = result.replies[case.setup :] if case.rule == NEW_NAMES else ()
    ways = {taken_name(reply) for reply in replies}
    if len(ways) != 1 or (way := ways.pop()) is None:
        return
    path = path_of(way)
    names = {
        value_at(case.method.request_class.FromString(reply.call.messages[0]), path): None
        for reply in replies
        if reply.call.method is case.method
    }
    if len(names) < _ENOUGH:
        return
    last = with_meant_status(replies[-1])
    yield Finding(
        check="duplicate_create",
        expected=f"anything but ALREADY_EXISTS for {', '.join(map(repr, names))}, which nobody has made",
        actual=f"{said(last)}, for each of them",
        path=".".join(path),
        key="new names",
    )
