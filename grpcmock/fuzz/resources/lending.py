"""Methods that lend what others put: by their types and names.

One gives items with a receipt each, another takes the receipts back, and a third puts what the items hold: queues,
subscriptions, jobs for workers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Method, Registry

_RECEIPT = re.compile(
    r"(ack|receipt|delivery|lease|lock|claim|reservation)_?(id|handle|token|tag|key)|receipt|delivery_tag"
)
_RETURNING = re.compile(r"(Ack|Acknowledge|Complete|Confirm|Delete|Remove|Done|Finish|Settle|Commit)(?=[A-Z]|$)")
_BODY = re.compile(r"content|data|body|text|payload|message|value|title|description")
_KINDS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


@dataclass(frozen=True, slots=True)
class Lending:
    """Methods that belong together, and the fields by which they do."""

    giving: Method
    """``Pull``: it lends what waits."""

    items: FieldDescriptor
    """Of its answer: what it lends."""

    receipt: FieldDescriptor
    """Of an item: by what it is given back."""

    payload: FieldDescriptor
    """Of an item: what was put."""

    queue: FieldDescriptor
    """Of the request: from where."""

    returning: Method
    """``Acknowledge``: what is given back by it is done."""

    receipts: FieldDescriptor
    """Of its request."""

    putting: tuple[tuple[Method, FieldDescriptor], ...]
    """``Publish``: methods with what is put in their requests."""


@lru_cache(16)
def lendings(registry: Registry) -> tuple[Lending, ...]:
    """Return all methods of a contract that lend something."""
    methods = tuple(registry.methods.values())
    return tuple(found for method in methods if (found := _lending(method, methods)) is not None)


def _lending(method: Method, methods: tuple[Method, ...]) -> Lending | None:
    if method.kind is not MethodKind.UNARY or _RETURNING.match(method.name):
        return None
    queue = next((one for one in method.input.fields if one.type in _KINDS and not one.is_repeated), None)
    for items in method.output.fields:
        if items.message_type is None or not items.is_repeated or queue is None:
            continue
        for receipt, payload in _parts(items.message_type):
            returning = next(_returned(method, receipt, queue, methods), None)
            putting = tuple(_put(payload, methods))
            if returning is not None and putting:
                return Lending(method, items, receipt, payload, queue, *returning, putting)
    return None


def _parts(item: Descriptor) -> Iterator[tuple[FieldDescriptor, FieldDescriptor]]:
    receipts = [one for one in item.fields if one.type in _KINDS and _RECEIPT.fullmatch(one.name)]
    payloads = [
        one
        for one in item.fields
        if one.message_type is not None and not one.is_repeated and body_of(one.message_type) is not None
    ]
    yield from ((receipt, payload) for receipt in receipts[:1] for payload in payloads[:1])


def body_of(descriptor: Descriptor) -> FieldDescriptor | None:
    """Return the field that holds what something says: its bytes, else a text that is called so."""
    single = [one for one in descriptor.fields if not one.is_repeated and one.type in _KINDS]
    own = [one for one in single if one.type == FieldDescriptor.TYPE_BYTES]
    return next((one for one in own or single if own or _BODY.fullmatch(one.name)), None)


def _returned(
    giving: Method, receipt: FieldDescriptor, queue: FieldDescriptor, methods: tuple[Method, ...]
) -> Iterator[tuple[Method, FieldDescriptor]]:
    for method in methods:
        if method.kind is MethodKind.UNARY and method.service == giving.service and _RETURNING.match(method.name):
            other = method.input.fields_by_name.get(queue.name)
            for field in method.input.fields:
                named = field.name in (receipt.name, f"{receipt.name}s", f"{receipt.name}_list")
                if named and field.type == receipt.type and other is not None and other.type == queue.type:
                    yield method, field


def _put(payload: FieldDescriptor, methods: tuple[Method, ...]) -> Iterator[tuple[Method, FieldDescriptor]]:
    """Yield the methods that take what is lent later, those first that take several at once."""
    for method in methods:
        for field in method.input.fields:
            if field.message_type is payload.message_type and method.kind is MethodKind.UNARY:
                yield method, field
