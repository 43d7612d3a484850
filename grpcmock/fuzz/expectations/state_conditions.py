"""In which states a call is refused, as comments of methods and the texts of refusals say: "once it is delivered".

Only what is said of a state alone is read. A condition with anything more in it (a time, a switch, another thing that
has to be so as well) may hold or not, whatever the state.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.naming import participle, singular
from grpcmock.fuzz.expectations.refusal_sentences import refusal_sentences
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.schema import Method, Registry

_CODES = [name for name in Code.__members__ if name not in ("OK", "CANCELLED", "UNKNOWN")]
_ERRORS = r"(?:ERROR|INVALID|ILLEGAL|NOT|ALREADY|FAILED|FAILURE|DENIED|FORBIDDEN|CONFLICT|WRONG|REFUSED|EXISTS)"
_CODE = (
    rf"(?:`?\b(?:{'|'.join(_CODES)}|(?:[A-Z]+_)*{_ERRORS}(?:_[A-Z]+)*)\b`?"
    r"|(?i:fails|refused|rejected|an error))"
)
"""What a call ends with: a status, a value of an enum where errors are told in the body, or plain words. Things may end
``CANCELLED`` as well."""

_BEFORE = (
    r"(?P<before>|.*[;:,] |(?i:.*\b(?:with|returns?|returned|gives?|answers?|yields?|raises?|throws?|is|are|be|ends?"
    r"|this|it|call|request|method|operation|and|an?|the) ))"
)
"""What may stand before a code, where it is what a call ends with."""

_NO_CALL = re.compile(
    r"\b(?:never|not|no longer|instead|rather|without|if|when|once|where|unless|until|while|becomes?|sets?|moves?"
    r"|marks?|turns?|goes|state|status|items?|each|every|some|those|they)\b|n't\b",
    re.IGNORECASE,
)
"""Before a code, these say that it isn't what the call ends with, or not always."""

_ANYWAY = re.compile(
    r"\b(?:forced?|overrid\w+|anyway|regardless|nonetheless|nevertheless|admin\w*|privileged|idempotent\w*|no-?op"
    r"|does nothing|no effect|best effort|eventually|asynchronous\w*|safe to)\b",
    re.IGNORECASE,
)
"""Where comments say that, there are calls to which their conditions don't apply, or not at once."""

_BY_KEY = re.compile(r"(?:key|token|request_?id)\b", re.IGNORECASE)
"""What tells a call that comes again; others are judged."""

_BESIDES = re.compile(
    r"\b(?:unless|except|but|while|and|with|without|when|where|only|apart|other than|for|since|after|before|until|which"
    r"|that|if|by|as|in|on|at|to|from|under|long|too|elsewhere|meanwhile)\b"
)
"""Among alternatives, words that add to a condition, or take from it."""

_CLAUSE = re.compile(
    r"(?:the|an?|its|it|this|that|there|another|somebody|nobody)\b(?:(?!\b(?:unless|except|but|while|only|when|where|if)\b).)*"
    r"\b(?:is|was|are|were|has|have|had|isn't|hasn't|can't|doesn't)\b"
    r"(?:(?!\b(?:unless|except|but|while|only|when|where|if)\b).)*"
)
"""An alternative of its own, which says nothing of the others."""

_REFUSED_IF = re.compile(
    rf"{_BEFORE}{_CODE}(?: is returned| error)?(?:, too)?,?"
    r" (?P<word>if|when|once|where|while|after|as soon as|unless|until) (?P<what>.+)"
)
_REFUSED_FOR = re.compile(rf"{_BEFORE}{_CODE} (?:for|on) (?:an?|any|the)? ?(?P<words>.+?) (?P<noun>one|[a-z]+)")
_IS_REFUSED = re.compile(
    rf"an? (?P<words>.+?) (?P<noun>one|[a-z]+) (?:is|gives|returns|answers|yields) {_CODE}", re.IGNORECASE
)
_ONLY = re.compile(
    r"only (?:an? )?(?P<words>.+?) (?P<noun>ones?|[a-z]+) (?:can|may) (?:be (?P<done>[a-z]+)|[a-z]+)", re.IGNORECASE
)
_SUBJECT = (
    r"(?:(?:the|this|that|an?|its|your) )?"
    r"(?P<noun>it|one|(?!(?:they|who|which|what|there|something|nothing|you|we|i)\b)"
    r"(?!(?:another|other|any|some|no|each|all) )"
    r"[a-z]+(?: (?!is|are|was|were|has|have|must|needs|already|not)[a-z]+)?)"
    r"(?: (?:[#\"'`][^ ]*|[^ ]*\d[^ ]*))?"
)
_IS = re.compile(
    rf"(?:{_SUBJECT} )?(?P<be>is|are|was|were|has been|have been|must be|has to be|needs to be|isn't|aren't|wasn't"
    r"|hasn't been|is not|are not|was not|has not been|must not be|can't be|already|not)"
    r"(?P<no> not| no longer)?(?: already| still| yet)? (?P<words>.+?)(?: already| yet| any ?more)?",
    re.IGNORECASE,
)
_NEVER = re.compile(
    r"(?:can't|cannot|can not) [a-z]+ (?:an?|the|this) (?P<words>.+?) (?P<noun>one|[a-z]+)", re.IGNORECASE
)
_NOT = re.compile(r"n't|\bnot\b", re.IGNORECASE)
_MUST = re.compile(r"\b(?:must|has to|needs to)\b", re.IGNORECASE)
_OR = re.compile(r",? or (?:has been |was |is )?(?:already )?|, (?!and\b)|/")
_ALTERNATIVE = re.compile(r"(?:,? or|,|,? and also|,? and,? too,?) (?:if|when|once|where|after|while) ")
_BESIDE = re.compile(r"^(?:already|still|yet) | (?:already|yet|any ?more|before)$")
_ARTICLE = re.compile(r"\b(?:an?|the) (?=\w)")
_EITHER = re.compile(r"[a-z-]+ or [a-z-]+", re.IGNORECASE)
"""Two words of which each is enough, though one of them may be no state: ``electric or retired``."""

_HAPPENED = re.compile(r"(?:it|this|that)(?: has)?(?: already)? (?:happened|been done)(?: already| before| once)?")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a call is refused."""

    states: frozenset[str]
    noun: str
    """What is in them: ``order``; empty for what the call is about."""

    is_unless: bool = False
    """Whether it is refused in all states but these."""

    is_mild: bool = False
    """Whether nothing is said of what happens otherwise: what is done already may be done again."""

    def __str__(self) -> str:
        words = " or ".join(sorted(self.states))
        return f"{self.noun or 'it'} is {'not ' if self.is_unless else ''}{words}"


def plain(word: str) -> str:
    """Return the word for a state, of a text or of an enum, in one spelling.

    >>> plain("IN_PROGRESS"), plain("`Cancelled`")
    ('in progress', 'canceled')
    """
    return re.sub(r"[\s_-]+", " ", word.strip("`'\" ")).lower().replace("cancelled", "canceled")


@lru_cache(4096)
def documented_conditions(method: Method, registry: Registry, known: frozenset[str]) -> tuple[Condition, ...]:
    """Return the conditions, in terms of the *known* states, in which the comment of a method says it is refused."""
    verb = snake_case(method.name).partition("_")[0]
    return tuple(conditions_in(method_comments(registry).get(method.full_name, ""), known, participle(verb)))


def conditions_in(comment: str, known: Collection[str], done: str = "") -> Iterator[Condition]:
    """Yield the conditions of a comment; *done* is what the method does to things: ``closed``.

    >>> [str(one) for one in conditions_in("FAILED_PRECONDITION once it is shipped or delivered.", {"shipped"})]
    ['it is shipped']
    >>> [str(one) for one in conditions_in("Only open tickets can be closed.", {"open"}, "closed")]
    ['ticket is not open']
    >>> list(conditions_in("FAILED_PRECONDITION if it is open and locked.", {"open"}))
    []
    """
    sentences = refusal_sentences(comment)
    if any(_ANYWAY.search(sentence) and not _BY_KEY.search(sentence) for sentence in sentences):
        return
    for text in sentences:
        if (found := _REFUSED_IF.fullmatch(text)) is not None and not _NO_CALL.search(found["before"]):
            is_unless = found["word"] in ("unless", "until")
            alternatives = [found["what"]] if is_unless else _ALTERNATIVE.split(found["what"])
            for what in alternatives:
                condition = _condition(what, known, all_=is_unless)
                if done in known and _HAPPENED.fullmatch(what.strip()) and not is_unless:
                    condition = Condition(frozenset({done}), "")
                if condition is not None and is_unless:
                    yield from _opposite(condition)
                elif condition is not None:
                    yield condition
        elif (found := _ONLY.fullmatch(text)) is not None and (states := _states(found["words"], known, all_=True)):
            if plain(found["done"] or "") == plain(done):
                yield Condition(states, _noun(found["noun"]), is_unless=True, is_mild=True)
        else:
            found = _REFUSED_FOR.fullmatch(text) or _IS_REFUSED.fullmatch(text)
            if found is not None and _NO_CALL.search(found.groupdict().get("before") or ""):
                continue
            is_each = found is not None and _EITHER.fullmatch(found["words"]) is not None
            if found is not None and (states := _states(found["words"], known, all_=not is_each)):
                yield Condition(states, _noun(found["noun"]))


def reason_in(text: str, known: Collection[str]) -> Condition | None:
    """Return the state that a refusal gives as its reason; None if it speaks of anything else.

    >>> str(reason_in("task 12 is already done", {"done"})), str(reason_in("it must be open", {"open"}))
    ('task is done', 'it is not open')
    >>> reason_in("the title is done for", {"done"})
    """
    text = " ".join(text.split()).rstrip(".!; ")
    for pattern, is_unless in ((_ONLY, True), (_NEVER, False)):
        found = pattern.fullmatch(text)
        if found is not None and (states := _states(found["words"], known, all_=True)):
            return Condition(states, _noun(found["noun"]), is_unless=is_unless)
    condition = _condition(text, known, all_=True)
    if condition is None or not _MUST.search(text):
        return condition
    return next(_opposite(condition), None)


def _condition(what: str, known: Collection[str], *, all_: bool = False) -> Condition | None:
    found = _IS.fullmatch(what.strip())
    if found is None:
        return None
    is_not = bool(_NOT.search(found["be"]) or found["no"])
    states = _states(found["words"], known, all_=all_ or is_not)
    return Condition(states, _noun(found["noun"] or ""), is_unless=is_not) if states else None


def _opposite(condition: Condition) -> Iterator[Condition]:
    yield Condition(condition.states, condition.noun, is_unless=not condition.is_unless)


def _states(words: str, known: Collection[str], *, all_: bool) -> frozenset[str]:
    """Return the known states among words; none if others stand beside them, where *all_* must be known."""
    parts = [plain(_BESIDE.sub("", part)) for part in _OR.split(words) if part]
    parts = [bare if (bare := _ARTICLE.sub("", part)) in known else part for part in parts]
    states = frozenset(part for part in parts if part in known)
    if any(_BESIDES.search(part) and not _CLAUSE.fullmatch(part) for part in parts if part not in known):
        return frozenset()
    return states if states and (not all_ or len(states) == len(set(parts))) else frozenset()


def _noun(word: str) -> str:
    word = word.lower().split()[-1] if word else ""
    return "" if word in ("it", "they", "one", "ones") else singular(word)
