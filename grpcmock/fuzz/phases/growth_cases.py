"""Requests and streams that double from call to call, so that the time can be compared with their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.model.cases import Call, Case, Measure, Phase, call_of
from grpcmock.fuzz.resources.contents import owners

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_SIZES = (625, 1250, 2500, 5000, 10_000)
"""Characters of texts that grow."""

_COUNTS = (125, 250, 500, 1000, 2000)
"""Items of lists that grow."""

_LENGTHS = (128, 256, 512, 1024)
"""Messages of streams that grow."""

_PART = 1000
"""Bytes of a part of what is uploaded."""

_LONG = 3.0
"""Seconds that the longest of these may take."""

_MOST = 12
_DEEPEST = 2


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield requests in which one part doubles from call to call, so that the time can be compared with the size; last,
    streams of requests that do."""
    accepted = plan.acceptance.of(method)
    behind = accepted if accepted is not None and accepted.needs else None
    for path, sizes in islice(_growable(method.input, plan.generators.of(method.input).least), _MOST):
        base = behind.message if behind is not None else method.request_class.FromString(plan.simplest(method))
        if behind is not None and (path in behind.references or not _may_grow(base, path)):
            continue  # what another call has made is put there
        requests = [_grown(base, path, size) for size in sizes]
        name = ".".join(path)
        calls = tuple(call_of(method, request) for request in requests)
        if behind is not None:
            calls = behind.calls(*requests, salt=f"growing {name}")
        why = f"{name} of {sizes[0]}, then twice as much, up to {sizes[-1]}"
        yield replace(_growth(method, name, why, calls), path=name, setup=len(calls) - len(sizes))
    if method.kind.client_streams and behind is None:
        streams = (_stream(method, plan, count) for count in _LENGTHS)
        calls = tuple(replace(call_of(method, *messages), deadline=_LONG) for messages in streams)
        why = f"a stream of {_LENGTHS[0]} messages, then of twice as many, up to {_LENGTHS[-1]}"
        yield _growth(method, "stream", why, calls)


def _stream(method: Method, plan: Plan, count: int) -> list[bytes]:
    """Return the messages of a stream that the server takes, with parts of a usual size where something is uploaded."""
    messages: list[Any] = [method.request_class.FromString(data) for data in plan.simplest_stream(method, count)]
    for owner in (owner for message in messages for owner in owners(message)):
        for field, _ in owner.ListFields():
            if field.type == FieldDescriptor.TYPE_BYTES and not field.is_repeated:
                setattr(owner, field.name, bytes(_PART))
    return [message.SerializePartialToString(deterministic=True) for message in plan.acceptance.agreed(*messages)]


def _growth(method: Method, name: str, why: str, calls: tuple[Call, ...]) -> Case:
    return Case(
        id=f"boundary/{method.full_name}/growing-{name}",
        phase=Phase.BOUNDARY,
        method=method,
        calls=calls,
        why=why,
        targets=frozenset({"slow_input"}),
        measures=frozenset({Measure.GROWTH}),
        shrinks_as_one=True,
        repeat=3,
    )


def _growable(descriptor: Descriptor, message: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the ways to texts and lists, in the message itself and in those that stand in it."""
    for field in descriptor.fields:
        path = (*way, field.name)
        if field.message_type is None:
            if field.is_repeated:
                yield path, _COUNTS
            elif field.type in (field.TYPE_STRING, field.TYPE_BYTES):
                yield path, _SIZES
        elif len(way) < _DEEPEST and _is_inside(field, message):
            yield from _growable(field.message_type, getattr(message, field.name), path)


def _is_inside(field: FieldDescriptor, message: Any) -> bool:
    """Whether a field holds a message, of a type that isn't well known."""
    if field.is_repeated or field.message_type is None or not message.HasField(field.name):
        return False
    return not field.message_type.full_name.startswith("google.protobuf.")


def _may_grow(message: Message, path: tuple[str, ...]) -> bool:
    """Whether a part of a request stands in a message that is there."""
    place: Any = message
    for step in path[:-1]:
        if not place.HasField(step):
            return False
        place = getattr(place, step)
    return True


def _grown(base: Message, path: tuple[str, ...], size: int) -> bytes:
    message = type(base)()
    message.CopyFrom(base)
    *way, name = path
    place: Any = message
    for step in way:
        place = getattr(place, step)
    field = place.DESCRIPTOR.fields_by_name[name]
    if field.type == field.TYPE_STRING:
        one: Any = "a"
    else:
        one = b"a" if field.type == field.TYPE_BYTES else field.default_value or 0
    if not field.is_repeated:
        setattr(place, name, one * size)
    else:
        del getattr(place, name)[:]
        getattr(place, name).extend([type(one)(one)] * size)
    return message.SerializePartialToString(deterministic=True)
