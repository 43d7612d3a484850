"""The explanation of a miss: which stubs came nearest, and what each of them refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from grpcmock.matching.findings import Finding, cut
from grpcmock.matching.index import Index
from grpcmock.matching.neighbors import likely
from grpcmock.schema import codec

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.errors import Location
    from grpcmock.matching.call_context import CallContext
    from grpcmock.matching.neighbors import Candidate
    from grpcmock.schema import Method

SHOWN = 3
"""How many stubs a miss shows."""

ALL_LOOKED_AT = 64
"""Up to so many stubs, each is held against the call; of more, those that the index finds near."""

_LIKE = 0.6
"""Below this likeness, texts have some letters in common by chance."""

_MOST_MESSAGES = 5
_MOST_REFUSED = 8
_WIDEST_PATH = 40


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A stub that nearly held."""

    name: str
    location: Location | None
    matched: int
    """How many of its conditions held."""

    total: int
    refused: tuple[Finding, ...]
    exhausted: bool
    """Whether it would not have answered even if they all held."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why no stub answered a call."""

    text: str
    """All of it, in lines."""

    nearest: tuple[NearMiss, ...]
    """At most three stubs, the nearest first."""


def _is_exhausted(entry: Candidate) -> bool:
    return entry.exhausted


def explain_miss(
    indexes: Index[Any] | Sequence[Index[Any]],
    context: CallContext,
    method: Method,
    methods_with_stubs: Sequence[str] = (),
    is_exhausted: Callable[[Any], bool] = _is_exhausted,
) -> Miss:
    """Explain why no stub of *method* answered a call; the indexes hold :class:`Candidate` entries.

    *methods_with_stubs* are named if the method has none.
    """
    indexes = (indexes,) if isinstance(indexes, Index) else indexes
    total = sum(map(len, indexes))
    if not total:
        return Miss("\n".join([*_no_stubs(method, methods_with_stubs), *_call_lines(context, method)]), ())
    found = _nearest(indexes, context, is_exhausted)
    lines = [
        f"No stub matches this call of {method}.",
        *_call_lines(context, method),
        *_nearest_lines(found, total),
    ]
    return Miss("\n".join(lines), found)


def shorten(text: str, limit: int) -> str:
    """Cut a text at a line so that it takes at most *limit* bytes of UTF-8, and say that it was cut."""
    data = text.encode()
    if len(data) <= limit:
        return text
    ending = "\n… (the rest is in the log)"
    room = limit - len(ending.encode())
    if room <= 0:
        return data[: max(limit, 0)].decode(errors="ignore")
    # Up to and with its last whole line; of a first line that is too long, what fits.
    head = data[: room + 1]
    end = head.rfind(b"\n")
    return data[: end if end > 0 else room].decode(errors="ignore") + ending


# --- The nearest ------------------------------------------------------------------------------------------------------


def _nearest(
    indexes: Iterable[Index[Any]], context: CallContext, is_exhausted: Callable[[Any], bool]
) -> tuple[NearMiss, ...]:
    """Choose the stubs to show: by the share of conditions held, then by likeness of what was refused, then by rank."""
    candidates: Iterable[Candidate] = chain.from_iterable(
        index if len(index) <= ALL_LOOKED_AT else likely(index, context) for index in indexes
    )
    scored = sorted(((_score(entry, context), entry.rank, entry) for entry in candidates), key=_by_score)
    if not scored:
        return ()
    # Likeness is told from an explanation, which costs more than a score: only those are explained that may be shown.
    worst = scored[:SHOWN][-1][0]
    near = [
        (score, _near_miss(entry, context, exhausted=is_exhausted(entry)), rank)
        for score, rank, entry in scored
        if score <= worst
    ]
    near.sort(key=lambda item: (item[0], -_likeness(item[1].refused), item[2]))
    return tuple(found for _, found, _ in near[:SHOWN])


def _score(entry: Candidate, context: CallContext) -> tuple[float, int]:
    """Return what sorts the nearest first: by the share of conditions that held, then by how many didn't."""
    total = entry.conditions.count
    matched = entry.conditions.matched_count(context)
    return (-(matched / total) if total else -1.0, total - matched)


def _by_score(item: tuple[tuple[float, int], Any, Candidate]) -> tuple[tuple[float, int], Any]:
    return item[:2]


def _likeness(refused: Sequence[Finding]) -> float:
    """Say how like the actual value is to the expected, where it was refused: so that a slip of the pen is seen."""
    return max((_alike(finding.expected, finding.actual) for finding in refused[:8]), default=0.0)


def _alike(expected: str, actual: str) -> float:
    """Give the likeness of two texts: the share that they begin and end alike with; of two numbers, their nearness."""
    try:
        return 1 / (1 + abs(float(expected) - float(actual)))
    except ValueError:
        pass
    most = max(len(expected), len(actual))
    head = _common(expected, actual)
    tail = _common(expected[head:][::-1], actual[head:][::-1])
    share = (head + tail) / most if most else 0.0
    return share if share >= _LIKE else 0.0


def _common(one: str, other: str) -> int:
    """Count the characters that two texts begin alike with."""
    for count, (here, there) in enumerate(zip(one, other, strict=False)):
        if here != there:
            return count
    return min(len(one), len(other))


def _near_miss(entry: Candidate, context: CallContext, *, exhausted: bool) -> NearMiss:
    findings = entry.conditions.explain(context)
    refused = tuple(finding for finding in findings if not finding.matched)
    matched = sum(finding.count for finding in findings if finding.matched)
    stub = entry.stub
    return NearMiss(stub.name, stub.location, matched, entry.conditions.count, refused, exhausted)


# --- The text ---------------------------------------------------------------------------------------------------------


def _no_stubs(method: Method, others: Sequence[str]) -> list[str]:
    if not others:
        return [f"There are no stubs at all, so none for {method}."]
    lines = [f"There is no stub for {method}.", "Methods that have stubs:"]
    lines += [f"  {name}" for name in others[:20]]
    if len(others) > 20:
        lines.append(f"  and {len(others) - 20} more")
    return lines


def _call_lines(context: CallContext, method: Method) -> list[str]:
    messages: Sequence[Message] = context.requests if context.requests is not None else ()
    if not messages:
        if context.request is None:
            return ["Request: no message was sent."]
        first = "First request" if method.kind.client_streams else "Request"
        return [f"{first}: {codec.to_text(context.request, 1000)}"]
    lines = [f"Requests ({len(messages)}):"]
    lines += [f"  [{at}] {codec.to_text(message, 300)}" for at, message in enumerate(messages[:_MOST_MESSAGES])]
    if len(messages) > _MOST_MESSAGES:
        lines.append(f"  and {len(messages) - _MOST_MESSAGES} more")
    return lines


def _nearest_lines(found: tuple[NearMiss, ...], total: int) -> list[str]:
    heading = "The nearest stubs" if len(found) > 1 else "The nearest stub"
    lines = ["", f"{heading}, of {total}:" if total > len(found) else f"{heading}:"]
    for number, near in enumerate(found, 1):
        where = f"  {near.location}" if near.location and str(near.location) != near.name else ""
        lines.append(f"  {number}. {near.name}{where}")
        lines.append(f"     {_verdict(near)}")
        lines += refused_lines(near.refused)
    return lines


def _verdict(near: NearMiss) -> str:
    held = f"{near.matched} of {near.total} conditions held"
    if near.total == 0:
        held = "no conditions"
    elif near.total == 1:
        held = f"{near.matched} of 1 condition held"
    return f"{held}, but it is exhausted" if near.exhausted else held


def refused_lines(refused: Sequence[Finding]) -> list[str]:
    """Write conditions that were refused, one a line, their parts below each other."""
    shown = refused[:_MOST_REFUSED]
    path_width = min(max((len(finding.path) for finding in shown), default=0), _WIDEST_PATH)
    expected_width = min(max((len(finding.expected) for finding in shown), default=0), _WIDEST_PATH)
    lines = [
        f"       {one.path:<{path_width}}  expected {one.expected:<{expected_width}}  actual {cut(one.actual)}"
        for one in shown
    ]
    if len(refused) > len(shown):
        lines.append(f"       and {len(refused) - len(shown)} more conditions that were refused")
    return lines
