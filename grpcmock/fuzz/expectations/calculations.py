"""Methods that only calculate, and by whose names it is known what must come out: prices, parts, conversions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_sizes import is_whole
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.schema.method import MethodKind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Method

_PRICING = re.compile(r"(?:[A-Z]\w*)?(?:Price|Quote|Cost|Fare|Fee|Postage|Tariff|Toll|Estimate)(?![a-z])")
_OTHERWISE = re.compile(
    r"Refund|Discount|Credit|Change|Delta|Differ|Adjust|Update|Set|Create|Delete|Saving|History|Trend"
)
_PRICE = re.compile(
    r"(?:.*_)?(?:price|cost|fare|fee|postage|tariff|toll|total|cents)(?:_(?:cents|units|minor|micros|amount))?"
)
_NO_PRICE = re.compile(
    r"discount|refund|credit|change|delta|diff|balance|saving|rebate|reduction|adjust|margin|profit|net"
)
_SPLITTING = re.compile(r"(?:Split|Divide|Apportion|Distribute)(?=[A-Z]|$)")
_CONVERTING = re.compile(r"(?:Convert|Exchange)(?=[A-Z]|$)")
_LEFT_OVER = re.compile(r"fee|commission|spread|rest|remain|left|tip|tax|round")
_CURRENCY = re.compile(r"(?:(?:to|target|into|dest|destination|quote)_)?currency(?:_code)?|to")
_SUM = {"currency_code", "units", "nanos"}

_NUMBERS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)
_NANOS = 1_000_000_000


class Splitting(NamedTuple):
    """The fields of a method that splits a whole."""

    whole: FieldDescriptor
    parts: FieldDescriptor
    shares: FieldDescriptor
    """How many there are: a list of weights, or a number."""


class Converting(NamedTuple):
    """The fields of a method that converts money."""

    given: FieldDescriptor
    currency: FieldDescriptor
    made: FieldDescriptor


def prices_of(method: Method) -> tuple[FieldDescriptor, ...]:
    """Return the fields in which a method tells a price that it has reckoned; none if it does something else."""
    if method.kind is not MethodKind.UNARY or not _PRICING.match(method.name) or _OTHERWISE.search(method.name):
        return ()
    return tuple(
        field
        for field in method.output.fields
        if (_is_number(field) or _is_money(field)) and _PRICE.fullmatch(field.name) and not _NO_PRICE.search(field.name)
    )


def splitting_of(method: Method) -> Splitting | None:
    """Return by which fields a method splits a whole into parts; None if it doesn't, or keeps something back."""
    if method.kind is not MethodKind.UNARY or not _SPLITTING.match(method.name) or _keeps_back(method):
        return None
    wholes = [field for field in method.input.fields if _is_money(field)]
    parts = [field for field in method.output.fields if field.is_repeated and _is_sum(field.message_type)]
    others = [field for field in method.output.fields if _is_money(field)]
    shares = [field for field in method.input.fields if _is_list_of_numbers(field) or is_whole(field)]
    if len(wholes) != 1 or len(parts) != 1 or len(shares) != 1 or others:
        return None
    return Splitting(wholes[0], parts[0], shares[0])


def converting_of(method: Method) -> Converting | None:
    """Return by which fields a method converts money into a currency; None if it doesn't, or keeps something back."""
    if method.kind is not MethodKind.UNARY or not _CONVERTING.match(method.name) or _keeps_back(method):
        return None
    given, made = ([field for field in side.fields if _is_money(field)] for side in (method.input, method.output))
    texts = [field for field in method.input.fields if field.type == FieldDescriptor.TYPE_STRING]
    if len(given) != 1 or len(made) != 1 or len(texts) != 1 or texts[0].is_repeated:
        return None
    return Converting(given[0], texts[0], made[0]) if _CURRENCY.fullmatch(texts[0].name) else None


def amount_of(value: Any) -> int | float:
    """Return a number, or a sum of money in thousand-millionths of its unit."""
    amount: int | float = value.units * _NANOS + value.nanos if hasattr(value, "units") else value
    return amount


def is_below_zero(message: Message, field: FieldDescriptor) -> bool:
    """Whether there is less than nothing in a field."""
    return bool(amount_of(getattr(message, field.name)) < 0)


def _keeps_back(method: Method) -> bool:
    sides = (method.input, method.output)
    return any(_LEFT_OVER.search(field.name) for side in sides for field in side.fields)


def _is_sum(descriptor: Descriptor | None) -> bool:
    return descriptor is not None and {field.name for field in descriptor.fields} == _SUM


def _is_money(field: FieldDescriptor) -> bool:
    return not field.is_repeated and _is_sum(field.message_type)


def _is_number(field: FieldDescriptor) -> bool:
    return is_whole(field) or (not field.is_repeated and field.cpp_type in _NUMBERS)


def _is_list_of_numbers(field: FieldDescriptor) -> bool:
    return field.is_repeated and field.message_type is None and field.cpp_type in WHOLE
