"""What requests of lists ask for: which of their fields leave out what, told by names, types and comments.

``states`` asks for what has one of these states, ``tag`` for what has it among its tags, ``due_before`` for what is due
earlier. Whether a server really does so it has to show, or the comments say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import singular
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

Way = tuple["FieldDescriptor", ...]

_FILTERS = re.compile(r"filters?|query|where|criteria|selector|by|conditions?")
"""Fields of requests whose messages hold what a list is asked for."""

_NO_CRITERION = re.compile(
    r"(page|order|sort|view|fields?|mask|format|lang|language|locale|zone|timezone|limit|offset|skip|take|size|cursor"
    r"|token|max_results|per_page|count|depth|radius)(_.*)?|.*_(token|size|mask|view|order|limit|offset)"
)
_LEAST = re.compile(
    r"(?P<stem>.+)_(?:after|from|since|gte?|min|start|begin|on_or_after)"
    r"|(?:min|minimum|least|from|after|since|earliest|start|first)_(?P<rest>.+)|(?P<alone>from|since|after|start|first)"
)
_MOST = re.compile(
    r"(?P<stem>.+)_(?:before|to|until|lte?|max|end|on_or_before)"
    r"|(?:max|maximum|most|to|before|until|latest|end|last)_(?P<rest>.+)|(?P<alone>to|until|before|end|last)"
)
_INCLUDED = re.compile(r"(?:include|with|show|also|and)_(?P<what>.+)")
_WITH = re.compile(
    r"\b(includ\w+|inclusive\w*|or (later|after|more|higher|above|earlier|less|lower|below)|at least|at most)\b"
)
_WITHOUT = re.compile(r"\b(exclu\w+|before|after|earlier|later|less|more|below|above|until)\b")
_FACT = re.compile(
    r"\b(only|filters?|those|match(es|ing)?|inclusive|exclusive|any of (these|them)|this day is included)\b",
    re.IGNORECASE,
)
_ALL_FACTS = re.compile(
    r"\b(match\w*|fit\w*|satisf\w+|meet\w*|pass\w*) (all|every|each)( of)?( the| these)?"
    r" (filters?|criteri\w+|conditions?)",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(unless|except|otherwise|ignored|may|might|at least one|prefix|substring|contain\w*|rank\w*|search\w*|begin\w*"
    r"|start\w* with|in (their|its))\b"
)
_QUERY = re.compile(
    r"(.*_)?(text|query|q|search|term|terms|keyword|keywords|phrase|pattern|prefix|match|contains|like)"
)
"""Texts that are looked for in others."""

_TIMES = {
    "google.type.Date": ("year", "month", "day"),
    "google.protobuf.Timestamp": ("seconds", "nanos"),
}
"""Types whose values have an order, with the fields that decide on it, the first before the others."""

_IN_ORDER = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d\d:\d\d(:\d\d)?")
"""Texts that are ordered as the days and times are that they tell."""

_OF_TIMES = ("", "_time", "_at", "_date", "_day", "_on", "s_at", "s_on")
_UNNAMED_DAYS = ("day", "date", "time")
_DEEPEST = 2


class Kind(Enum):
    """How what is asked for and what an item has go together."""

    SAME = "the same"
    ANY_OF = "one of several"
    HAS = "among what it has"
    LEAST = "at least"
    MOST = "at most"
    WITH = "what is left out otherwise, too"


@dataclass(frozen=True, slots=True)
class Criterion:
    """A field of a request, and what it asks of an item."""

    asked: Way
    """Where it stands in the request."""

    kind: Kind
    way: Way
    """Where an item has the value."""

    comment: str = ""
    is_documented: bool = False
    """Whether a comment says that nothing else is shown."""

    @property
    def name(self) -> str:
        return ".".join(one.name for one in self.asked)

    def value(self, request: Message) -> Any:
        """Return what a request asks for; None if it asks for nothing here."""
        value = _value(request, self.asked)
        return bool(value) if self.kind is Kind.WITH else value

    @property
    def is_known(self) -> bool:
        """Whether nothing has to be shown of it: by what a comment says, or since it is called so."""
        return self.is_documented or self.kind is Kind.WITH

    def admits(self, value: Any, item: Message) -> bool | None:
        """Whether an item is asked for; None if that isn't clear."""
        own = _value(item, self.way, is_item=True)
        if self.kind is Kind.WITH:
            return value or not own
        if own is None:
            return None
        match self.kind:
            case Kind.SAME if isinstance(value, str) and value != own:
                return None if value.casefold() in own.casefold() else False
            case Kind.SAME:
                return bool(own == value)
            case Kind.ANY_OF:
                return own in value
            case Kind.HAS:
                found = [one in own for one in (value if isinstance(value, list) else [value])]
                if all(found):
                    return True
                return False if not any(found) or re.search(r"\ball\b", self.comment) else None
        low, high = (value, own) if self.kind is Kind.LEAST else (own, value)
        if _is_text(low) != _is_text(high) or low != high:
            return bool(low < high) if _comparable(low, high) else None
        if _WITH.search(self.comment):
            return True
        return False if _WITHOUT.search(self.comment) else None


@lru_cache(4096)
def criteria_of(method: Method, item: Descriptor, registry: Registry) -> tuple[Criterion, ...]:
    """Return what a request of a method may ask of the items that it lists."""
    of_fields, of_method = field_comments(registry), method_comments(registry).get(method.full_name, "")
    noun = snake_case(item.name).rpartition("_")[2]
    found = []
    for asked in _places(method.input):
        comment = of_fields.get(asked[-1].full_name, "")
        begins = re.match(rf"(The )?{noun}\w* (in|with|that|of|whose|which|from|at|due)\b", comment, re.IGNORECASE)
        is_fact = begins or _FACT.search(comment) or _ALL_FACTS.search(of_method)
        is_documented = bool(is_fact) and not _DOUBT.search(comment)
        found += [Criterion(asked, kind, way, comment, is_documented) for kind, way in _meanings(asked[-1], item)][:1]
    return tuple(found)


def _places(request: Descriptor) -> Iterator[Way]:
    for one in request.fields:
        if _NO_CRITERION.fullmatch(one.name):
            continue
        if _FILTERS.fullmatch(one.name) and one.message_type is not None and not one.is_repeated:
            yield from ((one, inner) for inner in one.message_type.fields if not _NO_CRITERION.fullmatch(inner.name))
        else:
            yield (one,)


def _meanings(one: FieldDescriptor, item: Descriptor) -> Iterator[tuple[Kind, Way]]:
    """Yield what a field may ask for: the one thing that names and types leave, if there is just one."""
    name = snake_case(one.name)
    if one.is_repeated:
        same = _only(item, {name}, one, is_repeated=True)
        own = _only(item, {singular(name), re.sub("_(in|any)$", "", name)}, one)
        yield from ((Kind.HAS, way) for way in same)
        yield from ((Kind.ANY_OF, way) for way in own)
        return
    if one.type == one.TYPE_BOOL and (found := _INCLUDED.fullmatch(name)) is not None:
        yield from ((Kind.WITH, way) for way in _only(item, {found["what"]}, one))
    elif one.message_type is None:
        is_query = one.type == one.TYPE_STRING and _QUERY.fullmatch(name)
        yield from ((Kind.SAME, way) for way in (() if is_query else _only(item, {name}, one)))
        yield from ((Kind.HAS, way) for way in _only(item, {f"{name}s", f"{name}es"}, one, is_repeated=True))
    for kind, pattern in ((Kind.LEAST, _LEAST), (Kind.MOST, _MOST)):
        if (found := pattern.fullmatch(name)) is None or not _has_order(one):
            continue
        stem = found["stem"] or found["rest"]
        names = {f"{stem}{end}" for end in _OF_TIMES} if stem else set(_UNNAMED_DAYS)
        yield from ((kind, way) for way in _only(item, names, one))


def _only(item: Descriptor, names: set[str], one: FieldDescriptor, *, is_repeated: bool = False) -> list[Way]:
    """Return the way to the only field of an item that is called so and has this type; none if there are more."""
    found = list(_ways(item, names, one, is_repeated))
    return found if len(found) == 1 else []


def _ways(item: Descriptor, names: set[str], one: FieldDescriptor, is_repeated: bool, way: Way = ()) -> Iterator[Way]:
    for own in item.fields:
        if own.is_repeated == is_repeated and snake_case(own.name) in names and _same_type(own, one):
            yield (*way, own)
        elif own.message_type is not None and not own.is_repeated and len(way) + 1 < _DEEPEST:
            yield from _ways(own.message_type, names, one, is_repeated, (*way, own))


def _same_type(own: FieldDescriptor, one: FieldDescriptor) -> bool:
    return (
        bool(own.cpp_type == one.cpp_type) and own.message_type is one.message_type and own.enum_type is one.enum_type
    )


def _has_order(one: FieldDescriptor) -> bool:
    if one.message_type is not None:
        return one.message_type.full_name in _TIMES
    return one.enum_type is None and one.cpp_type != one.CPPTYPE_BOOL and one.type != one.TYPE_BYTES


def _value(message: Message, way: Way, *, is_item: bool = False) -> Any:
    """Return what stands at the end of a way, as it is compared; None if nothing does."""
    place: Any = message
    for step in way[:-1]:
        if not place.HasField(step.name):
            return None
        place = getattr(place, step.name)
    last = way[-1]
    value = getattr(place, last.name)
    if last.is_repeated:
        return list(value) if value or is_item else None
    if last.has_presence:
        if not place.HasField(last.name):
            return None
    elif not value and not is_item:
        return None
    parts = _TIMES.get(last.message_type.full_name) if last.message_type is not None else None
    return tuple(getattr(value, part) for part in parts) if parts else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _comparable(low: Any, high: Any) -> bool:
    """Whether the order of two values is known: of texts only where they tell days or times in one form."""
    if not _is_text(low):
        return True
    return len(low) == len(high) and all(_IN_ORDER.fullmatch(one) for one in (low, high))
