"""What comments in protos say that values of fields are like: ``not blank``, ``digits and dashes``, ``more than 0``.

Read sentence by sentence, and only where one plainly says it of all values: what is said of some cases, or is advice,
or is put right by the server, claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations import documented_characters
from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.field_sizes import has_size, has_texts, is_number, is_text, is_whole, text_of
from grpcmock.fuzz.expectations.stated_limits import limit_in, limit_of, speaks_of_length

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Registry

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?![a-z]\.)|:\s+(?=[A-Z])")

_NOT_ALWAYS = re.compile(
    r"\b(?:if|when\w*|where|while|until|unless|except|otherwise|depend\w*|either(?! cases?\b)|instead"
    r"|for (?:\w+ )?(?:which|whom)|only for|default\w*|recommend\w*|should|ideally|prefer\w*|usual\w*|typical\w*"
    r"|normal\w*|often|about|approx\w*|roughly|around|currently|planned|future versions?|might|deprecated|legacy"
    r"|output[ _-]only|read[ _-]only)\b",
    re.IGNORECASE,
)
"""Words that make a sentence one about some cases only, or one that nobody can be held to."""

_DEFAULT = re.compile(
    r"[,;(]?\s*(?:and |or |but )?(?:[\w.\"'-]+ )?(?:if|when|where) (?:it(?:'s| is|s)? )?"
    r"(?:left (?:out|empty)|not (?:set|given|there|present)|missing|unset|absent|omitted|unspecified)\b[^,.;]*",
    re.IGNORECASE,
)
"""What a value that isn't there stands for, which says nothing of those that are."""

_PUT_RIGHT = re.compile(
    r"\b(?:clamp|cut|truncate|shorten|trimm?|strip|deduplicate?|drop|remove?|merge?|collapse?|normali[sz]e?|replace?|coerce?"
    r"|convert|round|ignore?)(?:s|d|ed|ing|ped|ping)?\b|\b(?:cap(?:s|ped)|treated as|taken (?:as|for)"
    r"|counts? as|stands? for|means?|reduced|lowered|raised)\b",
    re.IGNORECASE,
)
"""Words for a server that takes what isn't as it is asked for, and puts it right. How much there may be they leave open
wherever they stand in a comment, and of what it is only in their own sentence."""

_BLANK = re.compile(
    r"\b(?:not|never|n't) (?:be )?"
    r"(?:blank|(?:only|just) (?:of )?(?:white ?space|spaces|blanks)|all (?:of them )?blank)\b"
    r"|\bnot all of (?:them|it) (?:white ?space|spaces|blanks?)\b|\bnon-?blank\b",
    re.IGNORECASE,
)
_ABOVE_ZERO = re.compile(
    r"\bpositive\b(?: (?:whole|finite))?"
    r"(?: (?:numbers?|integers?|amounts?|values?|quantity|count|price|weight|length))?"
    r"(?! or (?:zero|0))(?=\W*$| ?[.,;:()]| (?:and|of|in|for|at|not|number)\b)"
    r"|\b(?:(?:more|greater|larger|higher) than|above) (?:zero|0)\b(?!\.\d)",
    re.IGNORECASE,
)
"""Not ``positive values increase the volume``, which says what they do."""

_AMOUNT_SHOWN = re.compile(r"(?:^|_)(?:limit|size|count|max|maximum|results|top|take|first|last|page)(?:_|$)")
"""How much is to be shown: zero often stands for as much as is usual, without a word about it."""

_NOT_NEGATIVE = re.compile(
    r"\b(?:(?:not|never|n't) (?:be )?negative|non-?negative|negative (?:\w+ )?(?:is|are) (?:an error|refused|rejected"
    r"|invalid|not allowed|not accepted|INVALID_ARGUMENT)|no negative \w+"
    r"|(?:less|smaller|lower) than (?:0|zero) (?:is|are|gives) (?:an error|refused|rejected|invalid|INVALID_ARGUMENT)"
    r"|(?:0|zero) (?:for|means|if) (?:no|none|nobody|nothing)\b[^.;]*\bat most \d+)\b(?! or (?:zero|0))",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"(?<!with )(?<!support )\bat least one\b(?! of\b| (?:letter|digit|character|number|upper|lower))"
    r"|\b(?:must|may|can)(?:not|n't| not) be empty\b|\bnon-?empty\b|\bnever empty\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_TWICE = re.compile(
    r"\b(?:no|without|not? (?:contain|have|hold) (?:any )?)\s?(?:duplicates?|repetitions?|repeats)\b"
    r"|\bno (?:[\w-]+ ){1,3}twice\b|(?:\bnot|n't|\bnever) (?:be )?repeat(?:ed)?\b|\b(?:not|never) twice\b"
    r"|\beach (?:only |just )?once\b"
    r"|\b(?:must|have to) (?:be|all be) (?:unique|distinct|different)\b|\ball (?:different|distinct)\b",
    re.IGNORECASE,
)
_REQUIRED = re.compile(r"\A\W*(?:required|mandatory)\W*\Z|\bmust be (?:set|given|specified)\b", re.IGNORECASE)
_NOT_UNSPECIFIED = re.compile(
    r"\b(?:UNSPECIFIED|0) (?:is(?:n't| not) (?:allowed|valid|accepted)|is (?:refused|rejected|invalid|an error))"
    r"|\bmust not be (?:\w+_)?UNSPECIFIED\b"
)
_STEPS = re.compile(
    r"\b(?:steps|multiples?|increments) of (one half|a half|half|one quarter|a quarter|\d+(?:\.\d+)?)(?![\d.]*\d)",
    re.IGNORECASE,
)
_FRACTIONS = {"one half": 0.5, "a half": 0.5, "half": 0.5, "one quarter": 0.25, "a quarter": 0.25}

_ALL_AS_IN = re.compile(
    r"\b(?:all |the )?(?:limits|rules|constraints|restrictions) (?:are |apply )?(?:the )?(?:same )?as (?:in|for|at) "
    r"(?:an? |the )?`?[A-Z]\w+"
)
_AS_IN = re.compile(r"\b(?:as|like) (?:in|for|at|those (?:in|of)) (?:an? |the )?`?([A-Z]\w+)")

_NO_LIMIT = re.compile(
    r"\b(?:takes? up to|\d+ (?:decimals?|significant)|no matter|can always)\b|\bor \d[\d,.]* (?:for|in)\b",
    re.IGNORECASE,
)
"""Words for a number that is no limit of the value itself, or one of several."""

_OF_PAGES = re.compile(r"page_?size|limit|max_results|max_page_size", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:must|cannot|can't|may not|not exceed|error|refused|rejected|invalid\w*)\b", re.IGNORECASE)
"""Only with such a word a page that is asked to be too large is an error: else it may be as large as it can be, as
https://google.aip.dev/158 advises."""

_FAR = 25
_LONGEST = 20_000
_MOST_ITEMS = 200
_STEP_ERROR = 1e-9


class Told(NamedTuple):
    """One thing that a comment says of the value of a field: of a list, of all of it."""

    says: str
    """In its own words."""

    allows: Callable[[Any], bool]
    wrong: Callable[[Any], Iterator[Any]]
    """Gives values that it doesn't allow, made of one that it does."""


def told_of_values(field: FieldDescriptor, registry: Registry) -> list[Told]:
    """Return what the comment of a field says that its values are like, or that of the field of this name in another
    message to which it leads (``as in CreateBookRequest``); nothing of maps, and of single messages."""
    comments = field_comments(registry)
    words = comments.get(field.full_name, "") or _before(field, comments)
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    owner: Any = field.containing_type
    if (
        not words
        or is_map
        or owner.full_name.startswith("google.")
        or (field.message_type is not None and not field.is_repeated)
    ):
        return []
    if field.GetOptions().deprecated:
        return []
    is_firm = _PUT_RIGHT.search(words) is None
    told = [told for sentence in _SENTENCE.split(words) for told in _read(field, " ".join(sentence.split()), is_firm)]
    for name in _AS_IN.findall(words):
        other = _like(field, name)
        told += told_of_values(other, registry) if other is not None else []
    return told


def _before(field: FieldDescriptor, comments: Mapping[str, str]) -> str:
    """Return where the comment of a field further up leads to, if it says of all fields that they are as elsewhere."""
    owner: Any = field.containing_type
    above = [comments.get(one.full_name, "") for one in owner.fields if one.index < field.index]
    return " ".join(found[0] for words in above for found in _ALL_AS_IN.finditer(words))


def _like(field: FieldDescriptor, name: str) -> FieldDescriptor | None:
    """Return the field of the same name and type in a message that is called by its own name, or by its method's."""
    owner: Any = field.containing_type
    messages = owner.file.message_types_by_name
    other = messages.get(name) or messages.get(f"{name}Request")
    found = other.fields_by_name.get(field.name) if other is not None and other is not owner else None
    is_same = found is not None and found.type == field.type and found.is_repeated is field.is_repeated
    return found if is_same else None


def _read(field: FieldDescriptor, sentence: str, is_firm: bool) -> Iterator[Told]:
    sentence = _DEFAULT.sub("", sentence) if field.has_presence else sentence
    if not sentence or _NOT_ALWAYS.search(sentence) or _PUT_RIGHT.search(sentence):
        return
    if has_texts(field) and field.type == field.TYPE_STRING:
        yield from _of_items(sentence)
    elif is_text(field) and field.type == field.TYPE_STRING:
        yield from _of_texts(sentence)
    elif is_number(field):
        yield from _of_numbers(field, sentence)
    if not is_firm:
        return
    if field.is_repeated:
        yield from _of_lists(sentence)
    elif field.enum_type is not None and (_REQUIRED.search(sentence) or _NOT_UNSPECIFIED.search(sentence)):
        zero = field.enum_type.values_by_number.get(0)
        if zero is not None and zero.name.endswith("UNSPECIFIED") and not field.has_presence:
            yield Told(sentence, bool, lambda _: iter((0,)))
    yield from _of_sizes(field, sentence)


def _of_texts(sentence: str) -> Iterator[Told]:
    if _BLANK.search(sentence):
        yield Told(sentence, lambda value: not value or bool(value.strip()), lambda _: iter((" ", "\t  ")))
    if (characters := documented_characters.read(sentence)) is not None:
        yield Told(sentence, characters.allow, characters.broken)


def _of_numbers(field: FieldDescriptor, sentence: str) -> Iterator[Told]:
    is_signed = field.type not in (field.TYPE_UINT32, field.TYPE_UINT64, field.TYPE_FIXED32, field.TYPE_FIXED64)
    if _ABOVE_ZERO.search(sentence) and limit_in(sentence) in (None, (1, None)):
        numbers = [*([-1] if is_signed else []), *([] if _AMOUNT_SHOWN.search(field.name) else [0])]
        yield Told(sentence, lambda value: value > 0, lambda _: iter(numbers))
    if _NOT_NEGATIVE.search(sentence) and is_signed:
        yield Told(sentence, lambda value: value >= 0, lambda _: iter((-1, -1_000)))
    found = _STEPS.findall(sentence)
    step = _FRACTIONS.get(found[0].lower()) or float(found[0]) if len(found) == 1 else 0.0
    if step and not (is_whole(field) and step <= 1):
        half = int(step) // 2 if is_whole(field) else step / 2
        yield Told(sentence, lambda value: _is_multiple(value, step), lambda value: iter((value + half,)))


def _is_multiple(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < _STEP_ERROR


def _of_lists(sentence: str) -> Iterator[Told]:
    if _SOME.search(sentence) and not _OR.search(sentence):
        yield Told(sentence, bool, lambda _: iter(([],)))
    if _TWICE.search(sentence):
        yield Told(sentence, _are_distinct, lambda items: iter(([*items[:1], *items[:1]],)))


def _of_items(sentence: str) -> Iterator[Told]:
    if (characters := documented_characters.read(sentence, of_each=True)) is not None:
        yield Told(
            sentence,
            lambda items: all(map(characters.allow, items)),
            lambda items: _in_each_place(items[0], characters.broken),
        )
    if _BLANK.search(sentence):
        yield Told(
            sentence,
            lambda items: all(item.strip() for item in items),
            lambda items: _in_each_place(items[0], lambda _: iter((" ",))),
        )


def _in_each_place(item: Any, broken: Callable[[Any], Iterator[Any]]) -> Iterator[Any]:
    """Yield lists with a wrong item: alone, and behind or before one that is right."""
    for number, wrong in enumerate(broken(item)):
        yield from ([wrong], [item, wrong], [wrong, item]) if not number else ([item, wrong],)


def _are_distinct(items: Any) -> bool:
    return all(one not in items[:number] for number, one in enumerate(items))


def _of_sizes(field: FieldDescriptor, sentence: str) -> Iterator[Told]:
    """Yield the limit that a sentence states: what is far beyond isn't allowed."""
    may_be_less = _OF_PAGES.fullmatch(field.name) is not None and not _REFUSED.search(sentence)
    if not has_size(field) or may_be_less or _NO_LIMIT.search(sentence):
        return
    limit = limit_in(sentence) if is_whole(field) or not is_number(field) else limit_of(field, sentence)
    if limit is None or (not is_number(field) and speaks_of_length(sentence) is field.is_repeated):
        return
    least, most = limit

    def size(value: Any) -> float:
        return float(value) if is_number(field) else len(value)

    def wrong(value: Any) -> Iterator[Any]:
        if most is not None and is_number(field):
            yield 2 * abs(most) + _FAR
        elif most is not None and is_text(field) and most <= _LONGEST:
            yield text_of(value, 2 * most + _FAR)
        elif most is not None and has_texts(field) and most <= _MOST_ITEMS:
            yield [f"{value[0][:-3]}{number:03}" for number in range(most + 1)]
        if least is not None and is_number(field) and (least > 1 or (least == 1 and field.has_presence)):
            yield least - 1

    # What isn't there has no size; a server may have something of its own for it.
    is_unset = not field.has_presence
    yield Told(sentence, lambda value: (is_unset and not value) or limit.holds(size(value)), wrong)
