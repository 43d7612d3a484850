"""Programs on calls that do what several other calls do: where one part is refused, none of the others was done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_paths import Fields, reachable
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import varied
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import TARGETS
from grpcmock.fuzz.resources.laws.echoes import is_key_of, keys_in
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_AS_ONE = re.compile(r"(Txn|Transact\w*|Batch\w*|Bulk\w*|Multi\w*|Atomic\w*|Apply\w*|Commit)(?=[A-Z]|$)")
"""Calls that are done as a whole, or not at all (AIP-231)."""

_DOUBTFUL = 6
_MISSING = 900_000_001


def cases(method: Method, plan: Plan) -> Iterator[Case]:
    """Yield the programs of a method whose requests hold those of other methods."""
    if method.kind is not MethodKind.UNARY or not _AS_ONE.match(method.name):
        return
    requests = [one for one in plan.acceptance.first.values() if not one.needs and not only_reads(one.method)]
    for way in reachable(method.input):
        part = next((one for one in requests if one.method.input is way[-1].message_type), None)
        place = next((number for number, field in enumerate(way) if field.is_repeated), None)
        if part is None or place is None or any(field.is_repeated for field in way[place + 1 :]):
            continue
        for key in keys_in(part.method.input):
            for reader in plan.acceptance.first.values():
                fits = only_reads(reader.method) and reader.method.kind is MethodKind.UNARY and not reader.needs
                if fits and is_key_of(key, reader.method) and any(True for _ in _doubtful(part, key)):
                    yield _program(method, way[: place + 1], way[place + 1 :], part, key, reader, plan)


def _program(
    method: Method,
    way: Fields,
    inner: Fields,
    part: AcceptedRequest,
    key: FieldDescriptor,
    reader: AcceptedRequest,
    plan: Plan,
) -> Case:
    """Send a good part and a doubtful one together, and look before and after whether the good one was done."""
    name = f"{'.'.join(field.name for field in (*way, *inner))}-{reader.method.name}"
    calls = list[Call]()
    for number, doubtful in enumerate(islice(_doubtful(part, key), _DOUBTFUL)):
        own = varied(getattr(part.message, key.name) or _start(key), f"{plan.seed} {method.full_name} {name} {number}")
        good = part.message
        setattr(good, key.name, own)
        setattr(doubtful, key.name, varied(own, "doubtful"))
        looking = reader.message
        setattr(looking, key.name, own)
        look = call_of(reader.method, looking.SerializePartialToString(deterministic=True))
        whole = _together(method, way, inner, (good, doubtful))
        calls += [look, look, call_of(method, whole.SerializePartialToString(deterministic=True)), look, look]
    return Case(
        id=f"stateful/{method.full_name}/{name}",
        phase=Phase.STATEFUL,
        method=method,
        calls=tuple(calls),
        why="several at once, of which one may be refused: then none is done",
        targets=TARGETS,
    )


def _doubtful(part: AcceptedRequest, key: FieldDescriptor) -> Iterator[Any]:
    """Yield the request of a part with a number in each of its fields that nothing has, and with each text left out."""
    for field in part.method.input.fields:
        if field.is_repeated or field.name == key.name or field.message_type is not None:
            continue
        message: Any = part.message
        if field.cpp_type in WHOLE:
            setattr(message, field.name, _MISSING)
        elif getattr(message, field.name):
            message.ClearField(field.name)
        else:
            continue
        yield message


def _together(method: Method, way: Fields, inner: Fields, parts: tuple[Message, ...]) -> Message:
    request = method.request_class()
    place: Any = request
    for field in way[:-1]:
        place = getattr(place, field.name)
    for part in parts:
        item = getattr(place, way[-1].name).add()
        for field in inner:
            item = getattr(item, field.name)
        item.CopyFrom(part)
    return request


def _start(key: FieldDescriptor) -> Any:
    if key.type == FieldDescriptor.TYPE_STRING:
        return "abcdefgh"
    return b"abcdefgh" if key.type == FieldDescriptor.TYPE_BYTES else 1_000
