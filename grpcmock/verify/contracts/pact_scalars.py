"""What one matching rule of a Pact says of a scalar, as a pattern.

Pact's library decides by the type of a value which rules it knows (`pact_matching::matchingrules`); one that it doesn't
know for a type never holds there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from grpcmock.matching.leaves import WELL_KNOWN
from grpcmock.matching.value_types import DynamicType, ScalarType, ValueType
from grpcmock.regex import compile_regex
from grpcmock.stubs.operators import Family
from grpcmock.verify.contracts.pact_dates import DEFAULTS, date_regex
from grpcmock.verify.contracts.pact_regexes import searched

Matcher = Mapping[str, Any]

ANY: Any = {"$or": [{"$exists": True}, {"$exists": False}]}
"""Whatever there is. A rule on types is no more: a field has its type by the protos, and is at its default if it isn't
sent."""

EQUALITY = frozenset({"equality", "equal"})
TYPES = frozenset({"type", "min", "max", "min-type", "max-type"})
NOT_INHERITED = frozenset({"eachKey", "eachValue", "values"})
"""Rules on what holds them: below it, they say nothing."""

_NUMBER = r"^[+-]?(?i:inf|infinity|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$"
_SEMVER = (
    r"^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    r"(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$"
)
_OF_TEXT: dict[str, Any] = {
    "number": {"$regex": _NUMBER},
    "decimal": {"$regex": _NUMBER},
    "real": {"$regex": _NUMBER},
    "integer": {"$regex": r"^\+?\d+$"},
    "boolean": {"$regex": "^(?:true|false)$"},
    "semver": {"$regex": _SEMVER},
    "notEmpty": {"$size": {"$gte": 1}},
}
_NUMBERS = re.compile(r"\^?\(?(?:\?:)?(-?\d+(?:\|-?\d+)*)\)?\$?")


def scalar_pattern(
    matchers: Sequence[Matcher],
    example: Any,
    kind: ValueType,
    *,
    either: bool,
    inherited: bool,
    told: Callable[[Matcher], None],
) -> Any:
    """Return the pattern of the rules on a value; *either* says that one is enough.

    *inherited* says that the rules are those of what holds the value. *told* gets each rule without a counterpart; the
    example is compared there.
    """
    found = []
    for matcher in matchers:
        made = _of_rule(matcher, example, kind, inherited=inherited)
        if made is None:
            told(matcher)
        found.append(example if made is None else made)
    return united(found) if either else joined(found)


def united(patterns: Iterable[Any]) -> Any:
    """Return the pattern that one of several is enough for."""
    found = _distinct(patterns)
    if ANY in found:
        return ANY
    return found[0] if len(found) == 1 else {"$or": found}


def joined(patterns: Iterable[Any]) -> Any:
    """Return the pattern that all of several have to hold for; of none, any value's."""
    found = [pattern for pattern in _distinct(patterns) if pattern != ANY]
    if not found:
        return ANY
    return found[0] if len(found) == 1 else {"$and": found}


def _distinct(patterns: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for pattern in patterns:
        if not any(pattern == known and type(pattern) is type(known) for known in found):
            found.append(pattern)
    return found


def _of_rule(matcher: Matcher, example: Any, kind: ValueType, *, inherited: bool) -> Any:
    """Return the pattern that says the same as one rule; None if there is none."""
    name = str(matcher.get("match", ""))
    is_text = kind.family is Family.STRING and not isinstance(kind, DynamicType)
    if name in EQUALITY or (name == "values" and is_text):
        return example
    if name in TYPES or (inherited and name in NOT_INHERITED):
        return ANY
    if is_text:
        return _of_text(name, matcher)
    if not isinstance(kind, ScalarType):
        return None
    if names := _names(kind):
        return _of_names(name, matcher, names)
    if kind.family is Family.BYTES:
        return {"$size": {"$gte": 1}} if name == "notEmpty" else None
    return _of_number(name, matcher, kind)


def _of_text(name: str, matcher: Matcher) -> Any:
    match name:
        case "regex":
            return _of_regex(matcher.get("regex"))
        case "include":
            return {"$contains": str(matcher.get("value", ""))}
        case "date" | "time" | "timestamp" | "datetime":
            regex = date_regex(str(matcher.get("format") or matcher.get(name) or DEFAULTS[name]))
            return None if regex is None else {"$regex": regex}
    return _OF_TEXT.get(name)


def _of_regex(regex: Any) -> Any:
    try:
        compile_regex(found := searched(str(regex)))
    except ValueError:
        return None
    return {"$regex": found}


def _names(kind: ScalarType) -> dict[str, Any]:
    """Return the values of a kind that has few, by the text that Pact compares."""
    if kind.default is False:
        return {"true": True, "false": False}
    return {name: name for name in kind.names}


def _of_names(name: str, matcher: Matcher, names: Mapping[str, Any]) -> Any:
    """Return which of the values a rule on texts lets through."""
    is_bool = "true" in names
    if name == "boolean" and is_bool:
        return ANY
    if name == "include" and not is_bool:
        fitting = [value for text, value in names.items() if str(matcher.get("value", "")) in text]
    elif name == "regex" and (found := _of_regex(matcher.get("regex"))) is not None:
        search = compile_regex(found["$regex"]).search
        fitting = [value for text, value in names.items() if search(text)]
    else:
        return None
    return {"$in": fitting} if fitting else None


def _of_number(name: str, matcher: Matcher, kind: ScalarType) -> Any:
    if name == "regex" and (found := _NUMBERS.fullmatch(str(matcher.get("regex")))):
        return {"$in": [int(number) for number in found[1].split("|")]} if kind.family is Family.ORDERED else None
    whole = kind.family is Family.ORDERED
    fitting = name in (("number", "integer") if whole else ("number", "decimal", "real"))
    return ANY if fitting and (whole or kind.family is Family.FLOAT) else None


def inner_step(kind: ValueType) -> tuple[str, ...]:
    """Return the step to what a Pact compares of a value that is a message there, and a scalar here."""
    if kind in (WELL_KNOWN["google.protobuf.Timestamp"], WELL_KNOWN["google.protobuf.Duration"]):
        return ("seconds",)
    return ("value",) if " (in a " in kind.name else ()
