"""Refusals that say of a new name that it is taken: which field it stands in, and the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grpcmock.fuzz.expectations.taken_name import taken_name

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.fuzz.model.cases import Call, Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method


class TakenName(NamedTuple):
    """A request that was refused since there is something of its name."""

    way: Fields
    calls: tuple[Call, ...]
    """Those that it needs, and the one with the request."""


class TakenNames:
    """Hears of such refusals."""

    def __init__(self) -> None:
        self._found: dict[str, TakenName] = {}

    def hear(self, case: Case, result: CaseResult) -> None:
        """Take what was seen of a case."""
        if not result.replies or case.method.path in self._found or len(case.calls) != len(result.replies):
            return
        if result.last.call.method is case.method and (way := taken_name(result.last)) is not None:
            self._found[case.method.path] = TakenName(way, case.calls)

    def of(self, method: Method) -> TakenName | None:
        """Return a request of a method that was refused for its name; None if there was none."""
        return self._found.get(method.path)
