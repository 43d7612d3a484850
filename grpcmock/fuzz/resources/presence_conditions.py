"""In which states of a thing a field of it is there, as its comment says: ``Empty unless the vehicle is ON_TRIP``.

A sentence is read only if all of its words are understood, and the states are values of an enum, a switch or a time of
the very message: what depends on anything else claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.state_conditions import plain
from grpcmock.fuzz.resources.laws.known_states import states_of, words_of
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from grpcmock.schema import Registry

_SENTENCE = re.compile(r"(?<=[.!;])\s+")
_BEFORE = re.compile(
    r"\A(?:(?:(?:this|it|the)(?: field| value| one)? (?:is|will be)|it's|is|will be|always) )+", re.IGNORECASE
)
_ABSENT = (
    r"(?:empty|unset|not set|absent|missing|not (?:there|present|given|filled(?: in)?)|zero|0|null"
    r"|left (?:out|empty))"
)
_PRESENT = r"(?:set|present|there|given|filled(?: in)?|populated)"
_NEVER = re.compile(rf"{_ABSENT},? (?:while|as long as|if|when|for) (.+)", re.IGNORECASE)
_ONLY = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_ABSENT},? (?:unless|except (?:if|when|while|for)|until|before) (.+)",
        rf"only (?:{_PRESENT} )?(?:if|when|while|for|once|after) (.+)",
        rf"{_PRESENT},? only (?:if|when|while|for|once|after) (.+)",
    )
)
_ALWAYS = re.compile(
    rf"{_PRESENT},? (?:if(?:,? and only if,?)?|when(?:ever)?|once|as soon as|while|after) (.+)", re.IGNORECASE
)
_OR_IF = re.compile(r",? (?:and|or)(?: also)? (?:if|when|while) ")
_WHEN = re.compile(
    r"(?:(?:the |this |an? |its )?(?P<noun>`?[A-Za-z][A-Za-z_]*`?)"
    r"(?=(?:'s| is| are| was| were| has| have| gets| becomes| isn't| wasn't| hasn't) | ==? ) ?)?"
    r"(?P<be>(?:'s|is|are|was|were|has been|have been|gets|becomes|==?)(?: not)?(?= )|(?:is|was|has)n't(?: been)?)? ?"
    r"(?:(?:been|in(?: the)?(?: state)?|still|already|yet) )?(?P<words>.+?)(?: any ?more| yet)?"
)
_ITSELF = frozenset({"it", "this", "that", "one", "state", "status"})
_OR = re.compile(r",? or (?:is |was |has been )?|, |/")
_IS = re.compile(r"is|are|'s|==?")
_DONE = re.compile(r"(?!(?:re)?open\b).*(?:ed|en|id|nt|ne)")
"""What was done to a thing, and stays so whatever comes next."""

_SINCE = re.compile(r"\b(?:until|before|once|as soon as|after|becomes?|gets)\b")
_EXACT = re.compile(r"`?[A-Z][A-Z0-9_]+`?")
"""A value as the protos spell it: what is said of that is said of now."""


class Rule(Enum):
    """What is said of a field."""

    ABSENT = auto()
    """That it isn't there in some states."""

    ABSENT_ELSEWHERE = auto()
    """That it isn't there in any other state."""

    PRESENT = auto()
    """That it is there in some states."""


class Presence(NamedTuple):
    """One thing that a comment says of a field."""

    says: str
    """In its own words."""

    rule: Rule
    states: Mapping[FieldDescriptor, frozenset[int]]
    """Numbers of enums, and 1 for what is true or there: in each the thing is so."""

    is_exact: bool
    """Whether only how the thing is now matters; else what it has been counts as well."""

    def is_so(self, message: Message) -> bool | None:
        """Whether a thing is in one of the states; None if it doesn't say so, or may have been."""
        is_known = False
        for field, numbers in self.states.items():
            content: Any = getattr(message, field.name)
            number = int(content) if field.message_type is None else int(message.HasField(field.name))
            if number in numbers:
                return True
            # States mostly follow each other in the order of their numbers.
            is_told = field.enum_type is None or number != 0
            is_known |= is_told and (self.is_exact or number < min(numbers))
        return False if is_known else None

    def is_broken(self, message: Message, *, is_there: bool) -> bool:
        """Whether a message contradicts it, whose field *is_there*, or isn't."""
        is_so = self.is_so(message)
        match self.rule:
            case Rule.ABSENT:
                return is_there and is_so is True
            case Rule.ABSENT_ELSEWHERE:
                return is_there and is_so is False
            case Rule.PRESENT:
                return not is_there and is_so is True


@lru_cache(4096)
def presences(field: FieldDescriptor, registry: Registry) -> tuple[Presence, ...]:
    """Return what the comment of a field says of the states in which it is there."""
    words = field_comments(registry).get(field.full_name, "")
    return tuple(_read(field, words)) if words and not field.is_required else ()


def _read(field: FieldDescriptor, comment: str) -> Iterator[Presence]:
    for sentence in _SENTENCE.split(" ".join(comment.split())):
        text = _BEFORE.sub("", sentence.strip(" .;!"))
        only = next((found for pattern in _ONLY if (found := pattern.fullmatch(text))), None)
        always = _ALWAYS.fullmatch(text)
        if (never := _NEVER.fullmatch(text)) is not None:
            for when in _OR_IF.split(never[1]):
                yield from _told(field, sentence, [when], Rule.ABSENT)
        elif only is not None:
            yield from _told(field, sentence, _OR_IF.split(only[1]), Rule.ABSENT_ELSEWHERE)
        elif always is not None:
            # A reason may be empty where nobody has given one.
            rules = [Rule.PRESENT] if field.has_presence or "only if" in text else []
            yield from _told(field, sentence, _OR_IF.split(always[1]), Rule.ABSENT_ELSEWHERE, *rules)


_OPPOSITE = {Rule.ABSENT: Rule.ABSENT_ELSEWHERE, Rule.ABSENT_ELSEWHERE: Rule.ABSENT}


def _told(field: FieldDescriptor, sentence: str, whens: Sequence[str], *rules: Rule) -> Iterator[Presence]:
    """Yield the rules for the states in all of some conditions, if all of them are understood."""
    states: dict[FieldDescriptor, frozenset[int]] = {}
    is_exact = _SINCE.search(sentence) is None
    found = [_WHEN.fullmatch(when.strip()) for when in whens]
    for one in found:
        numbers = _states(field, one["words"]) if one is not None and _is_own(field, one) else {}
        if one is None or not numbers:
            return
        is_exact &= _EXACT.fullmatch(one["words"]) is not None or (
            _IS.fullmatch(one["be"] or "") is not None and not any(map(_DONE.fullmatch, _OR.split(one["words"])))
        )
        for own, some in numbers.items():
            states[own] = states.get(own, frozenset()) | some
    negated = [one is not None and re.search(r"n't|\bnot\b", one["be"] or "") is not None for one in found]
    if any(negated) and len(found) > 1:
        return
    for rule in rules:
        if not any(negated):
            yield Presence(sentence, rule, states, is_exact)
        elif rule in _OPPOSITE:
            yield Presence(sentence, _OPPOSITE[rule], states, is_exact)


def _is_own(field: FieldDescriptor, when: re.Match[str]) -> bool:
    """Whether a condition is one of the thing that has the field, and not of another one."""
    owner: Any = field.containing_type
    noun = snake_case((when["noun"] or "it").strip("`")).lower()
    own = snake_case(owner.name)
    if noun in _ITSELF or noun in own.split("_") or own.endswith(noun):
        return True
    if any(noun == one.name for one in states_of(owner)):
        return True
    others = [one for one in owner.file.message_types_by_name.values() if snake_case(one.name) == noun]
    return not any(_states(other.fields[0], when["words"]) for other in others if other.fields)


def _states(field: FieldDescriptor, words: str) -> dict[FieldDescriptor, frozenset[int]]:
    """Return the states among words of the thing that has the field; none if there are words for anything else."""
    found: dict[FieldDescriptor, frozenset[int]] = {}
    for part in _OR.split(words):
        one = _state(field, part)
        if one is None:
            return {}
        found[one[0]] = found.get(one[0], frozenset()) | {one[1]}
    return found


def _state(field: FieldDescriptor, words: str) -> tuple[FieldDescriptor, int] | None:
    owner: Any = field.containing_type
    nouns = "|".join(map(re.escape, snake_case(owner.name).split("_")))
    said = re.sub(rf"^(?:an?|the) | (?:{nouns})s?$", "", plain(words))
    for own in states_of(owner):
        for number, word in words_of(own).items():
            value = own.enum_type.values_by_number[number].name if own.enum_type is not None else word
            if own is not field and number and said in (plain(word), plain(value)):
                return own, number
    return None
