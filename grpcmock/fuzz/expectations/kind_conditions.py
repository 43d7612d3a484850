"""For which kinds a field of a request is required, as its comment says: ``Mandatory for adjustments``.

A kind is a value of an enum in the very message. A condition with any other word in it claims nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.naming import singular, words_for
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Registry

_NEEDED = re.compile(
    r"(?:\A|[.;] )(?:It is |This (?:field )?is )?(?:required|mandatory|needed|must be (?:set|given))"
    r"(?: \((?:not|never) [a-z ]+\))? (?:for|if|when|to|with) (?P<when>[^.;,()]+)(?P<rest>[^.;]*)",
    re.IGNORECASE,
)
_SOFTENED = re.compile(r"\b(?:unless|except|should|recommended|not (?:yet )?(?:enforced|checked)|but)\b", re.IGNORECASE)
_IDLE = frozenset(
    ("a", "an", "the", "is", "are", "of", "this", "it", "has", "value", "kind", "type", "set", "to", "only", "any")
)
_STATE = re.compile(r"(?:.*_)?(?:state|status|phase|stage)")
"""Where a thing has come to: that of a thing servers say by themselves, whatever is asked for."""

_TELLING = 4
"""Letters of a value that another word begins with hardly by accident: ``adjustments`` of ``ADJUST``."""


class NeededFor(NamedTuple):
    """What a comment says of a field."""

    says: str
    """In its own words."""

    kind: FieldDescriptor
    numbers: frozenset[int]
    """The values of the enum for which the field must be there."""


def needed_for(field: FieldDescriptor, registry: Registry) -> NeededFor | None:
    """Return for which kinds a text or a message must be there; None if its comment says nothing of the kind."""
    if field.is_repeated or (field.message_type is None and field.type != field.TYPE_STRING):
        return None
    comment = " ".join(field_comments(registry).get(field.full_name, "").split())
    found = _NEEDED.search(comment)
    if found is None or _SOFTENED.search(found[0]):
        return None
    owner: Any = field.containing_type
    kinds = [one for one in owner.fields if one.enum_type is not None and not one.is_repeated]
    if not owner.name.endswith("Request"):
        kinds = [one for one in kinds if not _STATE.fullmatch(one.name)]
    nouns = {singular(word) for name in (owner.name, field.name) for word in snake_case(name).split("_")} | {"request"}
    for kind in kinds:
        words = [word.lower() for word in re.findall(r"[A-Za-z_]+", found["when"])]
        own = {*snake_case(kind.name).split("_"), *_IDLE, *nouns, "or", "and"}
        numbers = {word: _number(kind, word) for word in words}
        told = frozenset(number for number in numbers.values() if number)
        if told and all(numbers[word] or singular(word) in own for word in words):
            return NeededFor(found[0].strip(" .;"), kind, told)
    return None


def _number(kind: FieldDescriptor, word: str) -> int:
    """Return the value of an enum that a word stands for; 0 for none."""
    enum: Any = kind.enum_type
    for value in enum.values:
        short = words_for(value)
        begins_so = len(short) >= _TELLING and word.startswith(short)
        if word in (value.name.lower(), short) or singular(word) == short or begins_so:
            return int(value.number)
    return 0
