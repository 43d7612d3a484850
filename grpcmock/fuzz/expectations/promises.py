"""What the comments in protos promise of keys that callers choose, and of things that they name.

That a value is unique, that a request with it may be sent again, that what it names is NOT_FOUND where it isn't there.
Only what is said without a condition counts: a comment that says it of some cases promises nothing that can be tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.field_paths import Fields, reachable
from grpcmock.fuzz.expectations.keys_of_requests import identifies_another, refuses_other
from grpcmock.fuzz.expectations.method_comments import method_comments, service_comments
from grpcmock.fuzz.expectations.naming import singular, verb_and_noun
from grpcmock.fuzz.expectations.number_types import WHOLE
from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Method, Registry

_SENTENCE = re.compile(r"(?<=[.;!])\s+|\n\s*\n")
_NOT = re.compile(r"\b(?:not|no|non|never|needn|isn|aren|doesn|don|without|unsafe|may)\b", re.IGNORECASE)
_NOT_SURELY = re.compile(rf"{_NOT.pattern}|\b(?:need|should|might|can|recommend\w*)\b", re.IGNORECASE)
_UNIQUE = re.compile(r"(?<!more )(?<!many )(?<!number of )\bunique\b", re.IGNORECASE)
_OF_CALLS = re.compile(
    r"\b(?:requests?|retr(?:y|ies)|trac(?:e|es|ing)|logs?|logging|correlat\w+)\b"
    r"|\b(?:this|each|every|per|the|a|one|between|among|across|of) (?:call|message|attempt|operation)s?\b",
    re.IGNORECASE,
)
"""A value that is unique among those is none of a thing."""

_REPEATABLE = re.compile(
    r"\bidempoten\w+|\bsafe to (?:send|repeat|retry|make|call|submit|use)\b"
    r"|\bsafely (?:be )?(?:re-?sent|repeat\w*|retr\w+)|\b(?:re-?sent|repeated|retried|sent again) safely\b"
    r"|\b(?:sending|making) the same (?:request|call) (?:again|twice|once more)\b[^.;]*\bthe first\b",
    re.IGNORECASE,
)
_REPEATABLE_BY_NAME = re.compile(r"idempotency_(?:key|token)|idempotent_(?:key|id)|client_token")
_SAME_AGAIN = re.compile(
    r"\b(?:second|repeated|again|retry|retries|duplicate)\b.*\b(?:gives?|returns?|answers?|yields?)\b.*"
    r"\b(?:first|same|original|previous|earlier)\b",
    re.IGNORECASE | re.DOTALL,
)
_ABSENT = re.compile(
    r"\bNOT_FOUND\b,?\s*(?:is returned\s+|error\s+)?(?:if|when|where|for)\b"
    r"(?P<what>[^.;]*\b(?:no such|there (?:is|'s) no|does not exist|doesn't exist|isn't there|is not there)\b[^.;]*)"
)
_TAKEN = re.compile(
    r"\bALREADY_EXISTS\b,?\s*(?:is returned\s+|error\s+)?(?:if|when|where)\b\s*"
    r"(?P<what>(?:there (?:is|'s) (?:already )?(?:one|an?|another)\b|an?\b(?=[^.;]*\b(?:already )?exists\b))[^.;]*)"
)
_IS_TAKEN = re.compile(
    r"\bALREADY_EXISTS\b,?\s*(?:is returned\s+|error\s+)?(?:if|when|where)\b\s*"
    r"(?:(?:the|its|their|this|that) (?P<noun>[\w` ]+?)"
    r" (?:is|are|was|has been) (?:already )?(?:taken|in use|used|registered)"
    r"|(?:somebody|someone|an? [a-z]+|another(?: [a-z]+)?|there (?:is|'s) (?:already )?an? [a-z]+)"
    r"(?: else)?(?: already)? (?:is [a-z]+ )?(?:has|with|of|under|by|uses) (?:this|that|the(?: same)?)"
    r" (?P<noun2>[\w` ]+?))"
    r"(?: already)?(?=[.;,:(]| \(|\s*$)(?P<rest>[^.;]*)",
)
_OR_IF = re.compile(
    r"(?P<taken>\bALREADY_EXISTS\b,?\s*(?:if|when|where) )(?P<first>[^.;]*?),? or (?:if|when|where) ", re.IGNORECASE
)
_ARE_UNIQUE = re.compile(
    r"(?:^|(?<=[.;!]))\s*(?:the |an? )?(?P<noun>[\w` ]+?) (?:is|are|must be|have to be|has to be)"
    r" (?:globally )?unique\b(?P<rest>[^.;]*)",
    re.IGNORECASE,
)
"""``Emails are unique``: of the field that is called so."""

_ANOTHER = re.compile(
    r"\b(?:ALREADY_EXISTS|FAILED_PRECONDITION)\b[^.;]*?\b(?:if|when|where|once)\b"
    r"(?P<what>(?: [\w`' ]+? has)? (?:another|some other|there is another)(?: open| existing)? [a-z]+ [^.;,]*)"
    r"(?P<rest>[^.;]*)"
)
_AGREES = re.compile(r"\b(?:same|this|that|these|those|overlap\w*|conflict\w*)\b")
_WITHOUT = re.compile(r"\b(?:unless|except|not|no|without|other than|different)\b|n't\b")
_BUT = re.compile(r"\b(?:unless|except|but|as long as|only|other than)\b")
IS_OVER = re.compile(
    r"\b(?:running|progress|currently|same time|concurrent\w*|meanwhile|pending|active|flight|locks?|locked|holds?"
    r"|leases?|transaction|request|call|update|operation|write|client|caller|process|run|worker|job|build|import|export|backup)\b"
)
"""What was made by a call may be over when it is answered: two transactions, one after the other, don't conflict."""


_ANY_CASE = re.compile(
    r"\b(?:whatever|in (?:whatever|any)|regardless of|irrespective of|ignoring|without regard to|no matter(?: what)?)"
    r"(?: the| its| their)?(?: upper or lower)? case\b|\bcase[- ]insensitive(?:ly)?"
    r"|\bcase (?:does not|doesn't|makes no) "
    r"|\b(?:upper|lower) (?:case )?(?:and|or) (?:upper|lower) case (?:letters )?"
    r"(?:make no|don't make a|does not|doesn't|(?:are|count as) the same)\b",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    r"\bunique\b(?:[^.;]*?\b(?:(?:with)?in|per|among|across)|(?: only)? for)\s+"
    r"(?:(?:the|its|their|each|every|a|an|one|this|that|any)\s+)?(?:(?:same|single|given)\s+)?(?P<noun>[a-z]+)",
    re.IGNORECASE,
)
"""Not ``a unique id for the project``, which is the id of that."""

_ON_CONDITION = re.compile(
    r"\b(?:unless|except|only|while|if|when|where|but|per|among|across|(?:with)?in|for|of|below|set|given|not|no)\b"
    r"|n't\b",
    re.IGNORECASE,
)
_FOR_A_WHILE = re.compile(r"\b(?:running|active|open|pending|progress|scheduled|recent\w*|within|same|not|no)\b")
"""What is there under these conditions may be there no more, or be less than the one field that is spoken of."""

_SOMETIMES = re.compile(r"\b(?:unless|except|and|or|only|while|set|given|but|also|otherwise)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Promise:
    """What is said of one field of a request."""

    way: Fields
    is_unique: bool = False
    """Whether no two things have the same value, by the comment of the field, or by what that of the method says of
    ALREADY_EXISTS."""

    is_refused: bool = False
    """Whether it is said of just this field that a second thing with its value is ALREADY_EXISTS."""

    is_repeatable: bool = False
    """Whether a request with it may be sent again, for nothing is done twice."""

    gives_same: bool = False
    """Whether it is said as well that the answer is the first one's then."""

    refuses_other: bool = False
    """Whether it is said that another request with it is refused."""

    ignores_case: bool = False
    """Whether what differs in its case alone is the same, as the comment says."""

    within: str = ""
    """Within what it is unique, by the noun: below another one there may be the same."""

    is_of_whole: bool = False
    """Whether what is unique is said to be so of requests as they are: others may mean something else by the value."""


def promises_of(method: Method, registry: Registry) -> tuple[Promise, ...]:
    """Return what is promised of the texts and numbers in a method's request by which callers tell things apart."""
    return _promises(registry).get(method.path, ())


@lru_cache(16)
def _promises(registry: Registry) -> dict[str, tuple[Promise, ...]]:
    return {method.path: tuple(_promised(method, registry)) for method in registry.methods.values()}


def _promised(method: Method, registry: Registry) -> Iterator[Promise]:
    of_fields, of_method = field_comments(registry), method_comments(registry).get(method.full_name, "")
    of_service = service_comments(registry).get(method.service, "")
    for way in reachable(method.input):
        if len(way) > 2 or any(field.is_repeated for field in way):
            continue
        words = of_fields.get(way[-1].full_name, "")
        shown = method.output.fields_by_name.get(way[-1].name) if not only_reads(method) else None
        of_thing = of_fields.get(shown.full_name, "") if shown is not None and shown is not way[-1] else ""
        nouns, is_text = _nouns(way[-1]), way[-1].type == way[-1].TYPE_STRING
        told = told_unique(f"{of_method} {words}", nouns) if _is_key(way[-1]) else ""
        if (told or (len(way) == 1 and is_taken_once(of_method, nouns))) and not is_unique(words):
            ignores_case = is_text and ignoring_case(f"{told} {of_thing}")
            is_refused = "ALREADY_EXISTS" in told
            yield Promise(
                way, is_unique=True, is_refused=is_refused, is_of_whole=not is_refused, ignores_case=ignores_case
            )
            continue
        if not _is_key(way[-1]):
            continue
        about = f"{words} {_about(of_method, way[-1].name)}"
        repeatable = is_repeatable(about) or _REPEATABLE_BY_NAME.fullmatch(snake_case(way[-1].name)) is not None
        promise = Promise(
            way,
            is_unique=is_unique(words) and not identifies_another(words, way[-1], method),
            is_repeatable=repeatable,
            gives_same=repeatable and _SAME_AGAIN.search(about) is not None,
            refuses_other=repeatable and any(map(refuses_other, (words, of_method, of_service))),
            ignores_case=is_text and ignoring_case(words),
            within=_within(words, way[-1], method),
        )
        if promise.is_unique or promise.is_repeatable:
            yield promise


def is_unique(words: str) -> bool:
    """Whether a comment says of a field that no two things have the same value.

    >>> is_unique("What the sender calls it: unique, where it is there.")
    True
    >>> is_unique("A name to show, which need not be unique.")
    False
    """
    told = [sentence for sentence in _SENTENCE.split(words) if _UNIQUE.search(sentence)]
    return bool(told) and not any(_NOT_SURELY.search(sentence) or _OF_CALLS.search(sentence) for sentence in told)


def is_repeatable(words: str) -> bool:
    """Whether a comment says that a request may be sent again.

    >>> is_repeatable("`reference` makes it safe to send the same transfer twice.")
    True
    >>> is_repeatable("Calls are not idempotent.")
    False
    """
    told = [sentence for sentence in _SENTENCE.split(words) if _REPEATABLE.search(sentence)]
    return bool(told) and not any(_NOT.search(sentence) for sentence in told)


def is_taken_once(words: str, nouns: frozenset[str]) -> bool:
    """Whether a comment of a method says that something is ALREADY_EXISTS where there is one of the same field, which
    is called so.

    >>> is_taken_once("ALREADY_EXISTS if there is one at this point.", frozenset({"point"}))
    True
    >>> is_taken_once("ALREADY_EXISTS if there is one of this name that is running.", frozenset({"name"}))
    False
    """
    for found in _TAKEN.finditer(words):
        what = found["what"]
        if _SOMETIMES.search(what) or _FOR_A_WHILE.search(what):
            continue
        if re.search(rf"\b(?:this|that|the) (?:{'|'.join(map(re.escape, sorted(nouns)))})\b(?!\s+\w)", what):
            return True
    return False


def told_unique(words: str, nouns: frozenset[str]) -> str:
    """Return what a comment of a method says of a field, which is called so, of which no two things have the same
    value; empty if it says nothing of the kind, or not without a condition.

    >>> told_unique("Emails are unique regardless of case (ALREADY_EXISTS).", frozenset({"email"}))
    'Emails are unique regardless of case (ALREADY_EXISTS)'
    >>> told_unique("Names are unique within a project.", frozenset({"name"}))
    ''
    """
    text = " ".join(words.split())
    while _OR_IF.search(text):
        text = _OR_IF.sub(r"\g<taken>\g<first>. \g<taken>", text)
    for pattern in (_IS_TAKEN, _ARE_UNIQUE):
        for found in pattern.finditer(text):
            noun = found["noun"] or found.groupdict().get("noun2") or ""
            rest = _ANY_CASE.sub("", re.sub(r"\bALREADY_EXISTS\b", "", found["rest"]))
            said = noun.strip("` ").lower()
            if not nouns.isdisjoint({said, singular(said)}) and not _ON_CONDITION.search(rest):
                return found[0].strip()
    return ""


def ignoring_case(words: str) -> bool:
    """Whether words say of a value that upper and lower case make no difference."""
    return _ANY_CASE.search(words) is not None


def refuses_same(words: str) -> bool:
    """Whether a comment of a method says that it is refused where there is another thing that agrees with the request,
    in ways in which what the same request has made before agrees.

    >>> refuses_same("FAILED_PRECONDITION if another session overlaps it and is in the same room.")
    True
    >>> refuses_same("ALREADY_EXISTS if another project has this key.")
    True
    >>> refuses_same("FAILED_PRECONDITION if another one has this name and is published.")
    False
    >>> refuses_same("FAILED_PRECONDITION if another transaction conflicts with this one.")
    False
    """
    return bool(refused_again(words))


@lru_cache(1024)
def refused_again(words: str) -> str:
    """Return in which ways another thing agrees with a request that is refused then; empty if nothing is said of it."""
    for found in _ANOTHER.finditer(words):
        clauses, unclear = re.split(r"\band\b", found["what"]), (_WITHOUT, IS_OVER)
        if any(one.search(found["what"]) for one in unclear) or _BUT.search(found["rest"]):
            continue
        if all(_AGREES.search(clause) for clause in clauses):
            return found["what"]
    return ""


def must_name_something(words: str, nouns: frozenset[str]) -> bool:
    """Whether a comment says that something called so is NOT_FOUND where it isn't there, whatever else is said.

    >>> must_name_something("NOT_FOUND if there is no such lease.", frozenset({"lease"}))
    True
    >>> must_name_something("NOT_FOUND if there is no such shelf, unless it is to be made.", frozenset({"shelf"}))
    False
    """
    for found in _ABSENT.finditer(words):
        what = found["what"]
        if not _SOMETIMES.search(what) and not nouns.isdisjoint(
            re.findall("[a-z]+", snake_case(what.replace(" ", "_")))
        ):
            return True
    return False


def _nouns(field: FieldDescriptor) -> frozenset[str]:
    """Return what a comment may call a field: by its name, or by its type."""
    names = {snake_case(field.name)}
    if field.message_type is not None:
        names.add(snake_case(field.message_type.name))
    return frozenset(names | {name.replace("_", " ") for name in names})


def _within(words: str, own: FieldDescriptor, method: Method) -> str:
    """Return the noun of what a value is unique in; empty if that is everywhere, or what has the value itself."""
    found = _WITHIN.search(words)
    noun = found["noun"].lower() if found is not None else ""
    made = verb_and_noun(method.name)
    is_its_own = snake_case(own.name).startswith(f"{noun}_") or (made is not None and snake_case(made[1]) == noun)
    return "" if is_its_own else noun


def _about(words: str, name: str) -> str:
    """Return a comment of a method from where it speaks of a field by its name, as code."""
    found = re.search(rf"`{re.escape(name)}`", words)
    return words[found.start() :] if found is not None else ""


def _is_key(field: FieldDescriptor) -> bool:
    return field.type == field.TYPE_STRING or field.cpp_type in WHOLE
