"""Words for what failed, in the names of fields and of enums' values, and in texts; and the statuses that mean it."""

from __future__ import annotations

import re
from functools import lru_cache

from grpcmock.schema.naming import snake_case, words_of
from grpcmock.status import Code

FAILED = re.compile(
    r"reject(ed|ions?)|refused|refusals?|fail(ed|ures?)|error(s|ed)?|erroneous|invalid|malformed|skipped|ignored|dropped"
    r"|discarded|duplicate[sd]?|problems?|violations?|denied|declined|unprocess(ed|able)|unaccepted|conflict(s|ing)?"
    r"|faults?|bad|missing"
)
_BESIDE = re.compile(
    r"at|time|date|after|before|until|since|last|rate|ratio|percent|max|min|maximum|minimum|limit|threshold|policy|mode"
    r"|allow(ed)?|handler|ur[li]|topic|queue|skip|retr(y|ies)|on"
)
"""Words beside which the others tell of no failure: ``max_errors``, ``failed_at``."""

_NOT_DONE = re.compile(r"(^|_)not_[a-z]+")
"""``not_found``, ``items_not_imported``"""

TOTALS = re.compile(
    r"total|received|processed|handled|checked|scanned|attempted|requested|submitted|parsed|read|seen|examined|elapsed"
    r"|rows?|records|items|entries|lines?|messages|requests|count|size|length|bytes|index|position|offset|duration|took"
    r"|seconds|millis|ms|nanos|limit|max|remaining|version"
)
"""What numbers count that says nothing of whether anything was done."""

WORDS = (
    ("NOT_FOUND", Code.NOT_FOUND),
    ("NOT_EXIST", Code.NOT_FOUND),
    ("MISSING", Code.NOT_FOUND),
    ("EXISTS", Code.ALREADY_EXISTS),
    ("DUPLICATE", Code.ALREADY_EXISTS),
    ("INVALID", Code.INVALID_ARGUMENT),
    ("ILLEGAL", Code.INVALID_ARGUMENT),
    ("BAD_REQUEST", Code.INVALID_ARGUMENT),
    ("INTERNAL", Code.INTERNAL),
    ("UNKNOWN_ERROR", Code.UNKNOWN),
)
"""What names begin or end with, and which status means that."""

OWN = (
    (re.compile(r"\binternal (server )?error|\bpanic", re.IGNORECASE), Code.INTERNAL),
    (re.compile(r"not found|no such|no [\w ]+ found|n't exist|not exist", re.IGNORECASE), Code.NOT_FOUND),
    (re.compile(r"already exist|duplicate", re.IGNORECASE), Code.ALREADY_EXISTS),
)
"""What is said without a status of gRPC's, and which of those means that."""

OF_REQUEST = (
    re.compile(
        r"\b(must|invalid|required|missing|empty|blank|malformed|too (long|short|large|small|many|few|high|low)"
        r"|at (most|least)|between|out of range|not (a|an|valid|allowed)|unsupported)\b",
        re.IGNORECASE,
    ),
    Code.INVALID_ARGUMENT,
)
"""What is said of a request that is wrong by itself, whatever there is."""


@lru_cache(4096)
def names_failure(name: str) -> bool:
    """Whether a name is one for what failed: ``rejected_count``, ``row_errors``, ``STATE_FAILED``."""
    is_failed = has_word(FAILED, name) or _NOT_DONE.search(as_constant(name).lower()) is not None
    return is_failed and not has_word(_BESIDE, name)


def names_error(name: str) -> bool:
    """Whether the value of an enum is one for an error: what failed, or a code for that, ``EMAIL_EXISTS``."""
    return names_failure(name) or any(word in as_constant(name) for word, _ in WORDS)


def has_word(words: re.Pattern[str], name: str) -> bool:
    """Whether one of the words of a name is among these."""
    return any(map(words.fullmatch, words_of(as_constant(name).lower())))


def as_constant(name: str) -> str:
    """Return the name of an enum's value as the style guide has it: ``UserNotExists`` as USER_NOT_EXISTS."""
    return snake_case(name).upper()
