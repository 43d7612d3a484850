"""Values of requests that may stand for others as well: a rank for all that are higher, ``ALL`` for any.

Who asks for tickets of priority 2 may get those of priority 3, too.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

AT_LEAST = re.compile(r"priority|severity|level|rank|grade|tier|rating|importance|urgency|risk")
"""Of these a request may name the least."""

_KIND_WORDS = re.compile(
    r"(.*_)?(state|status|phase|type|kind|mode|sort|class|category|color|colour|gender|country|language|currency|channel"
    r"|source|direction|method|format|unit|reason|outcome|result|day|weekday|month)"
)

_ANY_VALUE = re.compile(r"(.*_)?(ALL|ANY|BOTH|EVERY\w*|DEFAULT|NOT_\w+|NON_\w+|EXCEPT_\w+)")
"""Values of enums that stand for several."""


def may_rank(one: FieldDescriptor) -> bool:
    """Whether the values of a field may be higher and lower ones: those of a state, or a kind, aren't."""
    is_number = one.cpp_type in NUMBERS
    return is_number or (one.enum_type is not None and _KIND_WORDS.fullmatch(snake_case(one.name)) is None)


def shown_by_rank(ranks: Mapping[bytes, Any], shown: Container[bytes], value: Any) -> bool:
    """Whether of what has a rank just that is shown which ranks as high as a value, or higher, or just what ranks as
    high, or lower; what has the rank of 0 may have none."""
    there = {data for data in ranks if data in shown}
    return there in (
        {data for data, own in ranks.items() if own and own >= value},
        {data for data, own in ranks.items() if own <= value},
        {data for data, own in ranks.items() if own and own <= value},
    )


def stands_for_several(one: FieldDescriptor, value: Any) -> bool:
    """Whether a value of an enum is called so that what has another one may be meant: ``ALL``, ``NOT_DONE``."""
    known = one.enum_type.values_by_number.get(value) if one.enum_type is not None else None
    return known is not None and _ANY_VALUE.fullmatch(known.name) is not None
