"""Requests that something is to end before it begins, where the names of two fields say which day or time is which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable
from grpcmock.fuzz.expectations.range_ends import ends_of
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import is_there
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import ENDS_BEFORE
from grpcmock.fuzz.phases.comment_cases import case_of

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a request that the server takes, and the same one with both ends of a range exchanged. What is asked of a
    list may well be nothing; what is made can't end before it begins."""
    accepted = plan.acceptance.first.get(method.path)
    if accepted is None or only_reads(method) or method.kind.client_streams:
        return
    base = accepted.fullest
    for way in reachable(method.input):
        path = path_of(way)
        if any(field.is_repeated for field in way) or path in accepted.references:
            continue
        for last in ends_of(way[-1], plan.registry):
            end = (*path[:-1], last.name)
            if not (is_there(base, path) and is_there(base, end)):
                continue
            values: list[Any] = [value_at(base, path), value_at(base, end)]
            if not all(map(is_moment, values)) or values[0] == values[1]:
                continue
            message = accepted.fullest
            put(message, path, values[1])
            put(message, end, values[0])
            why, label = f"is later than {last.name}", f"later-than-{last.name}"
            yield case_of(accepted, way, [base, message], label=label, rule=ENDS_BEFORE, why=why)
