"""Many boundaries in one message: if a server copes with that, it likely copes with each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.generation.message_boundaries import Boundary
    from grpcmock.fuzz.generation.minimal_messages import MinimalMessages

_MOST_ROUNDS = 24


@dataclass(frozen=True, slots=True)
class CombinedBoundaries:
    """A message, and the boundaries at which it stands."""

    message: Message
    boundaries: tuple[Boundary, ...]


def combined_boundaries(
    least: Message, boundaries: Iterable[Boundary], minimal: MinimalMessages, fits: Callable[[Message], bool]
) -> Iterator[CombinedBoundaries]:
    """Yield messages that hold the first boundary of every field, then the second of every field, and so on.

    A boundary is left for a later message where it doesn't go along with those of other fields: as arms of one oneof,
    as a message that is empty and a field in it, or as values whose message doesn't fit any more.
    """
    queues: dict[str, deque[Boundary]] = {}
    for boundary in boundaries:
        if boundary.position is not None:
            queues.setdefault(_group(boundary, least), deque()).append(boundary)
    left = list(queues.values())
    for _ in range(_MOST_ROUNDS):
        message = least
        chosen: list[Boundary] = []
        taken, left_out = [], []
        for queue in left:
            boundary = queue[0]
            candidate = _with(message, boundary, minimal)
            if any(_overlap(boundary, other) for other in chosen) or not fits(candidate):
                left_out.append(queue)
                continue
            message = candidate
            chosen.append(queue.popleft())
            taken.append(queue)
        if len(chosen) > 1:
            yield CombinedBoundaries(message, tuple(chosen))
        left = [queue for queue in (*left_out, *taken) if queue]  # who was left out comes first
        if not left or not chosen:
            return


def _with(message: Message, boundary: Boundary, minimal: MinimalMessages) -> Message:
    assert boundary.position is not None
    changed = type(message)()
    changed.CopyFrom(message)
    boundary.position.put(changed, boundary.sample, minimal)
    return changed


def _group(boundary: Boundary, message: Message) -> str:
    """Name what two boundaries can't both be about: a field, or the oneof in which it stands or lies."""
    assert boundary.position is not None
    owner: Any = boundary.position.owner(type(message)).DESCRIPTOR
    way = ""
    for field in (*boundary.position.steps, owner.fields_by_name[boundary.position.name]):
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            return f"{way}.{oneof.name}"
        way = f"{way}.{field.name}"
    return way


def _overlap(one: Boundary, other: Boundary) -> bool:
    """Whether one boundary is about a message or list in which the other one lies."""
    return _is_within(one.path, other.path) or _is_within(other.path, one.path)


def _is_within(inner: str, outer: str) -> bool:
    return inner.startswith((f"{outer}.", f"{outer}["))
