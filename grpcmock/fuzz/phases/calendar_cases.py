"""Days that look right and are in no calendar, and the one that not every year has, where a request says a day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import path_of, reachable, values_at
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.learning.moments import is_moment
from grpcmock.fuzz.model.cases import Case, Expect, Phase

if TYPE_CHECKING:
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_DAYS = {
    "2023-02-29": "is a day that the year doesn't have",
    "2024-02-29": "is a day that not every year has",
    "2024-13-01": "is in a month that there isn't",
    "0000-00-00": "is a day of nothing but zeros",
    "9999-12-31": "is the last day that many libraries know",
}
_DAY = re.compile(r"^\d{4}-\d\d-\d\d")
_MOST = 20


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield a request that the server takes with each of some days in each text that is a day or begins with one. What
    the server says of them is up to it, but it has to say something."""
    return islice(_cases(method, plan), _MOST)


def _cases(method: Method, plan: Plan) -> Iterator[Case]:
    accepted = plan.acceptance.first.get(method.path)
    for way in reachable(method.input) if accepted is not None else ():
        assert accepted is not None
        there = next(values_at(accepted.message_with(way), way), None)
        if not isinstance(there, str) or not is_moment(there):
            continue
        for day, what in _DAYS.items():
            message, path = accepted.message_with(way), ".".join(path_of(way))
            if set_at(message, way, _DAY.sub(day, there)) is None:
                continue
            data = message.SerializePartialToString(deterministic=True)
            calls = accepted.calls(data, salt=f"{path} {day}")
            yield Case(
                id=f"boundary/{method.full_name}/{path}={day}",
                phase=Phase.BOUNDARY,
                method=method,
                calls=calls,
                setup=len(calls) - 1,
                why=f"{path} {what}",
                expect=Expect.ANY,
                path=path,
            )
