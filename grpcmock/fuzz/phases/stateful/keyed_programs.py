"""Programs on what is kept under keys, where nothing tells of a resource: given, shown, given anew, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.learning.accepted_requests import made_before, varied
from grpcmock.fuzz.model.cases import Call, Case, Phase, call_of
from grpcmock.fuzz.phases.stateful.call_sequence import TARGETS
from grpcmock.fuzz.resources.laws.echoes import DELETING, is_key_of, keys_in, values_in

if TYPE_CHECKING:
    from grpcmock.fuzz.learning.accepted_requests import AcceptedRequest
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_READERS = 3
_LENGTHS = (5, 9, 300)
"""Of the values: short ones show that what is given is shown at all."""


def cases(method: Method, plan: Plan, without: frozenset[str]) -> Iterator[Case]:
    """Yield the programs of a method that keeps something; those *without* have programs as resources."""
    giving = plan.acceptance.first.get(method.path)
    if giving is None or only_reads(method) or DELETING.match(method.name) or method.kind.client_streams:
        return
    others = [one for one in plan.acceptance.first.values() if one is not giving and one.method.path not in without]
    for key in keys_in(method.input):
        values = values_in(method.input)
        if (key.name,) in {need.target for need in giving.needs}:
            continue
        related = [one for one in others if is_key_of(key, one.method) and one.method.service == method.service]
        readers = [one for one in related if only_reads(one.method) and not one.method.kind.client_streams]
        deleting = next((one for one in related if DELETING.match(one.method.name)), None)
        if not values and deleting is None:
            continue
        for reader in readers[:_MOST_READERS]:
            yield _program(giving, reader, deleting, key, values, plan)


def _program(
    giving: AcceptedRequest,
    reader: AcceptedRequest,
    deleting: AcceptedRequest | None,
    key: FieldDescriptor,
    values: list[FieldDescriptor],
    plan: Plan,
) -> Case:
    method, calls = giving.method, list[Call]()
    name = f"keyed-{key.name}-{reader.method.name}"

    def add(request: AcceptedRequest, own: Any, length: int = 0) -> None:
        message = request.message
        setattr(message, key.name, own)
        for one in values if length else ():
            text = varied("a" * 12, name) * (length // 12 + 1)
            is_text = one.type == FieldDescriptor.TYPE_STRING
            setattr(message, one.name, text[:length] if is_text else text[:length].encode("ascii"))
        bindings = made_before(request, calls, f"{method.full_name} {name}")
        calls.append(
            replace(call_of(request.method, message.SerializePartialToString(deterministic=True)), bindings=bindings)
        )

    start = getattr(giving.message, key.name) or _start(key)
    keys = [varied(start, f"{plan.seed} {method.full_name} {name} {number}") for number in range(len(_LENGTHS))]
    for own, length in zip(keys, _LENGTHS, strict=True):
        add(giving, own, length)
        add(reader, own)
    if deleting is not None:
        add(deleting, keys[0])
        add(reader, keys[0])
        add(giving, keys[0], _LENGTHS[0])
        add(reader, keys[0])
        for own in keys:
            add(deleting, own)
    return Case(
        id=f"stateful/{method.full_name}/{name}",
        phase=Phase.STATEFUL,
        method=method,
        calls=tuple(calls),
        why=f"what is given under a {key.name} is what {reader.method.name} shows, until it is deleted",
        targets=TARGETS,
    )


def _start(key: FieldDescriptor) -> Any:
    if key.type == FieldDescriptor.TYPE_STRING:
        return "abcdefgh"
    return b"abcdefgh" if key.type == FieldDescriptor.TYPE_BYTES else 1_000
