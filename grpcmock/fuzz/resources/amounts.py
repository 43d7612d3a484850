"""What messages say in numbers that can be added up: sums of money, stock, credits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import WHOLE

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.schema import Method

_AMOUNT = re.compile(
    r"(.*_)?(balance|amount|cents|credits?|stock|quantity|funds|points|available|value|sum)(_(cents|units|minor|micros))?"
)
_BALANCE = re.compile(
    r"((account|current|available|on_hand)_)?(balance|stock|quantity|funds|credits|points|cents)"
    r"(_(cents|units|minor|micros))?"
)
_FROM = re.compile(r"(from|source|payer|sender|debtor|debit|origin)(_.*)?")
_TO = re.compile(r"(to|target|dest|destination|payee|receiver|recipient|beneficiary|creditor|credit)(_.*)?")
_MOVING = re.compile(r"(Transfer|Move|Send|Pay|Remit)(?=[A-Z]|$)")

_NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Move:
    """The fields of a request by which something goes from one to another."""

    source: FieldDescriptor
    target: FieldDescriptor
    amount: FieldDescriptor


def move_of(method: Method) -> Move | None:
    """Return what a method moves from where to where; None if it doesn't say so."""
    if not _MOVING.match(method.name):
        return None
    keys = [one for one in method.input.fields if not one.is_repeated and one.message_type is None]
    source = next((one for one in keys if _FROM.fullmatch(one.name)), None)
    target = next((one for one in keys if _TO.fullmatch(one.name)), None)
    amount = next((one for one in method.input.fields if not one.is_repeated and is_amount(one)), None)
    if source is None or target is None or amount is None or source.type != target.type:
        return None
    return Move(source, target, amount)


def is_amount(field: FieldDescriptor) -> bool:
    """Whether a field holds an amount: money, or a whole number that is called so."""
    if field.message_type is not None:
        return _is_money(field.message_type)
    return field.cpp_type in WHOLE and _AMOUNT.fullmatch(field.name) is not None


def is_balance(name: str) -> bool:
    """Whether a field is called as what there is of something."""
    return _BALANCE.fullmatch(name) is not None


def amount_in(message: Message, field: FieldDescriptor) -> int:
    """Return the amount in a field, of money in thousand-millionths."""
    value: Any = getattr(message, field.name)
    return value.units * _NANOS + value.nanos if field.message_type is not None else int(value)


def amounts_in(message: Message, way: Path = (), depth: int = 2) -> Iterator[tuple[Path, int]]:
    """Yield the amounts in a message and in those inside it, lists left out; those that are zero as well."""
    descriptor: Any = message.DESCRIPTOR
    for field in descriptor.fields:
        if field.is_repeated:
            continue
        if is_amount(field):
            yield (*way, field.name), amount_in(message, field)
        elif field.message_type is not None and depth and message.HasField(field.name):
            yield from amounts_in(getattr(message, field.name), (*way, field.name), depth - 1)


def _is_money(descriptor: Any) -> bool:
    names = descriptor.fields_by_name
    return all(name in names and names[name].cpp_type in WHOLE for name in ("units", "nanos"))
