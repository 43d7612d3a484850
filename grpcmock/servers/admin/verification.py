"""Whether as many calls fit a pattern as should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.engine.expectation import Expectation
from grpcmock.errors import Problems
from grpcmock.servers.admin import counting
from grpcmock.servers.admin.behaviors import PAGE
from grpcmock.servers.admin.refusals import RefusedError
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.journal import Journal
    from grpcmock.servers.admin.behaviors import Behaviors, Steered


def behaviors(steered: Steered) -> Behaviors:
    """Give what counts calls."""

    def verify(request: Any, response: Any) -> None:
        if request.in_order:
            verify_order(request, response)
            return
        method = steered.method(request.method)
        expected = _expectation(request)
        problems = Problems()
        conditions = counting.read_conditions(request.match, method, steered.engine.registry, problems)
        problems.raise_errors()
        assert conditions is not None
        journal = steered.engine.journal
        session = request.session or None
        lost = journal.lost.count(method.path, session=session)
        counted = counting.count(_of_session(journal, session), method, conditions, expected, lost)
        response.satisfied = counted.satisfied
        response.matched = len(counted.matched)
        response.of_method = counted.of_method
        response.explanation = str(counted)
        response.call_ids.extend(counted.matched[:PAGE])

    def verify_order(request: Any, response: Any) -> None:
        said = {key for key in ("method", "match") if getattr(request, key)}
        said |= {key for key in ("at_least", "at_most", "exactly") if request.HasField(key)}
        if said:
            raise RefusedError(Code.INVALID_ARGUMENT, f"in_order: this can't stand beside {', '.join(sorted(said))}.")
        problems = Problems()
        patterns = []
        for pattern in request.in_order:
            method = steered.method(pattern.method)
            conditions = counting.read_conditions(pattern.match, method, steered.engine.registry, problems)
            patterns.append((method, pattern.match.strip(), conditions))
        problems.raise_errors()
        journal, session = steered.engine.journal, request.session or None
        lost = sum(journal.lost.count(path, session=session) for path in {method.path for method, _, _ in patterns})
        found = counting.in_order(_of_session(journal, session), patterns, lost)
        response.satisfied = found.satisfied
        response.matched, response.of_method = len(found.matched), found.of_methods
        response.explanation = str(found)
        response.call_ids.extend(found.matched[:PAGE])

    return {"VerifyCalls": verify}


def _of_session(journal: Journal, session: str | None) -> list[CallRecord]:
    return [call for call in journal if session is None or call.session == session]


def _expectation(request: Any) -> Expectation:
    given = {key: getattr(request, key) for key in ("at_least", "at_most", "exactly") if request.HasField(key)}
    for key, number in given.items():
        if number < 0:
            raise RefusedError(Code.INVALID_ARGUMENT, f"{key}: a number of calls can't be {number}.")
    if "exactly" in given:
        if len(given) > 1:
            raise RefusedError(Code.INVALID_ARGUMENT, "exactly: this can't stand beside at_least or at_most.")
        return Expectation(given["exactly"], given["exactly"])
    least, most = given.get("at_least", 0 if given else 1), given.get("at_most")
    if most is not None and most < least:
        raise RefusedError(Code.INVALID_ARGUMENT, f"at_most: {most} is less than at_least, {least}.")
    return Expectation(least, most)
