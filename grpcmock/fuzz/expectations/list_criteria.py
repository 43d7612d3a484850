"""What requests of lists ask for: which of their fields leave out what, told by names, types and comments.

``states`` asks for what has one of these states, ``tag`` for what has it among its tags, ``due_before`` for what is due
earlier. Whether a server really does so it has to show, or the comments say it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import singular
from grpcmock.fuzz.expectations.number_types import NUMBERS
from grpcmock.fuzz.expectations.ordered_values import TIMES, are_comparable
from grpcmock.fuzz.expectations.ranks import AT_LEAST, may_rank, stands_for_several
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Method, Registry

Way = tuple[FieldDescriptor, ...]

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
_LEFT_OUT = re.compile(
    r"includ(?:e|ing)_(?:archived?|deleted|removed|hidden|trash(?:ed)?|disabled|inactive|closed|completed|done|finished"
    r"|resolved|cancelled|canceled|expired|revoked|suspended|retired|deprecated|discontinued|drafts?|blocked|banned|void(?:ed)?)"
)
"""What lists leave out that nobody asks for. Others are named so that leave out none of it by themselves, such as
``include_children``, and ``with_attachments`` for what has some."""

_BY_DEFAULT = re.compile(r"\b(defaults?|unset|absent|omitted)\b", re.IGNORECASE)
_TREE = re.compile(
    r"(.*_)?(category|folder|directory|parent|department|unit|region|area|location|genre|taxonomy|topic|ancestor|path"
    r"|prefix|namespace|domain|collection)(_(id|key|name|code|number))?"
)
"""What has others of its sort below it, which who asks for the upper one may mean as well."""

_KEY = re.compile(r"id|uid|uuid|key|name|number|code|token|cursor|seq|sequence|offset|index|page|item|row|result")
"""Behind ``after`` and ``last``, these say where a list goes on, in whichever order."""

_BY_SERVER = re.compile(
    r"(.*_)?(create|creation|update|modified|modification|change|insert|record|receive|start|finish|complete|seen|access)\w*"
)
"""Times that servers take from the clock, and may show less exactly than they keep them."""

_LATE_WORDS = re.compile(r"(?:first|last|start|end|latest|earliest)_.*")
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
    r" (filters?|criteri\w+|conditions?)"
    r"|\b(all|every|each)( of)?( the| these)? (filters?|criteri\w+|conditions?)( [^.;:]{1,40})?"
    r" (has to|have to|must|needs? to|is to|are to) (match|fit|hold|apply|be met)\b"
    r"|\b(filters?|criteri\w+|conditions?)( that are (set|given))? are (combined|joined) (with|by) (a logical )?and\b"
    r"|\b(filters?|criteri\w+|conditions?) are and(-?ed|ed together)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(unless|except|otherwise|ignored|may|might|at least one|prefix|substring|contain\w*|rank\w*|search\w*|begin\w*"
    r"|start\w* with|in (their|its)|too|also|as well|approx\w*|fuzzy|descendants?|children|below it"
    r"|or (higher|more|above|better|worse|lower))\b",
    re.IGNORECASE,
)
_QUERY = re.compile(
    r"(.*_)?(text|query|q|search|term|terms|keyword|keywords|phrase|pattern|prefix|match|contains|like)"
)
"""Texts that are looked for in others."""

_OF_TIMES = ("", "_time", "_at", "_date", "_day", "_on", "s_at", "s_on")
_UNNAMED_DAYS = ("day", "date", "time")
_ONLY = re.compile(r"\b(only|exact\w*|equals?)\b", re.IGNORECASE)
_ROUNDED = 0.01
"""By so much of them, numbers may be rounded where they are shown."""

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

    joins: bool = False
    """Whether a comment says so whatever else is asked for."""

    @property
    def name(self) -> str:
        return ".".join(one.name for one in self.asked)

    @property
    def is_known(self) -> bool:
        """Whether nothing has to be shown of it: by what a comment says, or since it is called so."""
        return self.is_documented or (self.kind is Kind.WITH and _LEFT_OUT.fullmatch(self.asked[-1].name) is not None)

    @property
    def is_ranked(self) -> bool:
        """Whether a value may stand for all that rank higher, or lower, as far as nothing is said of it."""
        last = self.way[-1]
        return self.kind is Kind.SAME and may_rank(last) and not _ONLY.search(self.comment)

    @property
    def is_exclusive(self) -> bool:
        """Whether a comment says that what lacks this isn't shown, whatever else is asked for."""
        return self.is_documented and self.joins

    def held_by(self, item: Message) -> Any:
        """Return what an item has; None if it has nothing here."""
        return _value(item, self.way, is_item=True)

    def value(self, request: Message) -> Any:
        """Return what a request asks for; None if it asks for nothing here."""
        value = _value(request, self.asked)
        if self.kind is not Kind.WITH:
            return value
        if value is None and (self.asked[-1].has_presence or _BY_DEFAULT.search(self.comment)):
            return None  # what holds then isn't known
        return bool(value)

    def admits(self, value: Any, item: Message) -> bool | None:
        """Whether an item is asked for; None if that isn't clear."""
        own = _value(item, self.way, is_item=True)
        if self.kind is Kind.WITH:
            return value or not own
        if own is None:
            return None
        match self.kind:
            case Kind.SAME:
                return self._same(value, own)
            case Kind.ANY_OF:
                found = [self._same(one, own) for one in value]
                return True if True in found else None if None in found else False
            case Kind.HAS:
                return self._has(value if isinstance(value, list) else [value], own)
        low, high = (value, own) if self.kind is Kind.LEAST else (own, value)
        return self._in_order(low, high) if own else None  # nothing may stand for what isn't told

    def _same(self, value: Any, own: Any) -> bool | None:
        if own == value:
            return True
        name = self.asked[-1].name
        if _TREE.fullmatch(name) or (AT_LEAST.search(name) and not _ONLY.search(self.comment)):
            return None
        if isinstance(value, str):
            return None if _folded(value) in _folded(own) or _folded(own) in _folded(value) else False
        return None if stands_for_several(self.asked[-1], value) else False

    def _has(self, values: list[Any], own: list[Any]) -> bool | None:
        found = [any(self._same(value, one) is not False for one in own) for value in values]
        if all(value in own for value in values):
            return True
        return False if not any(found) or (not all(found) and re.search(r"\ball\b", self.comment)) else None

    def _in_order(self, low: Any, high: Any) -> bool | None:
        if isinstance(low, float) and abs(low - high) <= _ROUNDED * max(abs(low), abs(high)):
            return None
        if low != high:
            return bool(low < high) if are_comparable(low, high) else None
        last = self.way[-1]
        is_time = last.message_type is not None and "nanos" in last.message_type.fields_by_name
        if is_time and (low[-1] or _BY_SERVER.fullmatch(last.name)):
            return None
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
        is_bare = asked[-1].type == asked[-1].TYPE_BOOL and not asked[-1].has_presence
        is_documented = bool(is_fact) and not _DOUBT.search(comment) and (not is_bare or bool(_ONLY.search(comment)))
        joins = bool(_ALL_FACTS.search(of_method) or _ONLY.search(comment))
        found += [
            Criterion(asked, kind, way, comment, is_documented, joins) for kind, way in _meanings(asked[-1], item)
        ][:1]
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
        if stem and (
            _KEY.fullmatch(stem.rpartition("_")[2]) or (_LATE_WORDS.fullmatch(name) and one.cpp_type in NUMBERS)
        ):
            continue
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
        return one.message_type.full_name in TIMES
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
    parts = TIMES.get(last.message_type.full_name) if last.message_type is not None else None
    if not parts:
        return value
    told = tuple(getattr(value, part) for part in parts)
    return (
        None if is_item and (not any(told) or (0 in told and "year" in parts)) else told
    )  # a month, and the beginning of time


def _folded(text: str) -> str:
    """Return a text as servers may compare it: whatever its case, accents, blanks and marks."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in plain if one.isalnum())
