"""Which fields end the range that another one begins, as far as their names and comments say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.naming import range_ends

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Registry

_EITHER = re.compile("arriv|depart")
"""Guests arrive before they depart, and trains after it."""

_IN_ANY_ORDER = re.compile(
    r"\b(?:overnight|midnight|(?:in )?(?:any|either) order|swapped|exchanged|whichever|vice versa|next day)\b",
    re.IGNORECASE,
)


def ends_of(field: FieldDescriptor, registry: Registry) -> list[FieldDescriptor]:
    """Return the fields beside one whose values can't come before its own; none if the comment of either says that they
    may."""
    if _EITHER.search(field.name):
        return []
    owner: Any = field.containing_type
    found = [own for name, _ in range_ends(field.name) if (own := owner.fields_by_name.get(name)) is not None]
    comments = field_comments(registry)
    return [
        own
        for own in found
        if own.type == field.type
        and own.message_type is field.message_type
        and not own.is_repeated
        and not any(_IN_ANY_ORDER.search(comments.get(one.full_name, "")) for one in (field, own))
    ]
