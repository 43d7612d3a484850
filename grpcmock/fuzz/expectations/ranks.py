"""Values that others of a request may be meant by: ranks, of which it names the least, and those that mean several."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.naming import snake_case

AT_LEAST = re.compile(r"priority|severity|level|rank|grade|tier|rating|importance|urgency|risk")
"""Of these a request may name the least."""

_KIND_WORDS = re.compile(
    r"(.*_)?(state|status|phase|type|kind|mode|sort|class|category|color|colour|gender|country|language|currency|channel"
    r"|source|direction|method|format|unit|reason|outcome|result|day|weekday|month)"
)

_ANY_VALUE = re.compile(r"(.*_)?(ALL|ANY|BOTH|EVERY\w*|DEFAULT|NOT_\w+|NON_\w+|EXCEPT_\w+)")
"""Values of enums that stand for several."""

NUMBERS = frozenset(
    (
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_DOUBLE),
        *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_FLOAT),
    )
)


def may_rank(one: FieldDescriptor) -> bool:
    """Whether the values of a field may be higher and lower ones: those of a state, or a kind, aren't."""
    is_number = one.cpp_type in NUMBERS
    return is_number or (one.enum_type is not None and _KIND_WORDS.fullmatch(snake_case(one.name)) is None)


def stands_for_several(one: FieldDescriptor, value: Any) -> bool:
    """Whether a value of an enum is called so that what has another one may be meant: ``ALL``, ``NOT_DONE``."""
    known = one.enum_type.values_by_number.get(value) if one.enum_type is not None else None
    return known is not None and _ANY_VALUE.fullmatch(known.name) is not None
