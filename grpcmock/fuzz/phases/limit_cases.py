"""Cases at the limits that a server has stated itself, or the comments in its protos: what is beyond them, what is at
them, what is just past, and for a comment what is well within.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.documented_limits import documented_limit
from grpcmock.fuzz.expectations.field_paths import Fields, is_set, path_of
from grpcmock.fuzz.expectations.field_sizes import is_number, is_text, with_size
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import set_at
from grpcmock.fuzz.model.bindings import put, value_at
from grpcmock.fuzz.model.cases import DOCUMENTED, KEPT_WORDS, OWN_WORDS, Case, Expect, Phase, call_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.expectations.stated_limits import StatedLimit
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

LARGEST = 20_000
"""A text or list isn't made larger."""

FAR = 25
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
        yield from self.refused()
        accepted = self._plan.acceptance.of(self._method)
        if accepted is None:
            return
        yield from self._at(accepted, self._limits(accepted))

    def documented(self) -> Iterator[Case]:
        """Yield those of the cases that are about what comments state, which need nothing but a request to be known."""
        if (accepted := self._plan.acceptance.of(self._method)) is not None:
            yield from self._at(accepted, self._documented(accepted))

    def _at(
        self, accepted: AcceptedRequest, limits: Iterable[tuple[str, Fields, StatedLimit, float | None]]
    ) -> Iterator[Case]:
        for rule, way, limit, beyond in limits:
            path = path_of(way)
            if path in accepted.references or path == accepted.own_id:
                continue
            for end, at, past in _ends(limit, way, is_content=_is_content(accepted, way)):
                if (f"{rule} {end}", way) not in self._made:
                    self._made.add((f"{rule} {end}", way))
                    yield from self._case(accepted, way, rule, _beyond(way, limit, beyond), end, at, past)

    def refused(self) -> Iterator[Case]:
        """Yield a case for each limit in the words of which a request was refused that keeps it: the same request with
        other sizes, within it and beyond."""
        for way, (limit, calls) in self._plan.limits.refused(self._method).items():
            if (KEPT_WORDS, way) in self._made:
                continue
            self._made.add((KEPT_WORDS, way))
            base = self._method.request_class.FromString(calls[-1].messages[0])
            if way[-1].is_repeated and not value_at(base, path_of(way)):
                value = next(self._plan.acceptance.values_of(way[-1]), None)
                if value is None or set_at(base, way, value) is None:
                    continue
            made = [one for size in _around(limit, way) if (one := _with(base, way, size)) is not None]
            data = [one.SerializePartialToString(deterministic=True) for one in made]
            if not data:
                continue
            path = ".".join(field.name for field in way)
            last = replace(call_of(self._method, b""), bindings=calls[-1].bindings, deadline=calls[-1].deadline)
            yield Case(
                id=f"boundary/{self._method.full_name}/{path}~kept",
                phase=Phase.BOUNDARY,
                method=self._method,
                calls=(*calls[:-1], *(replace(last, actions=call_of(self._method, one).actions) for one in data)),
                setup=len(calls) - 1,
                why=f"{path} within the limit that the server states, though it was refused, and beyond",
                expect=Expect.ANY,
                path=path,
                rule=KEPT_WORDS,
                targets=frozenset({"boundary_pair"}),
                shrinks_as_one=True,
            )

    def _limits(self, accepted: AcceptedRequest) -> Iterator[tuple[str, Fields, StatedLimit, float | None]]:
        for way, (limit, beyond) in self._plan.limits.of(self._method).items():
            yield OWN_WORDS, way, limit, beyond
        yield from self._documented(accepted)

    def _documented(self, accepted: AcceptedRequest) -> Iterator[tuple[str, Fields, StatedLimit, float | None]]:
        for way in _ways(accepted.fullest):
            if documented := documented_limit(way[-1], self._plan.registry):
                yield DOCUMENTED, way, documented, None

    def _case(
        self, accepted: AcceptedRequest, way: Fields, rule: str, beyond: float | None, end: str, at: int, past: int
    ) -> Iterator[Case]:
        if beyond is None:
            beyond = past + (past - at) * (abs(at) + FAR)
        sizes = (beyond, at, past, 2 * at - past) if rule == DOCUMENTED else (beyond, at, past)
        messages = [_sized(accepted, way, size) for size in sizes]
        data = [one.SerializePartialToString(deterministic=True) for one in messages if one is not None]
        if len(data) < len(messages):
            return
        path = ".".join(field.name for field in way)
        source, verb = ("documented", "the comment states") if rule == DOCUMENTED else ("stated", "the server states")
        yield limit_case(
            accepted,
            data,
            f"{path}~{source}-{end}={at}",
            salt=f"limit {end} {path}",
            why=f"{path} beyond the limit that {verb}, at it, and just past it",
            path=path,
            rule=rule,
        )


def limit_case(
    accepted: AcceptedRequest, data: list[bytes], name: str, *, salt: str, why: str, path: str, rule: str
) -> Case:
    """Return a case of requests on the sides of a limit, behind what they need; the rule says who judges it."""
    calls = accepted.calls(*data, salt=salt)
    return Case(
        id=f"boundary/{accepted.method.full_name}/{name}",
        phase=Phase.BOUNDARY,
        method=accepted.method,
        calls=calls,
        setup=len(calls) - len(data),
        why=why,
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


def _ends(limit: StatedLimit, way: Fields, *, is_content: bool) -> Iterator[tuple[str, int, int]]:
    """Yield the ends of a limit, with what is at them and just past; *is_content* says whether a list is all that a
    request brings."""
    if limit.most is not None:
        yield "most", limit.most, limit.most + 1
    # What is zero may be as good as unset, unless nothing else is asked for.
    if limit.least is not None and (limit.least - 1 or way[-1].has_presence or is_content):
        yield "least", limit.least, limit.least - 1


def _around(limit: StatedLimit, way: Fields) -> list[int]:
    """Return sizes within a limit and beyond it."""
    least, most = limit.least, limit.most
    goes_on = is_number(way[-1]) or way[-1].message_type is not None
    if least is None:
        least = 1
    if most is None:
        most = max(least, 0) + 100
    sizes = [least, (least + most) // 2, most, least + 1]
    if limit.least is not None:
        sizes += [limit.least - 1, *([limit.least - FAR] if goes_on else ())]
    if limit.most is not None:
        sizes += [limit.most + 1, limit.most + FAR]
    return [size for size in dict.fromkeys(sizes) if size <= LARGEST or goes_on]


def _beyond(way: Fields, limit: StatedLimit, seen: float | None) -> float | None:
    """Return a size beyond a limit: the one that was seen, or if that is a large text or list, or a small one, one that
    isn't far."""
    if seen is None:
        return None
    if limit.most is None or is_number(way[-1]) or not (way[-1].is_repeated or is_text(way[-1])):
        return seen
    return min(seen, limit.most + FAR) if seen > limit.most else limit.most + FAR


def _is_content(accepted: AcceptedRequest, way: Fields) -> bool:
    """Whether a list is all that a request has but for names of what is there: to send none would ask for nothing.

    Where one only reads, none may stand for all.
    """
    if only_reads(accepted.method):
        return False
    others = [field for field, _ in accepted.fullest.ListFields() if field is not way[0]]
    return len(way) == 1 and way[0].is_repeated and all((field.name,) in accepted.references for field in others)


def _sized(accepted: AcceptedRequest, way: Fields, size: float) -> Message | None:
    """Return the request with so much in a field, made of what it has there; None if that can't be."""
    if len(way) > 1 and not is_set(accepted.fullest, way[:-1]):
        return None
    return _with(accepted.fullest, way, size)


def _with(base: Message, way: Fields, size: float) -> Message | None:
    """Return a copy of a message with so much in a field, made of what it has there; None if that can't be."""
    message, path = type(base)(), path_of(way)
    message.CopyFrom(base)
    there: Any = value_at(message, path)
    is_list = way[-1].is_repeated
    if (is_list or isinstance(there, str | bytes)) and not 0 <= size <= LARGEST:
        return None
    value = with_size(way[-1], there, size)
    if value is None:
        return None
    try:
        put(message, path, value)
    except (ValueError, TypeError):
        return None
    return message
