"""In which order a list comes, as contracts tell: by the names of values (``PRICE_ASC``), by fields for texts such as
``priority desc``, and by comments ("by day, then by start").

Only what has an order by itself counts: numbers, times, days, and texts that tell days or times in one form. Where
nothing says whether the least comes first, one way is as good as the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import words_for
from grpcmock.fuzz.expectations.ordered_values import TIMES, comparable, tells_time
from grpcmock.schema.comments import comments_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

_ASKED = re.compile(r"(.*_)?(order|sort|ordering|sorting)(_(by|key|field))?")
TURNS = re.compile(
    r"(.*_)?(direction|desc|descending|asc|ascending|reversed?|sort_order|order_dir)"
    r"|(oldest|newest|earliest|latest|most_recent|recent)_first"
)
"""Fields that say which way, besides the one that says by what."""

SAYS_NOTHING = re.compile(
    r"\b(within|group\w*|relevan\w+|scores?|pinned|approximate(?:ly)?|best[- ]effort|may|might|ignored|not supported"
    r"|unsupported|reserved|depend\w*|random\w*|unless|usually|rank\w*|popular(?:ity)?|deprecated|except)\b",
    re.IGNORECASE,
)
_UNHEEDED = re.compile(
    r"\b(ignored|not supported|unsupported|reserved|currently|not (yet )?implemented)\b", re.IGNORECASE
)
_AHEAD = re.compile(r"(is_)?(pinned|sticky|featured|promoted|sponsored|starred|favou?rite|important)")
"""What has this may come before all others."""

_UP = re.compile(
    r"\b(oldest|earliest|lowest|smallest|least|fewest|shortest)\b[a-z ]* first\b|\bascending\b", re.IGNORECASE
)
_DOWN = re.compile(
    r"\b(newest|latest|most recent|highest|largest|biggest|longest|greatest)\b[a-z ]* first\b|\bdescending\b",
    re.IGNORECASE,
)
_ENDS = {
    **dict.fromkeys(("asc", "ascending", "low_to_high"), True),
    **dict.fromkeys(("desc", "descending", "high_to_low"), False),
}
_LEADING = {
    **dict.fromkeys(("oldest", "earliest", "lowest", "smallest", "fewest"), True),
    **dict.fromkeys(("newest", "latest", "highest", "largest", "biggest"), False),
}
_BY_AGE = {"oldest": True, "newest": False}
_CREATION = re.compile(r"(created?|creation)_(at|time|date|on|timestamp)")
_OTHER_TIMES = re.compile(r"(updated?|modified|last_\w+|deleted?|expires?|expiry|expiration|closed|archived)_\w+")
"""Times that say nothing of the age of a thing."""

_BY = re.compile(
    r"(?:^|.*?(?:, |\b(?:sorted|ordered|listed|in (?:the )?order) ))by (?P<by>[^.;:]+)"
    r"|.*?\bin (?:the )?order of (?:its|their|the) (?P<of>[^.;:]+)",
    re.IGNORECASE,
)
_THEN = re.compile(r",? (?:and )?then(?: by)? |,? and by ")
_ORDERED = re.compile(r"\b(then|first|order|ordered|sorted|ascending|descending)\b|^by\b", re.IGNORECASE)
"""Words without which ``by id`` may say how things are looked up."""

_OF_REQUEST = re.compile(r"\b(request\w*|given|asked|named|passed|ids|keys|names)\b", re.IGNORECASE)
_OF = re.compile(
    r",? (?:oldest|newest|earliest|latest|lowest|highest|smallest|largest|the |from |in |of ).*", re.IGNORECASE
)
_TEXT = re.compile(r"\s*(?P<name>[a-z][a-z0-9_]*)(?: (?P<way>asc|desc))?\s*(?:,.*)?")
_PLAIN = ("id", "number", "name")
_SUMS = re.compile(r"(.*_)?(price|cost|amount|fee|total|sum|value|salary|budget)(_.*)?")
_CHANGES_SUMS = re.compile(r"discount|sale|rebate|reduc|offer|promo|currency|unit|per_|tax")
_MOMENT = re.compile(r"(.*_)?(day|date|time|at|on|due|starts?|ends?|begins?|birthday)")
"""Texts that may tell a day or a time."""

_COUNTS = re.compile(r"number|index|position|sequence|line|row|ordinal")
"""What counts within something else only."""

_PLACES = re.compile(r"parent|.*_id")


Way = tuple["FieldDescriptor", ...]
"""What a list is ordered by, the first before the others."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is ordered by."""

    keys: tuple[FieldDescriptor, ...]
    """The fields of an item, the first before the others."""

    is_up: bool | None
    """Whether what has the least of the first comes first; None if nothing says."""

    told: str
    """Who says so: ``order PRICE_ASC``."""


@lru_cache(1024)
def enum_orders(
    method: Method, item: Descriptor, registry: Registry
) -> tuple[FieldDescriptor, Mapping[int, Order]] | None:
    """Return the field of a request that takes one of several orders, with those that are known by their numbers."""
    asked = asked_order(method)
    if asked is None or asked.enum_type is None or _says_nothing(method, asked, registry):
        return None
    kind, comments = asked.enum_type, comments_of(registry)
    turns = any(TURNS.fullmatch(one.name) for one in method.input.fields if one is not asked)
    found = {}
    for value in kind.values:
        comment = " ".join(comments.get(f"{kind.full_name}.{value.name}", "").split())
        order = _of_words(words_for(value), item, comment) or _of_comment(comment, item)
        if order is not None and not SAYS_NOTHING.search(comment):
            keys, is_up = order
            found[value.number] = Order(keys, None if turns else is_up, f"{asked.name} {value.name}")
    return asked, found


@lru_cache(1024)
def text_orders(
    method: Method, item: Descriptor, registry: Registry
) -> tuple[FieldDescriptor, tuple[FieldDescriptor, ...]] | None:
    """Return the field of a request that takes a text such as ``priority desc``, with the fields of an item that its
    comment names."""
    asked = asked_order(method)
    if asked is None or asked.type != asked.TYPE_STRING or may_have_ahead(item):
        return None
    comment = (
        f"{field_comments(registry).get(asked.full_name, '')} {method_comments(registry).get(method.full_name, '')}"
    )
    if _UNHEEDED.search(comment):
        return None
    return asked, tuple(one for one in item.fields if has_order(one) and re.search(rf"\b{one.name}\b", comment))


@lru_cache(1024)
def usual_order(method: Method, item: Descriptor, registry: Registry) -> Order | None:
    """Return the order in which a list comes that isn't asked for another one, as the comment of its method says."""
    comment = " ".join(method_comments(registry).get(method.full_name, "").split())
    if may_have_ahead(item) or SAYS_NOTHING.search(comment):
        return None
    for sentence in re.split(r"(?<=[.;])\s+", comment):
        found = _of_comment(sentence, item) if _ORDERED.search(sentence) else None
        if found is not None and not _OF_REQUEST.search(sentence):
            return Order(found[0], found[1], "its comment")
    return None


def order_of(method: Method, item: Descriptor, request: Any, registry: Registry) -> Order | None:
    """Return the order that a request asks for, or that it gets without; None if none is known."""
    by_enum, by_text, asked = (
        enum_orders(method, item, registry),
        text_orders(method, item, registry),
        asked_order(method),
    )
    value: Any = getattr(request, asked.name) if asked is not None else None
    if by_enum is not None and (value or 0 in by_enum[1]):
        return by_enum[1].get(value)
    if by_text is not None and value:
        said = _TEXT.fullmatch(value)
        keys = tuple(one for one in by_text[1] if said is not None and one.name == said["name"])
        is_up = {"asc": True, "desc": False}.get(said["way"] or "") if said is not None else None
        is_up = None if _is_turned(request, by_text[0]) else is_up
        return Order(keys, is_up, f"{by_text[0].name} {value!r}") if keys else None
    return usual_order(method, item, registry) if not value and not _is_turned(request, asked) else None


def has_order(one: FieldDescriptor) -> bool:
    """Whether the values of a field have an order by themselves; of texts, some have."""
    if one.is_repeated or one.enum_type is not None or one.type in (one.TYPE_BOOL, one.TYPE_BYTES):
        return False
    if one.message_type is not None:
        return one.message_type.full_name in TIMES
    return one.type != one.TYPE_STRING or _MOMENT.fullmatch(one.name) is not None


def value_in(item: Any, key: FieldDescriptor) -> Any:
    """Return what an item has, as it is ordered; None if it has nothing. Raises ``ValueError`` for texts without an
    order."""
    if key.has_presence and not item.HasField(key.name):
        return None
    value = getattr(item, key.name)
    if key.message_type is not None:
        return comparable(value)
    if key.type == key.TYPE_STRING and value and not tells_time(value):
        raise ValueError(value)
    return value if value != "" else None


def are_in_one_place(items: list[Message], order: Order) -> bool:
    """Whether what counts within something else is listed there alone."""
    if not any(_COUNTS.fullmatch(one.name) for one in order.keys) or not items:
        return True
    fields: Any = items[0].DESCRIPTOR
    places = [one.name for one in fields.fields if _PLACES.fullmatch(one.name) and not one.is_repeated]
    return all(len({str(getattr(item, name)) for item in items}) == 1 for name in places)


def asked_order(method: Method) -> FieldDescriptor | None:
    """Return the field of a request that says by what a list is ordered; None if there isn't just one."""
    found = [one for one in method.input.fields if _ASKED.fullmatch(one.name) and not one.is_repeated]
    return found[0] if len(found) == 1 and found[0].message_type is None else None


def _is_turned(request: Message, asked: FieldDescriptor | None) -> bool:
    return any(TURNS.fullmatch(one.name) for one, _ in request.ListFields() if one is not asked)


def may_have_ahead(item: Descriptor) -> bool:
    """Whether things of a type may come before all others for what they have."""
    return any(_AHEAD.fullmatch(one.name) for one in item.fields)


def _says_nothing(method: Method, asked: FieldDescriptor, registry: Registry) -> bool:
    comment = field_comments(registry).get(asked.full_name, "")
    item = [one.message_type for one in method.output.fields if one.is_repeated and one.message_type is not None]
    return SAYS_NOTHING.search(comment) is not None or any(map(may_have_ahead, item))


def _of_words(words: str, item: Descriptor, comment: str) -> tuple[tuple[FieldDescriptor, ...], bool | None] | None:
    """Return what the name of a value says, without what all values begin with."""
    words, is_up = re.sub(r"^(sort_|order_)?(by_)?", "", words), _way(comment)
    words = re.sub(r"_first$", "", words)
    for end, way in _ENDS.items():
        if words.endswith(f"_{end}"):
            words, is_up = words.removesuffix(f"_{end}"), way
    if words in _BY_AGE:
        key = _creation(item)
        return ((key,), _BY_AGE[words]) if key is not None else None
    for word, way in _LEADING.items():
        if words.startswith(f"{word}_") or words.endswith(f"_{word}"):
            words, is_up = words.removeprefix(f"{word}_").removesuffix(f"_{word}"), way
    key = _field(words, item)
    return ((key,), is_up) if key is not None else None


def _of_comment(comment: str, item: Descriptor) -> tuple[tuple[FieldDescriptor, ...], bool | None] | None:
    """Return what a comment says, if all that it names are fields of an item."""
    found = _BY.fullmatch(comment.strip().rstrip(".;"))
    if found is None:
        return None
    keys = [_field(_OF.sub("", words).strip(" `"), item) for words in _THEN.split(found["by"] or found["of"])]
    return (tuple(key for key in keys if key is not None), _way(comment)) if all(keys) else None


def _way(comment: str) -> bool | None:
    is_up, is_down = _UP.search(comment) is not None, _DOWN.search(comment) is not None
    return is_up if is_up != is_down else None


def _field(words: str, item: Descriptor) -> FieldDescriptor | None:
    """Return the only field of an item that words name."""
    name = re.sub(r"^(the|its|their) ", "", words.lower()).replace(" ", "_")
    exact = item.fields_by_name.get(name)
    found = [exact] if exact is not None else [one for one in item.fields if _stem(one.name) == _stem(name)]
    if len(found) != 1 or not has_order(found[0]) or _is_one_of_several(found[0], item):
        return None
    return found[0]


def _is_one_of_several(key: FieldDescriptor, item: Descriptor) -> bool:
    """Whether an item may be ordered by something else of this name: by what a price is after a discount, or in another
    currency."""
    others = [one.name for one in item.fields if one is not key]
    if key.name not in _PLAIN and any(key.name in other.split("_") for other in others):
        return True
    return _SUMS.fullmatch(key.name) is not None and any(map(_CHANGES_SUMS.search, others))


def _stem(name: str) -> str:
    """Return what is alike in ``created_at``, ``create_time`` and ``creation``."""
    plain = re.sub(r"_(at|time|date|day|on|timestamp)$", "", name)
    return re.sub(r"(ion|ed|es|e|s)$", "", plain)


def _creation(item: Descriptor) -> FieldDescriptor | None:
    """Return the time at which an item was created, if it has no other that may tell its age."""
    times = [one for one in item.fields if one.message_type is not None and one.message_type.full_name in TIMES]
    left = [one for one in times if not _OTHER_TIMES.fullmatch(one.name)]
    return left[0] if len(left) == 1 and _CREATION.fullmatch(left[0].name) else None


def orders_to_try(method: Method, item: Descriptor, registry: Registry) -> Iterator[tuple[str, Any, Way]]:
    """Yield the values of the field that asks for an order, each with what it orders by; one without a name for a list
    that isn't asked."""
    by_enum, by_text = enum_orders(method, item, registry), text_orders(method, item, registry)
    if by_enum is not None:
        yield from ((by_enum[0].name, number, order.keys) for number, order in by_enum[1].items())
    if by_text is not None:
        for one in by_text[1]:
            yield from ((by_text[0].name, f"{one.name}{way}", (one,)) for way in (" desc", ""))
    if (usual := usual_order(method, item, registry)) is not None:
        yield "", None, usual.keys
