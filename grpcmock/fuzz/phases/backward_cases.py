"""Requests that something is to end before it begins, where the names of two fields say which day or time is which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_paths import path_of, reachable
from grpcmock.fuzz.expectations.naming import range_ends
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import is_there
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import ENDS_BEFORE, Case, Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_EITHER = re.compile("arriv|depart")
"""Guests arrive before they depart, and trains after it."""


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
        for last, _ in range_ends(path[-1]):
            if _EITHER.search(path[-1]):
                continue
            end = (*path[:-1], last)
            if not (is_there(base, path) and _is_field(base, end) and is_there(base, end)):
                continue
            values: list[Any] = [value_at(base, path), value_at(base, end)]
            if not all(map(is_moment, values)) or values[0] == values[1]:
                continue
            message = accepted.fullest
            put(message, path, values[1])
            put(message, end, values[0])
            data = [one.SerializePartialToString(deterministic=True) for one in (base, message)]
            name = ".".join(path)
            calls = accepted.calls(*data, salt=f"backward {name}")
            yield Case(
                id=f"boundary/{method.full_name}/{name}>{last}",
                phase=Phase.BOUNDARY,
                method=method,
                calls=calls,
                setup=len(calls) - len(data),
                why=f"{name} is later than {last}",
                expect=Expect.ANY,
                path=name,
                rule=ENDS_BEFORE,
                shrinks_as_one=True,
            )


def _is_field(message: Any, path: tuple[Any, ...]) -> bool:
    owner = value_at(message, path[:-1])
    return path[-1] in owner.DESCRIPTOR.fields_by_name
