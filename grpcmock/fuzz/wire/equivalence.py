"""Whether two sorts of calls were answered alike, apart from what changes from call to call by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.results import Termination
from grpcmock.fuzz.wire.encoding import is_map
from grpcmock.schema.codec import try_decode

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.results import Reply

_Flat = Mapping[str, str]


def difference(ours: Sequence[Reply], theirs: Sequence[Reply], response_class: type[Message]) -> tuple[str, str] | None:
    """Give what is the same in all of *ours*, the same in all of *theirs*, but not in both: in words, *theirs* first.

    Statuses are compared by code; responses field by field, as far as they decode, without unknown fields. None if
    nothing differs but what changes anyway.
    """
    if not _one(map(_end, ours)) or not _one(map(_end, theirs)):
        return None
    if _end(ours[0]) != _end(theirs[0]):
        return _told(theirs[0]), _told(ours[0])
    if ours[0].termination is not Termination.SERVER or not _one(map(_count, ours)) or not _one(map(_count, theirs)):
        return None
    if _count(ours[0]) != _count(theirs[0]):
        return f"{_count(theirs[0])} responses", f"{_count(ours[0])} responses"
    pairs = [
        tuple([_flat(reply.responses[index], response_class) for reply in group] for group in (ours, theirs))
        for index in range(_count(ours[0]))
    ]
    if len(pairs) > 1 and any(flat != group[0] for pair in pairs for group in pair for flat in group):
        return None  # it tells what was sent before, which moves on from call to call
    for index, (mine, yours) in enumerate(pairs):
        for path, expected, actual in _differing(mine, yours):
            where = f"response {index + 1}, {path}" if _count(ours[0]) > 1 else path or "the response"
            return f"{where} = {expected}", f"{where} = {actual}"
    return None


def alike(one: Reply, other: Reply) -> bool:
    """Whether two calls were answered with the same status and the same bytes."""
    return _end(one) == _end(other) and one.responses == other.responses


def _one(values: Iterable[object]) -> bool:
    return len(set(values)) == 1


def _end(reply: Reply) -> tuple[Termination, int]:
    return reply.termination, reply.code


def _told(reply: Reply) -> str:
    return reply.name if reply.termination is Termination.SERVER else f"{reply.name} ({reply.termination.value})"


def _count(reply: Reply) -> int:
    return len(reply.responses)


def _differing(ours: Sequence[_Flat], theirs: Sequence[_Flat]) -> Iterator[tuple[str, str, str]]:
    """Yield the paths whose values agree within each group, but not between them; none in lists that aren't the same
    for the same bytes, where some agree by chance."""
    paths = sorted({path for flat in (*ours, *theirs) for path in flat})
    restless = {path.partition("[")[0] for path in paths if any(_varies(path, group) for group in (ours, theirs))}
    for path in paths:
        if "[" in path and path.partition("[")[0] in restless:
            continue
        mine, yours = ({flat.get(path, "nothing") for flat in group} for group in (ours, theirs))
        if len(mine) == len(yours) == 1 and mine != yours:
            yield path, yours.pop(), mine.pop()


def _varies(path: str, group: Sequence[_Flat]) -> bool:
    return "[" in path and len({flat.get(path, "") for flat in group}) > 1


def _flat(data: bytes, response_class: type[Message]) -> _Flat:
    """Give the values of a message by their paths; bytes that don't decode stand for themselves."""
    message = try_decode(response_class, data)
    return dict(_values(message, "")) if message is not None else {"": data.hex()}


def _values(message: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if not field.is_repeated:
            yield from _value(value, path, is_message=field.message_type is not None)
        elif is_map(field):
            inner = field.message_type.fields_by_name["value"].message_type is not None
            for key in value:
                yield from _value(value[key], f"{path}[{key!r}]", is_message=inner)
        else:
            yield f"{path}.length", str(len(value))
            for index, item in enumerate(value):
                yield from _value(item, f"{path}[{index}]", is_message=field.message_type is not None)


def _value(value: Any, path: str, *, is_message: bool) -> Iterator[tuple[str, str]]:
    if is_message:
        yield path, "a message"
        yield from _values(value, f"{path}.")
    else:
        yield path, repr(value)
