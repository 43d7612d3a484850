"""What a refusal minds in a value, as its words have it: how much it is, how it is written, or something else."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments
from grpcmock.fuzz.expectations.method_comments import method_comments
from grpcmock.fuzz.expectations.relative_limits import is_relative
from grpcmock.fuzz.expectations.stated_limits import QUOTED, WORD, WORDS_OF_LIMITS, limit_in, words_of_names
from grpcmock.schema.naming import snake_case

if TYPE_CHECKING:
    from grpcmock.fuzz.expectations.field_paths import Fields
    from grpcmock.schema import Method, Registry


class Kind(Enum):
    """A property of a value that a server may mind, and that a rule may speak of."""

    BOUND = "bound"
    """How much it is, how long, how many."""

    FORM = "form"
    """How it is written."""

    UNIQUE = "unique"
    """Whether something is in a list twice."""

    CHOICE = "choice"
    """Which of several it is: whatever else is said of it."""

    OTHER = "other"
    """What no bound, form or choice comes to: steps, days of the calendar, what there is, other values, the state."""


_BOUND = re.compile(
    r"\btoo (?:long|short|large|big|small|high|low|great|many|few|much|little|old|young)\b|\bexceed"
    r"|\bout of (?:range|bounds)|\b(?:range|bounds?|limits?|max(?:imum)?|min(?:imum)?|at most|at least|up to|less|fewer"
    r"|greater|longer|shorter|larger|smaller|higher|lower|length|long|negative|positive|zero|above|below|between"
    r"|more than)\b",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"\b(?:pattern|regex\w*|match\w*|format\w*|prefix|suffix|begin\w*|start\w*|ends?|(?<!\d )letters?|digits?"
    r"|alphanumeric\w*|uppercase|lowercase|capitals?|hyphens?|dashes|dash|underscores?|looks?|like|written|malformed"
    r"|syntax|pars\w+|well-formed|ascii|unicode|utf|encod\w+|hex\w*|base64|uuid|guid|e-?mail|ur[il]|hostname|ip"
    r"|(?:not|only|may) contain(?! (?:more|less|fewer|at)\b)|valid [a-z]+)\b",
    re.IGNORECASE,
)
_UNIQUE = re.compile(
    r"\b(?:duplicate\w*|duplication|unique\w*|distinct|twice|repeat\w*|more than once)\b", re.IGNORECASE
)
_OTHER = re.compile(
    r"\b(?:steps?|multiples?|increments?|divisible|even|odd|round\w*|whole|decimals?|fractions?|precision|hundredths"
    r"|calendar|weekdays?|weekends?|holidays?|day that|already|taken|in use|reserved|exist\w*|unknown|no such|not found"
    r"|there (?:is|are) (?:no|none)|nobody|none that|blanks?|white ?space|overlap\w*|conflict\w*|collid\w*|clash\w*"
    r"|sort\w*|ascending|descending|before|after|earlier|later|past|future|today|now|expired?|same|both|either|neither"
    r"|together|combin\w+|depends?|unless|if|when|while|because|another|differ\w*|mismatch\w*|agree\w*|belongs?"
    r"|current\w*|state)\b|\bequal (?!to -?\d|or )",
    re.IGNORECASE,
)

# fmt: off
_VAGUE = frozenset({
    "acceptable", "accepted", "all", "allowed", "also", "any", "argument", "as", "bad", "been", "being", "but", "by",
    "constraint", "do", "does", "doesn", "each", "empty", "entire", "entry", "error", "every", "failed", "field",
    "fields", "given", "here", "how", "illegal", "incorrect", "input", "into", "item", "just", "kind", "like", "may",
    "message", "missing", "needed", "needs", "numeric", "on", "one", "only", "other", "our", "own", "parameter",
    "permitted", "please", "present", "property", "provided", "refused", "rejected", "request", "required", "rule",
    "set", "so", "some", "string", "such", "supplied", "supported", "sure", "text", "the", "then", "these", "they",
    "this", "those", "too", "unacceptable", "unexpected", "unsupported", "us", "use", "valid", "validation", "values",
    "violated", "violates", "was", "were", "which", "who", "will", "wrong", "you", "your", "n't",
})
# fmt: on
"""Words that don't say what is wrong."""


def kinds_in(words: str, way: Fields) -> frozenset[Kind]:
    """Return what a refusal in these words minds about a field; nothing if it doesn't say.

    What isn't known to be a bound or a form may be any choice.
    """
    text = _without_names(words, way)
    if is_relative(words) or _OTHER.search(text):
        return frozenset({Kind.OTHER})
    found = {kind for kind, said in _SAID.items() if said.search(text)}
    if limit_in(text) is not None:
        found.add(Kind.BOUND)
    return frozenset(found or ({Kind.CHOICE} if telling_words(words, way) else ()))


_SAID = {Kind.BOUND: _BOUND, Kind.FORM: _FORM, Kind.UNIQUE: _UNIQUE}


def telling_words(words: str, way: Fields) -> frozenset[str]:
    """Return the words of a text that say more than that, or how much, something is wrong with a field, less their
    plural."""
    found = (one.rstrip("s") for one in WORD.findall(_without_names(words, way)))
    return frozenset(found) - _NOT_TELLING


def is_commented(words: str, way: Fields, method: Method, registry: Registry) -> bool:
    """Whether the comment of a field, or of a method, speaks of what a refusal minds about it, be it in other words.

    One word in common will do, of the long comments of methods two, less the names that both have to use.
    """
    owners = [field.containing_type.name for field in way if field.containing_type is not None]
    names = [name for one in (method.name, *owners) for name in snake_case(one).split("_")]
    telling = telling_words(words, way) - {name.rstrip("s") for name in names}
    of_field = telling_words(field_comments(registry).get(way[-1].full_name, ""), way)
    of_method = telling_words(method_comments(registry).get(method.full_name, ""), way)
    return bool(telling & of_field) or len(telling & of_method) > 1


_NOT_TELLING = frozenset(word.rstrip("s") for word in (*WORDS_OF_LIMITS, *_VAGUE))


def _without_names(words: str, way: Fields) -> str:
    """Return a text in small letters, without what is quoted, and without the names of the fields on a way."""
    own = words_of_names(way)
    text = QUOTED.sub(" ", words).lower()
    return _NAME.sub(lambda found: "" if found[0].rpartition(".")[2] in own else found[0], text)


_NAME = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)*")
