"""The limits that servers state themselves, in refusing what is beyond them: ``must have 1 to 80 characters``.

No proto speaks of them, but a server that says how much it takes can be held to its word.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from grpcmock.client.details import decode_details
from grpcmock.fuzz.expectations.field_paths import Fields, named_in, resolve
from grpcmock.fuzz.expectations.field_sizes import DATE, SPAN, has_texts, is_number, is_of, is_text, is_whole
from grpcmock.fuzz.expectations.relative_limits import is_relative
from grpcmock.fuzz.expectations.violations import violations_in
from grpcmock.fuzz.model.meant_status import with_meant_status
from grpcmock.fuzz.model.results import Termination
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.fuzz.model.results import Reply
    from grpcmock.schema import Registry

_NUMBER = r"(-?\d+)(?![\d.]*\d)"
_RANGE = re.compile(rf"(?<![\w.-]){_NUMBER}\s*(?:to|and|through|–|-|\.\.\.?)\s*{_NUMBER}(?![\w-])")
_MUST_BE = r"(?:must|should|has to|have to|needs? to) be"
_NOT_ASKED = r"(?<!must )(?<!should )(?<!to )(?<!may )(?<!not )"
_MOST = re.compile(
    r"(?:at most|no more than|not more than|up to|maximum(?: of| is)?|<=|≤|not exceed|there can be"
    r"|not be (?:longer|greater|larger|more|higher) than|no longer than"
    rf"|(?:less|smaller|lower) than or equal to|{_NOT_ASKED}\b(?:has|have|are|is|contains) more than)\s*{_NUMBER}",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"(?:at least|no less than|not less than|minimum(?: of| is)?|>=|≥"
    r"|not be (?:shorter|less|smaller|lower) than|no shorter than|(?:greater|larger|higher|more) than or equal to"
    rf"|{_NOT_ASKED}\b(?:has|have|are|is|contains) (?:less|fewer) than)\s*{_NUMBER}",
    re.IGNORECASE,
)
_BELOW = re.compile(rf"(?:{_MUST_BE}|\band|\bbut) (?:less|smaller|lower) than\s*{_NUMBER}", re.IGNORECASE)
_ABOVE = re.compile(rf"(?:{_MUST_BE}|\band|\bbut) (?:greater|larger|higher|more) than\s*{_NUMBER}", re.IGNORECASE)
_NO_LESS_THAN_ZERO = re.compile(
    r"\b(?:(?:must not|may not|can ?not|can't|mustn't|should not) be|is|not|must be non-?) ?negative\b"
    r"(?! or (?:zero|0)\b)",
    re.IGNORECASE,
)
_SPAN_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_SPAN = re.compile(rf"(?<![\w.-])(\d+) ?({'|'.join(_SPAN_UNITS)})s?\b", re.IGNORECASE)
WORD = re.compile(r"[a-z_]{2,}|n't")
_FRACTION = re.compile(r"\d\.\d")
_COUNTED = re.compile(r"\d+ [a-z]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
QUOTED = re.compile(r"""(["'`]).*?\1""")
_LETTERS = re.compile(r"character|\bchars?\b|letter|byte|symbol", re.IGNORECASE)
_MANY = re.compile(r"\b(?:number of|how many|count)\b", re.IGNORECASE)
_INDEX = re.compile(r"\[\d+\]|\.\d+\b")
_BEHIND = re.compile(r"\d (?:(?:different|distinct|unique|more) )?([a-z]+)")
_ITEMS = ("items", "elements", "entries", "values")
_LENGTH = re.compile(r"character|\bchars?\b|letter|byte|\blong\b|length|symbol", re.IGNORECASE)

_FIRST_YEAR, _LAST_YEAR = 1000, 9998
"""Ends of a range that are years."""

REFUSING = frozenset({Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE, Code.RESOURCE_EXHAUSTED})


class StatedLimit(NamedTuple):
    """How much there may be, both ends included; None where nothing was said of one."""

    least: int | None
    most: int | None

    def holds(self, size: float) -> bool:
        """Whether so much keeps within it; of a fraction, whether the whole numbers on both its sides do."""
        low, high = math.floor(size), math.ceil(size)
        return (self.least is None or low >= self.least) and (self.most is None or high <= self.most)

    def breaks(self, size: float) -> bool:
        """Whether so much goes beyond it; of a fraction, whether the whole numbers on both its sides do."""
        return not (self.holds(math.floor(size)) or self.holds(math.ceil(size)))


def limit_in(words: str) -> StatedLimit | None:
    """Return the limit that a text states; None if it states none, or more than one, or one beside another value.

    >>> limit_in("the weight must be from 1 to 30,000 grams")
    StatedLimit(least=1, most=30000)
    """
    text = QUOTED.sub("…", without_separators(words))
    if is_relative(text):
        return None
    ranges = _RANGE.findall(text)
    most = [*map(int, _MOST.findall(text)), *(int(found) - 1 for found in _BELOW.findall(text))]
    least = [*map(int, _LEAST.findall(text)), *(int(found) + 1 for found in _ABOVE.findall(text))]
    least += [0 for _ in _NO_LESS_THAN_ZERO.findall(text)]
    if len(ranges) == 1 and not most and not least:
        low, high = map(int, ranges[0])
        return StatedLimit(low, high) if low < high else None
    if ranges or len(most) > 1 or len(least) > 1 or not (most or least):
        return None
    return StatedLimit(least[0] if least else None, most[0] if most else None)


def span_in(words: str) -> StatedLimit | None:
    """Return the limit of a span of time that a text states, in seconds; None if it states none, or more than one.

    >>> span_in("is kept from 10 minutes to 31 days")
    StatedLimit(least=600, most=2678400)
    """
    text = QUOTED.sub("…", without_separators(words))
    return limit_in(_SPAN.sub(lambda found: str(int(found[1]) * _SPAN_UNITS[found[2].lower()]), text))


def limit_of(field: FieldDescriptor, words: str) -> StatedLimit | None:
    """Return the limit that a text states, if it can be one of a field: of a date the years, of a span the time."""
    units = {unit.lower() for _, unit in _SPAN.findall(words)}
    if is_of(field, SPAN):
        return span_in(words) if units else None
    if is_number(field) and any(unit not in field.name.lower() for unit in units):
        return None  # 30 days from now are another number
    if is_number(field) and not is_whole(field) and _FRACTION.search(words):
        return None  # one end may be read, and the other not
    limit = limit_in(words)
    if limit is None or not is_of(field, DATE):
        return limit
    return limit if all(end is None or _FIRST_YEAR <= end <= _LAST_YEAR for end in limit) else None


# fmt: off
WORDS_OF_LIMITS = frozenset({
    "an", "and", "are", "at", "be", "between", "bytes", "can", "cannot", "character", "characters", "chars", "contain",
    "contains", "elements", "equal", "exceed", "fewer", "for", "from", "greater", "has", "have", "higher", "in",
    "integer", "invalid", "is", "it", "items", "its", "larger", "least", "length", "less", "limit", "long", "longer",
    "lower", "maximum", "may", "minimum", "more", "most", "must", "negative", "no", "non", "not", "number", "of",
    "once", "or", "out", "outside", "range", "shorter", "should", "size", "smaller", "than", "that", "the", "there",
    "to", "up", "value", "with",
})
# fmt: on
"""Words of which a limit alone is made."""


def is_limit_alone(words: str, way: Fields) -> bool:
    """Whether a text states a limit of a field, and nothing besides that a value might break; behind a number may stand
    what is counted, but of a text only its characters."""
    own = words_of_names(way)
    text = without_separators(QUOTED.sub(" ", words)).lower()
    if not is_text(way[-1]):
        text = _COUNTED.sub(" ", text)
    return all(one in WORDS_OF_LIMITS or one in own or one.rstrip("s") in own for one in WORD.findall(text))


def words_of_names(way: Fields) -> set[str]:
    """Return the names of the fields on a way, and the words that these are made of, in small letters."""
    names = [field.name.lower() for field in way]
    parts = {word for name in names for word in name.split("_")}
    return {"_".join(names), *names, *parts, *(name.replace("_", "") for name in names)}


def without_separators(words: str) -> str:
    """Return a text in which no number has commas between its thousands.

    >>> without_separators("from 1 to 30,000 grams, or none")
    'from 1 to 30000 grams, or none'
    """
    return _THOUSANDS.sub("", words)


def stated_limit(reply: Reply, way: Fields, registry: Registry) -> StatedLimit | None:
    """Return the limit of a field that a server has stated in a refusal; None if it speaks of something else."""
    words = _said_of(reply, way, registry)
    limit = limit_of(way[-1], words)
    if limit is None or (is_text(way[-1]) and not speaks_of_length(words)):
        return None
    return limit if not way[-1].is_repeated or _counts_items(words, way[-1]) else None


def stated_item_limit(reply: Reply, way: Fields, registry: Registry) -> StatedLimit | None:
    """Return the limit of the texts in a list that a server has stated in refusing one of them; None if it speaks of
    something else."""
    words = _said_of(reply, way, registry)
    is_about_one = has_texts(way[-1]) and speaks_of_length(words) and not _counts_items(words, way[-1])
    return limit_in(_INDEX.sub("", words)) if is_about_one else None


def _said_of(reply: Reply, way: Fields, registry: Registry) -> str:
    """Return what a refusal says of a field; nothing if it is none for what stands there."""
    reply = with_meant_status(reply)
    method = reply.call.method
    if reply.code not in REFUSING or reply.termination is not Termination.SERVER or method is None:
        return ""
    rich = decode_details(reply.trailers, registry) if reply.trailers else None
    told = [pair for detail in rich.details for pair in violations_in(detail.message)] if rich is not None else []
    about = [words for path, words in told if resolve(method.input, path) == way]
    if told and len(about) != len(told):
        return ""
    named = named_in(reply.message, method.input)
    if not about and named and not any(_leads_to(one, way) for one in named):
        return ""
    return about[0] if about else reply.message


def _counts_items(words: str, field: FieldDescriptor) -> bool:
    """Whether a text is about how many there are in a list, rather than about what is in it."""
    if _LETTERS.search(words) or _INDEX.search(words):
        return False
    names = {*field.name.lower().split("_"), *_ITEMS}
    names |= {snake_case(field.message_type.name).rpartition("_")[2]} if field.message_type is not None else set()
    stems = {name.rstrip("s") for name in names}
    return _MANY.search(words) is not None or any(
        found.rstrip("s") in stems for found in _BEHIND.findall(words.lower())
    )


def speaks_of_length(words: str) -> bool:
    """Whether a text is about how long something is."""
    return _LENGTH.search(words) is not None


def _leads_to(named: Fields, way: Fields) -> bool:
    return named == way or way[: len(named)] == named or named[: len(way)] == way
