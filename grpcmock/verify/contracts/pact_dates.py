"""Formats of dates and times, as Java writes them and as Pact's library reads what is to fit them."""

from __future__ import annotations

import re
from collections.abc import Callable

DEFAULTS = {
    "date": "yyyy-MM-dd",
    "time": "HH:mm:ss",
    "timestamp": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "datetime": "yyyy-MM-dd'T'HH:mm:ssXXX",
}
"""The format of each rule that names none."""

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_HOUR, _MINUTE = r"(?:0?\d|1[01])", r"[0-5]?\d"
_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_NOT_TEXT = re.compile(r"[0-9'{}\[\]]")


def _named(names: list[str], short: bool) -> str:
    return f"(?i:{'|'.join(name[:3] if short else name for name in names)})"


def _month(count: int) -> str:
    return r"(?:0?[1-9]|1[0-2])" if count < 3 else _named(_MONTHS, count == 3)


def _day_of_week(count: int) -> str:
    return "[1-7]" if count < 3 else _named(_DAYS, count == 3)


def _offset(count: int) -> str:
    return {
        1: rf"[+-]{_HOUR}(?:{_MINUTE})?",
        2: rf"[+-]{_HOUR}{_MINUTE}",
        3: rf"[+-]{_HOUR}:{_MINUTE}",
        4: rf"[+-]{_HOUR}{_MINUTE}(?:{_MINUTE})?",
    }.get(count, rf"[+-]{_HOUR}:{_MINUTE}(?::{_MINUTE})?")


def _offset_by_name(count: int) -> str:
    return rf"(?:GMT|UTC)[+-]{_HOUR}(?::{_MINUTE}){'?' if count < 4 else ''}"


def _offset_of_zone(count: int) -> str:
    if count == 4:
        return rf"(?:GMT|UTC)(?:[+-]{_HOUR}:{_MINUTE})?"
    return _offset(2 if count < 4 else 3)


_LETTERS: dict[str, Callable[[int], str]] = {
    **dict.fromkeys("yYuS", lambda count: rf"\d{{1,{count}}}"),
    "M": _month,
    "L": lambda _: _month(1),
    "d": lambda _: r"(?:0?[1-9]|[12]\d|3[01])",
    "D": lambda _: r"(?:[0-2]?\d?\d|3[0-5]\d)",
    "E": lambda count: _named(_DAYS, count <= 3),
    "e": _day_of_week,
    "c": _day_of_week,
    "a": lambda _: "(?i:am|pm)",
    "G": lambda _: "(?i:ad|bc)",
    "H": lambda _: r"(?:[01]?\d|2[0-3])",
    "k": lambda _: r"(?:0?[1-9]|1\d|2[0-4])",
    "h": lambda _: r"(?:0?[1-9]|1[0-2])",
    "K": lambda _: _HOUR,
    "m": lambda _: _MINUTE,
    "s": lambda _: rf"(?:{_MINUTE}|60)",
    "X": lambda count: f"(?:Z|{_offset(count)})",
    "x": _offset,
    "Z": _offset_of_zone,
    "O": _offset_by_name,
}


def date_regex(written: str) -> str | None:
    """Turn a format into a regular expression for the whole text; None if a part of it isn't known."""
    parts = []
    for found in _PART.finditer(written):
        quoted, letter, other = found.groups()
        if letter is not None:
            if letter not in _LETTERS:
                return None
            parts.append(_LETTERS[letter](len(found[0])))
        elif quoted is not None:
            parts.append(re.escape(quoted.replace("''", "'") or "'"))
        elif _NOT_TEXT.match(other):
            return None
        else:
            parts.append(re.escape(other))
    return f"^{''.join(parts)}$"
