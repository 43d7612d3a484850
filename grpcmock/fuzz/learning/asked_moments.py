"""When an error wants something to be, and for how long: ``18 years ago or more``, ``a term of 28 to 366 days``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

_WRITTEN = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_COUNT = r"(?P<count>\d{1,3}|a|one|two|three)"
_OLD = re.compile(
    r"(?P<count>\d{1,3}) (?:years?|yrs?) (?:ago|old|of age|or (?:more|older))"
    r"|\b(?P<older>\d{1,3}) (?:or|and) (?:older|over)"
    r"|(?:at least|over|older than|minimum age(?: of| is)?|age of) (?P<least>\d{1,3})\b(?! (?:day|hour|minute|char))",
    re.IGNORECASE,
)
_ADULT = re.compile(r"\b(?:adults?|of (?:legal |full )?age|minors?|under ?age|too young)\b", re.IGNORECASE)
_ADULTS_AGE = 18
_WITHIN = re.compile(
    rf"(?:within|at most|no more than|up to|next|last) {_COUNT} (?P<unit>days?|weeks?|months?|years?)", re.IGNORECASE
)
_DAY = 86_400
_UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": _DAY,
    "night": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}
"""In seconds."""

_UNIT = f"(?:{'|'.join(_UNITS)})"
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3}
_NOT = r"(?:not|never|n't|cannot) (?:be |lie )?(?:set |dated )?"
_LATER = re.compile(
    rf"{_NOT}(?:in the past|before (?:today|now)|over|past|elapsed)|(?<!not )(?<!n't )(?:be|lie) in the future"
    r"|(?:after|later than|from|since|on or after) (?:today|now)|already (?:past|over|expired|begun|started)"
    r"|has (?:passed|expired)|too early|is in the past|lies in the past|future (?:date|day|time)",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    rf"{_NOT}(?:in the future|after (?:today|now)|later than (?:today|now))|(?<!not )(?<!n't )(?:be|lie) in the past"
    r"|(?:before|earlier than|until|up to|on or before) (?:today|now)|too late|is in the future|lies in the future"
    r"|yet to come|past (?:date|day|time)",
    re.IGNORECASE,
)
_TODAY = re.compile(r"\b(?:today|the current (?:day|date)|now)\b", re.IGNORECASE)
_FARTHEST = 20_000
_APART = (30, 3, 400)
"""So many days from today are tried."""


def asked_days(words: str) -> Iterator[dt.date]:
    """Yield days that the words of an error ask for, the likeliest first; nothing where they don't speak of when."""
    today = dt.datetime.now(dt.UTC).date()
    for found in _WRITTEN.finditer(words):
        try:
            yield dt.date.fromisoformat(found[0])
        except ValueError:
            continue  # an example of what is wrong
    years = [int(found[found.lastgroup or 0]) for found in _OLD.finditer(words)]
    years += [_ADULTS_AGE] * bool(_ADULT.search(words))
    for count in years:
        yield today - dt.timedelta(365 * (count + 10))
    later, earlier = _LATER.search(words) is not None, _EARLIER.search(words) is not None
    for found in _WITHIN.finditer(words):
        unit = _UNITS[found["unit"].rstrip("s").lower()]
        days = min(_number(found["count"]) * unit // _DAY, _FARTHEST) - 1
        yield from (today + dt.timedelta(days), today - dt.timedelta(days))
    for days in _APART:
        yield from [today + dt.timedelta(days)] * later
        yield from [today - dt.timedelta(days)] * earlier
    if _TODAY.search(words) and not (later and earlier):
        yield today


_SPAN = re.compile(
    rf"(?:(?P<low>\d{{1,4}}|a|one|two|three) (?P<of>{_UNIT}s? )?(?:to|and|-|–|or) )?"
    rf"(?P<count>\d{{1,4}}|a|one|two|three) (?P<unit>{_UNIT})s?\b",
    re.IGNORECASE,
)


def asked_spans(words: str) -> Iterator[dt.timedelta]:
    """Yield how long something may have to last by the words of an error: between the ends that they state, and these.

    >>> [span.days for span in asked_spans("the term must be from 28 to 366 days")]
    [197, 28, 366]
    >>> [str(span) for span in asked_spans("from one minute to 2 hours")]
    ['1:00:30', '0:01:00', '2:00:00']
    """
    for found in _SPAN.finditer(words):
        high = _number(found["count"]) * _UNITS[found["unit"].lower()]
        unit = (found["of"] or found["unit"]).strip().lower().rstrip("s")
        low = _number(found["low"]) * _UNITS[unit] if found["low"] else 0
        for seconds in dict.fromkeys((low + (high - low) // 2, low, high)):
            if seconds:
                yield dt.timedelta(seconds=seconds)


def _number(word: str) -> int:
    return _COUNTS.get(word.lower()) or int(word)
