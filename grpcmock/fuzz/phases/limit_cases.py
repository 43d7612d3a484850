"""Cases at the limits that a server has stated itself, or the comments in its protos: what is beyond them, what is at
them, what is just past, and for a comment what is well within.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.documented_limits import documented_limit
from grpcmock.fuzz.expectations.field_paths import Fields, is_set
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import DOCUMENTED, OWN_WORDS, Case, Expect, Phase

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.stated_limits import StatedLimit
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_LARGEST = 20_000
"""A text or list isn't made larger."""

_FAR = 25
"""Twice a limit, and so much more, is far beyond it."""


class LimitCases:
    """Makes the cases of one method, as its limits become known."""

    def __init__(self, method: Method, plan: Plan) -> None:
        self._method = method
        self._plan = plan
        self._made: set[tuple[str, Fields]] = set()

    def cases(self) -> Iterator[Case]:
        """Yield a case for each end of each limit that is new: what is far beyond it, so that the server refuses it,
        then both sides."""
        accepted = self._plan.acceptance.of(self._method)
        if accepted is None:
            return
        for rule, way, limit, beyond in self._limits(accepted):
            path = tuple(field.name for field in way)
            if (rule, way) not in self._made and path not in accepted.references and path != accepted.own_id:
                self._made.add((rule, way))
                for end in _ends(limit, way):
                    yield from self._case(accepted, way, rule, _beyond(way, limit, beyond), *end)

    def _limits(self, accepted: AcceptedRequest) -> Iterator[tuple[str, Fields, StatedLimit, int | None]]:
        for way, (limit, beyond) in self._plan.limits.of(self._method).items():
            yield OWN_WORDS, way, limit, beyond
        for way in _ways(accepted.fullest):
            if documented := documented_limit(way[-1], self._plan.registry):
                yield DOCUMENTED, way, documented, None

    def _case(
        self, accepted: AcceptedRequest, way: Fields, rule: str, beyond: int | None, end: str, at: int, past: int
    ) -> Iterator[Case]:
        if beyond is None:
            beyond = past + (past - at) * (abs(at) + _FAR)
        sizes = (beyond, at, past, 2 * at - past) if rule == DOCUMENTED else (beyond, at, past)
        messages = [_sized(accepted, way, size) for size in sizes]
        data = [one.SerializePartialToString(deterministic=True) for one in messages if one is not None]
        if len(data) < len(messages):
            return
        path = ".".join(field.name for field in way)
        calls = accepted.calls(*data, salt=f"limit {end} {path}")
        source, verb = ("documented", "the comment states") if rule == DOCUMENTED else ("stated", "the server states")
        yield Case(
            id=f"boundary/{self._method.full_name}/{path}~{source}-{end}={at}",
            phase=Phase.BOUNDARY,
            method=self._method,
            calls=calls,
            setup=len(calls) - len(data),
            why=f"{path} beyond the limit that {verb}, at it, and just past it",
            expect=Expect.ANY,
            path=path,
            rule=rule,
            targets=frozenset({"boundary_pair"}),
            shrinks_as_one=True,
        )


def _ways(message: Message, above: Fields = ()) -> Iterator[Fields]:
    """Yield the ways to all fields that are set, but for those within lists."""
    for field, value in message.ListFields():
        yield (*above, field)
        if field.message_type is not None and not field.is_repeated:
            yield from _ways(value, (*above, field))


def _ends(limit: StatedLimit, way: Fields) -> Iterator[tuple[str, int, int]]:
    if limit.most is not None:
        yield "most", limit.most, limit.most + 1
    if limit.least is not None and (limit.least - 1 or way[-1].has_presence):  # what is zero may be as good as unset
        yield "least", limit.least, limit.least - 1


def _beyond(way: Fields, limit: StatedLimit, seen: int | None) -> int | None:
    """Return a size beyond a limit: the one that was seen, or if that is a large text or list, a smaller one."""
    if seen is None:
        return None
    is_number = not way[-1].is_repeated and way[-1].cpp_type != way[-1].CPPTYPE_STRING
    return seen if is_number or limit.most is None else min(seen, limit.most + _FAR)


def _sized(accepted: AcceptedRequest, way: Fields, size: int) -> Message | None:
    """Return the request with so much in a field, made of what it has there; None if that can't be."""
    message, path = accepted.fullest, tuple(field.name for field in way)
    if len(way) > 1 and not is_set(message, way[:-1]):
        return None
    there: Any = value_at(message, path)
    value: Any = size
    if way[-1].is_repeated or isinstance(there, str | bytes):
        if not 0 <= size <= _LARGEST:
            return None
        value = _stretched(list(there) if way[-1].is_repeated else there or _letters(there), size)
        if value is None:
            return None
    try:
        put(message, path, value)
    except (ValueError, TypeError):
        return None
    return message


def _letters(empty: str | bytes) -> str | bytes:
    return "a" if isinstance(empty, str) else b"a"


def _stretched(value: Any, size: int) -> Any:
    """Return a text or list of this size, made of what is in it; None if nothing is."""
    return (value * (size // len(value) + 1))[:size] if value else None
