"""What a server has said of how much it takes: fields whose limits it states, and can be held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_paths import Fields, resolve
from grpcmock.fuzz.expectations.stated_limits import StatedLimit, has_size, size_at, stated_limit

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Case
    from grpcmock.fuzz.model.results import CaseResult
    from grpcmock.schema import Method, Registry


class Limits:
    """Hears of refusals."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, dict[Fields, tuple[StatedLimit, int]]] = {}

    def hear(self, case: Case, result: CaseResult) -> None:
        """Take what was said of a case that is about one field."""
        if not case.path or not result.replies or len(sent := result.last.call.messages) != 1:
            return
        method = result.last.call.method
        way = resolve(case.method.input, case.path) if method is case.method else None
        if not way or not has_size(way[-1]) or any(field.is_repeated for field in way[:-1]):
            return
        if (limit := stated_limit(result.last, way, self._registry)) is None:
            return
        size = size_at(case.method.request_class.FromString(sent[0]), way)
        if size is not None and not limit.holds(size):
            self._known.setdefault(case.method.path, {}).setdefault(way, (limit, size))

    def of(self, method: Method) -> dict[Fields, tuple[StatedLimit, int]]:
        """Return the limits of the fields of a method, each with a size beyond it."""
        return dict(self._known.get(method.path, {}))
