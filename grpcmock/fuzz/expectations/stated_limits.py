"""The limits that servers state themselves, in refusing what is beyond them: ``must have 1 to 80 characters``.

No proto speaks of them, but a server that says how much it takes can be held to its word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, resolve
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_NUMBER = r"(-?\d+)(?![\d.]*\d)"
_RANGE = re.compile(rf"(?<![\w.-]){_NUMBER}\s*(?:to|and|through|–|\.\.\.?)\s*{_NUMBER}(?![\w-])")
_MOST = re.compile(
    r"(?:at most|no more than|not more than|up to|maximum(?: of| is)?|<=|≤|not exceed|there can be"
    rf"|not be (?:longer|greater|larger|more|higher) than|no longer than)\s*{_NUMBER}",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"(?:at least|no less than|not less than|minimum(?: of| is)?|>=|≥"
    rf"|not be (?:shorter|less|smaller|lower) than|no shorter than)\s*{_NUMBER}",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_QUOTED = re.compile(r"""(["'`]).*?\1""")
_LENGTH = re.compile(r"character|\bchars?\b|letter|byte|\blong\b|length|symbol", re.IGNORECASE)

_REFUSING = frozenset({Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE, Code.RESOURCE_EXHAUSTED})


class StatedLimit(NamedTuple):
    """How much there may be, both ends included; None where nothing was said of one."""

    least: int | None
    most: int | None

    def holds(self, size: int) -> bool:
        """Whether so much keeps within it."""
        return (self.least is None or size >= self.least) and (self.most is None or size <= self.most)


def limit_in(words: str) -> StatedLimit | None:
    """Return the limit that a text states; None if it states none, or more than one.

    >>> limit_in("the weight must be from 1 to 30,000 grams")
    StatedLimit(least=1, most=30000)
    """
    text = _QUOTED.sub("…", without_separators(words))
    ranges = _RANGE.findall(text)
    most, least = _MOST.findall(text), _LEAST.findall(text)
    if len(ranges) == 1 and not most and not least:
        low, high = map(int, ranges[0])
        return StatedLimit(low, high) if low < high else None
    if ranges or len(most) > 1 or len(least) > 1 or not (most or least):
        return None
    return StatedLimit(int(least[0]) if least else None, int(most[0]) if most else None)


def without_separators(words: str) -> str:
    """Return a text in which no number has commas between its thousands.

    >>> without_separators("from 1 to 30,000 grams, or none")
    'from 1 to 30000 grams, or none'
    """
    return _THOUSANDS.sub("", words)


def stated_limit(reply: Reply, way: Fields, registry: Registry) -> StatedLimit | None:
    """Return the limit of a field that a server has stated in a refusal; None if it speaks of something else."""
    reply = with_meant_status(reply)
    method = reply.call.method
    if reply.code not in _REFUSING or reply.termination is not Termination.SERVER or method is None:
        return None
    rich = decode_details(reply.trailers, registry) if reply.trailers else None
    told = [pair for detail in rich.details for pair in violations_in(detail.message)] if rich is not None else []
    about = [words for path, words in told if resolve(method.input, path) == way]
    if told and len(about) != len(told):
        return None
    words = about[0] if about else reply.message
    named = named_in(reply.message, method.input)
    if not about and named and not any(_leads_to(one, way) for one in named):
        return None
    limit = limit_in(words)
    if limit is None or (_is_text(way[-1]) and not speaks_of_length(words)):
        return None
    return limit


def speaks_of_length(words: str) -> bool:
    """Whether a text is about how long something is."""
    return _LENGTH.search(words) is not None


def size_at(message: Any, way: Fields) -> int | None:
    """Return what a limit of a field is about: the length of a text or list, or a number itself. None if there is
    none."""
    for field in way[:-1]:
        if field.is_repeated or not message.HasField(field.name):
            return None
        message = getattr(message, field.name)
    value = getattr(message, way[-1].name)
    if isinstance(value, bool | float):
        return None
    return value if isinstance(value, int) else len(value)


def has_size(field: FieldDescriptor) -> bool:
    """Whether there can be a limit of a field."""
    if field.is_repeated:
        return field.message_type is None
    return field.cpp_type in (
        *(field.CPPTYPE_STRING, field.CPPTYPE_INT32, field.CPPTYPE_INT64),
        *(field.CPPTYPE_UINT32, field.CPPTYPE_UINT64),
    )


def _is_text(field: FieldDescriptor) -> bool:
    return not field.is_repeated and field.cpp_type == field.CPPTYPE_STRING


def _leads_to(named: Fields, way: Fields) -> bool:
    return named == way or way[: len(named)] == named or named[: len(way)] == way
