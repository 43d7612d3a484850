"""Patterns of the stub format, put together from plain values, and how many conditions they count for."""

from __future__ import annotations

import json
import re
from typing import Any

_WHOLE = ("$in", "$nin", "$or", "$eq")
_INSIDE = ("$and", "$all", "$each", "$some", "$first", "$last", "$not", "$only", "$unordered")


def both(patterns: list[Any]) -> Any:
    """Give one pattern that holds where all of *patterns* do; None where there are none."""
    patterns = [pattern for pattern in patterns if pattern is not None]
    if len(patterns) < 2:
        return patterns[0] if patterns else None
    if all(isinstance(pattern, dict) for pattern in patterns):
        operators = {all(str(key).startswith("$") for key in pattern) for pattern in patterns if pattern}
        keys = [key for pattern in patterns for key in pattern]
        if len(operators) == 1 and len(keys) == len(set(keys)):
            return {key: value for pattern in patterns for key, value in pattern.items()}
    return {"$and": patterns}


def either(patterns: list[Any]) -> Any:
    """Give one pattern that holds where one of *patterns* does."""
    if len(patterns) == 1:
        return patterns[0]
    if all(pattern is None or not isinstance(pattern, (dict, list)) for pattern in patterns):
        return {"$in": patterns}
    return {"$or": patterns}


def negated(pattern: Any) -> Any:
    """Give a pattern that holds where *pattern* doesn't."""
    if not isinstance(pattern, (dict, list)):
        return {"$ne": pattern}
    if isinstance(pattern, dict) and list(pattern) == ["$in"]:
        return {"$nin": pattern["$in"]}
    return {"$not": pattern}


def regex_of_glob(glob: str, *, separator: str = "/") -> str:
    """Write a glob of Go's ``path.Match``, where ``*`` and ``?`` stop at a separator, as a regular expression."""
    one = f"[^{re.escape(separator)}]" if separator else "."
    made, position = [], 0
    while position < len(glob):
        char = glob[position]
        end = glob.find("]", position + 2) if char == "[" else -1
        if char == "*":
            made.append(one + "*")
        elif char == "?":
            made.append(one)
        elif end > 0:
            inside = glob[position + 1 : end]
            negative = inside[:1] in ("!", "^")
            made.append(f"[{'^' if negative else ''}{inside[negative:]}]")
            position = end
        elif char == "\\" and position + 1 < len(glob):
            position += 1
            made.append(re.escape(glob[position]))
        else:
            made.append(re.escape(char))
        position += 1
    return f"^{''.join(made)}$"


def condition_count(value: Any) -> int:
    """Count the conditions of a pattern as the precedence of stubs counts them."""
    if isinstance(value, dict) and value:
        return sum(_of_entry(str(key), child) for key, child in value.items())
    if isinstance(value, list) and value:
        return sum(map(condition_count, value))
    return 1


def _of_entry(key: str, value: Any) -> int:
    if key in _WHOLE or (key.startswith("$") and key not in _INSIDE):
        return 1
    if key in ("$and", "$all", "$unordered"):
        return sum(map(condition_count, value))
    return condition_count(value)


def disjoint(one: Any, other: Any) -> bool:
    """Whether no value can fit both patterns, as far as plain values in them tell."""
    if isinstance(one, dict) and isinstance(other, dict):
        shared = one.keys() & other.keys()
        return any(disjoint(one[key], other[key]) for key in shared if key == "$eq" or not str(key).startswith("$"))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) != len(other) or any(disjoint(a, b) for a, b in zip(one, other, strict=True))
    scalars = not isinstance(one, (dict, list)) and not isinstance(other, (dict, list))
    return scalars and json.dumps(one, default=str) != json.dumps(other, default=str) and str(one) != str(other)
