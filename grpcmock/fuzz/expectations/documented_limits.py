"""The limits that the comments in protos state of fields: ``At most 100 characters``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.field_sizes import has_size, has_texts
from grpcmock.fuzz.expectations.stated_limits import StatedLimit, limit_in, speaks_of_length

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Registry

_NOT_ALWAYS = re.compile(
    r"\b(?:if|when|where|while|unless|except|otherwise|depend\w*|(?<!stands )for|per|each|every|by default|recommend\w*"
    r"|should|usual\w*|typical\w*|normal\w*|about|approx\w*|roughly|around|e\.g\.|example|currently|might|may)\b",
    re.IGNORECASE,
)
"""Words that make a limit one for some cases only, or none to rely on."""

_EACH = re.compile(r"(?:^|[.;,(])([^.;,()]*\b(?:each|every)\b[^.;()]*)", re.IGNORECASE)
"""What is said of each item: behind a comma, what is said of how many there are has come to its end."""

_ONLY_EACH = re.compile(r"\b(?:each|every)\b", re.IGNORECASE)

_NO_RANGE = re.compile(
    r"\bNaN\b|not a number|\b(?:decimals?|digits?|places|significant|precision|infinity|infinite|clamp\w*|ignored)\b",
    re.IGNORECASE,
)
"""Words that are about how a number is written, or about one that is none or is changed where it is beyond."""

_ROUND = re.compile(r"(?<=\d)\.0+(?![\d.]*\d)")
_BRACKETS = re.compile(r"\[\s*\+?(-?\d+)\s*,\s*\+?(-?\d+)\s*\]")


def documented_limit(field: FieldDescriptor, registry: Registry) -> StatedLimit | None:
    """Return the limit that the comment of a field states without conditions; None if it states none.

    Of a text it must be about its length, of a list about how many there are.
    """
    words = field_comments(registry).get(field.full_name, "")
    if not words or not has_size(field) or field.message_type is not None or _NOT_ALWAYS.search(words):
        return None
    limit = limit_in(words)
    is_of_text = field.cpp_type == field.CPPTYPE_STRING
    if limit is None or (is_of_text and speaks_of_length(words) is field.is_repeated):
        return None
    return limit


def documented_item_limit(field: FieldDescriptor, registry: Registry) -> StatedLimit | None:
    """Return the limit of their length that the comment of a list of texts states of each of them, without conditions:
    ``ten at most, each of at most 100 characters``; None if it states none."""
    words = field_comments(registry).get(field.full_name, "")
    said = _EACH.findall(words) if has_texts(field) else []
    if len(said) != 1 or _NOT_ALWAYS.search(_ONLY_EACH.sub("", words)):
        return None
    return limit_in(said[0]) if speaks_of_length(said[0]) else None


def documented_range(field: FieldDescriptor, registry: Registry) -> StatedLimit | None:
    """Return the range that the comment of a number with a fraction states, both ends of it; None if it states none."""
    words = field_comments(registry).get(field.full_name, "")
    if field.is_repeated or field.cpp_type not in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return None
    if not words or _NOT_ALWAYS.search(words) or _NO_RANGE.search(words):
        return None
    limit = limit_in(_BRACKETS.sub(r"\1 to \2", _ROUND.sub("", words)))
    return limit if limit is not None and None not in limit else None
