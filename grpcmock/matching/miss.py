"""The explanation of a miss: which stubs came nearest, and what each of them refused."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from grpcmock.errors import nearest as nearest_name
from grpcmock.matching.findings import ABSENT, Finding, cut
from grpcmock.matching.index import Entry, Index, Shape
from grpcmock.matching.paths import Stage
from grpcmock.schema import codec

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.errors import Location
    from grpcmock.matching.call_context import CallContext
    from grpcmock.schema import Method
    from grpcmock.stubs.model import Stub

SHOWN = 3
"""How many stubs a miss shows."""

ALL_LOOKED_AT = 64
"""Up to so many stubs, each is held against the call; of more, those that the index finds near."""

_LIKE = 0.6
"""Below this likeness, texts have some letters in common by chance."""

_BESIDE = 4
"""Entries of a shape that are looked at beside the place where the one looked for would stand. Each costs something."""

_MOST_CANDIDATES = 24
_MOST_MESSAGES = 5
_MOST_REFUSED = 8
_WIDEST_PATH = 40


class Candidate(Entry, Protocol):
    """A stub, as far as a miss tells of it."""

    @property
    def stub(self) -> Stub: ...

    @property
    def exhausted(self) -> bool:
        """Whether it has stepped aside."""


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


def explain_miss(
    index: Index[Any], context: CallContext, method: Method, methods_with_stubs: Sequence[str] = ()
) -> Miss:
    """Explain why no stub of *method* answered a call; the index holds :class:`Candidate` entries.

    *methods_with_stubs* are named if the method has none.
    """
    if not len(index):
        return Miss("\n".join([*_no_stubs(method, methods_with_stubs), *_call_lines(context, method)]), ())
    found = _nearest(index, context)
    lines = [
        f"No stub matches this call of {method}.",
        *_call_lines(context, method),
        *_nearest_lines(found, len(index)),
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


def _nearest(index: Index[Any], context: CallContext) -> tuple[NearMiss, ...]:
    """Choose the stubs to show: by the share of conditions held, then by likeness of what was refused, then by rank."""
    candidates: Iterable[Candidate] = index if len(index) <= ALL_LOOKED_AT else _candidates(index, context)
    scored = sorted([(*_score(entry, context), entry.rank, entry) for entry in candidates], key=_first_three)
    # Only where the score leaves it open is likeness looked at.
    last = [item[:2] for item in scored[:SHOWN]][-1:]
    near = [(item[:3], _near_miss(item[3], context)) for item in scored if [item[:2]] <= last]
    near.sort(key=lambda pair: (pair[0][:2], -_likeness(pair[1].refused), pair[0][2]))
    return tuple(found for _, found in near[:SHOWN])


def _score(entry: Candidate, context: CallContext) -> tuple[float, int]:
    total = entry.conditions.count
    matched = entry.conditions.matched_count(context)
    return (-(matched / total) if total else -1.0, total - matched)


def _first_three(item: tuple[float, int, Any, Candidate]) -> tuple[float, int, Any]:
    return item[:3]


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


def _near_miss(entry: Candidate, context: CallContext) -> NearMiss:
    findings = entry.conditions.explain(context)
    refused = tuple(finding for finding in findings if not finding.matched)
    matched = sum(finding.count for finding in findings if finding.matched)
    stub = entry.stub
    return NearMiss(stub.name, stub.location, matched, entry.conditions.count, refused, entry.exhausted)


# --- Of many stubs, those that may be near ----------------------------------------------------------------------------


class _Neighbors:
    """What finds the entries of one shape that have nearly the values looked for; made when a miss first asks."""

    __slots__ = ("_columns", "_keys", "shape")

    def __init__(self, shape: Shape[Any]) -> None:
        self.shape = shape
        self._columns: list[tuple[list[Any], list[Any]]] = []
        keys = shape.table if len(shape.paths) > 1 else [(key,) for key in shape.table]
        for column in range(len(shape.paths)):
            # Sorted by one value after the other, another one in the lead each time.
            turned = [(_sortable(key, column), key) for key in keys]
            turned.sort(key=_first)
            self._columns.append(([lead for lead, _ in turned], [key for _, key in turned]))

    def near(self, context: CallContext) -> Iterator[Any]:
        """Yield entries near the call, or lists of them."""
        values = []
        for path in self.shape.paths:
            value = path.get(context)
            if path.many:
                value = next(iter(value), ABSENT)
            values.append(value)
        single = len(values) == 1
        for column, (leads, keys) in enumerate(self._columns):
            at = bisect_left(leads, _sortable(tuple(values), column)) - _BESIDE // 2
            begin = max(min(at, len(keys) - _BESIDE), 0)
            for key in keys[begin : begin + _BESIDE]:
                yield self.shape.table[key[0] if single else key]


def _sortable(key: tuple[Any, ...], column: int) -> tuple[tuple[str, Any], ...]:
    """Give a form of a key that sorts whatever stands in it, the value of one column first."""
    turned = (key[column], *key[:column], *key[column + 1 :])
    return tuple([_with_type(value) for value in turned])


def _with_type(value: Any) -> tuple[str, Any]:
    if isinstance(value, (bool, int, float)):
        return ("number", value if value == value else float("-inf"))
    if isinstance(value, (str, bytes)):
        return (type(value).__name__, value)
    return ("other", repr(value))


def _first(item: tuple[Any, ...]) -> Any:
    return item[0]


_NEIGHBORS: WeakKeyDictionary[Index[Any], tuple[int, dict[int, _Neighbors]]] = WeakKeyDictionary()


def _candidates(index: Index[Any], context: CallContext) -> list[Candidate]:
    """Give a bounded number of stubs, those that hold what the index can look up among them."""
    version, neighbors = _NEIGHBORS.get(index, (-1, {}))
    if version != index.version:
        neighbors = {}
        _NEIGHBORS[index] = (index.version, neighbors)
    found: dict[int, Candidate] = {}

    def take(buckets: Iterable[Any], most: int) -> None:
        for bucket in buckets:
            for entry in bucket[:most] if type(bucket) is list else (bucket,):
                found[id(entry)] = entry
            if len(found) >= _MOST_CANDIDATES:
                return

    reached = Stage.ALL if context.requests is not None or context.half_closed else Stage.FIRST
    known = [shape for shape in index.shapes if shape.stage <= reached]
    for shape in known:
        take(_found(shape, context), 4)
    for shape in known[:_MOST_CANDIDATES]:
        if shape.paths:
            near = neighbors.get(id(shape))
            if near is None:
                near = neighbors[id(shape)] = _Neighbors(shape)
            take(near.near(context), 1)
    return list(found.values())


def _found(shape: Shape[Any], context: CallContext) -> list[Any]:
    if shape.get is None:
        return shape.find(context)
    bucket = shape.table.get(shape.get(context))
    return [] if bucket is None else [bucket]


# --- The text ---------------------------------------------------------------------------------------------------------


def _no_stubs(method: Method, others: Sequence[str]) -> list[str]:
    if not others:
        return [f"There are no stubs at all, so none for {method}."]
    likest = nearest_name(str(method), others)
    hint = f" Did you mean {likest}?" if likest else ""
    lines = [f"There is no stub for {method}.{hint}", "Methods that have stubs:"]
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
