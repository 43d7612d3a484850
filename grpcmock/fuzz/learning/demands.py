"""What the text of an error asks for: values to try, read from examples, ranges, lists, patterns and plain words.

Servers say what they want in their own words, the same ones for people and programs. What is read here is a guess, and
tried; nothing is claimed by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from grpcmock.fuzz.expectations.stated_limits import without_separators
from grpcmock.fuzz.learning.asked_moments import asked_days
from grpcmock.synthesis import regex
from grpcmock.synthesis.keyed_random import KeyedRandom

_QUOTED = re.compile(r"""(["'`])([^"'`]{1,64})\1""")
_EXAMPLE = re.compile(
    r"(?:such as|like|e\.g\.?|for example|for instance|example:?|format:?|expected:?|as in|want(?:s|ed)?)\s+(\S+)",
    re.IGNORECASE,
)
_ONE_OF = re.compile(
    r"(?:one of|any of|either|allowed(?: values)?(?: are)?|valid values(?: are)?):?\s*(.+)", re.IGNORECASE
)
_PREFIX = re.compile(
    r"(?:(?:begin|start)\w*\s+with|prefix\w*(?:\s+(?:with|by|is|of))?):?\s+(?:an?\s+|the\s+)?"
    r"([^\s,]+(?:(?:,\s*(?:or\s+)?|\s+or\s+)[^\s,]+)*)",
    re.IGNORECASE,
)
_ENDS_PREFIX = re.compile(r"[:/@#+_-]$")
"""What stands at the end of a prefix, and not of a word like ``letter``."""

_EXACTLY = re.compile(
    r"(?:must|should|has to|have to|needs? to) (?:be|equal|match):? ([\w./:+-]*[\w/])(?=[.,;)]*(?:$|\s*\n))"
)
"""One word, and nothing behind it."""

_EVERYDAY = 6
"""Characters of a text of which it is said how long it may be."""

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:to|-|–|\.\.+|and|through|,)\s*(-?\d+(?:\.\d+)?)")
_LEAST = re.compile(
    r"(?:at least|greater than|more than|above|minimum(?: is)?|no less than|>=?|from)\s*(-?\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|less than|below|maximum(?: is)?|no more than|up to|<=?)\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.#-])-?\d{1,15}(?:\.\d+)?(?![\w.])")
_PATTERN = re.compile(r"(\^\S+\$|(?<=/)\^?[^/\s]*\[[^/\s]+(?=/))")
_TEMPLATE = re.compile(r"(?<![\w/])((?:[a-z_]+/(?:\{[^}]*\}|<[^>]*>|[A-Z_]{2,}|\*)/?)+)")
_PLACE = re.compile(r"\{[^}]*\}|<[^>]*>|[A-Z_]{2,}|\*")

_COUNTS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {"a": 1, "an": 1}
_SORTS = {
    "capital": "ABCDEFGHJKLM",
    "uppercase": "ABCDEFGHJKLM",
    "upper": "ABCDEFGHJKLM",
    "lowercase": "abcdefghjklm",
    "lower": "abcdefghjklm",
    "small": "abcdefghjklm",
    "letter": "abcdefghjklm",
    "character": "abcdefghjklm",
    "digit": "123456789012",
    "hex": "a1b2c3d4e5f6",
    "dash": "-",
    "hyphen": "-",
    "dot": ".",
    "underscore": "_",
    "slash": "/",
    "colon": ":",
}
_PIECE = re.compile(
    rf"\b(\d{{1,3}}|{'|'.join(_COUNTS)})\s+(?:ascii |latin |decimal )?({'|'.join(_SORTS)})"
    r"(?: letter| digit| character)?s?\b",
    re.IGNORECASE,
)

_BOUND = re.compile(r"\d\s*(?:to|-|–|and|or)\s*$|\b(?:most|up to|than|maximum|least|of)\s*$", re.IGNORECASE)
"""Before a number that is the end of a range."""

_SOME_OF = re.compile(
    r"(?:(?P<low>\d{1,4})\s*(?:to|-|–|and|or)\s*)?(?P<high>\d{1,4})\s+"
    r"(?P<sorts>[a-z][a-z ]*?(?:letters?|digits?|numbers?|alphanumerics?|hex\w*|[a-z]*case)\b)",
    re.IGNORECASE,
)
"""How many of which characters: ``2 to 8 capital letters``, ``4 to 63 small letters, digits and hyphens``."""

_STRPTIME = re.compile(r"""format ['"]([^'"]*%[a-zA-Z][^'"]*)['"]""")
"""How a moment is written, as Python, C and Ruby have it."""

_MOMENT = datetime(2024, 5, 1, 12, tzinfo=UTC)

_JSON_PARSERS = r"(?:beginning|start) of (?:a )?value|parsing (?:a )?value|line \d+,? column \d+"
"""What parsers of JSON say without calling it so."""

_FORMATS = {
    r"ip(?:v4)?|address(?:es)?": ("192.0.2.1", "192.0.2.1:8080"),
    r"cidr|prefix|subnet|netmask": ("192.0.2.0/24",),
    r"[ug]uids?": ("3f2b8c1e-5d0b-4c3a-9a57-0d1e5c7ab001",),
    r"rfc ?3339|timestamp|datetime|iso ?8601|isoformat": ("2024-05-01T12:00:00Z",),
    r"date": ("2024-05-01",),
    r"duration|interval": ("60s", "PT1M"),
    r"numeric|number|integer|parseint|atoi|int\(\)|decimal|float": ("10", "1.5"),
    r"ur[li]|scheme": ("https://example.com/a",),
    r"e-?mail": ("ann@example.com",),
    r"host(?:name)?|domain|dns|fqdn": ("example.com", "example.com:8080"),
    rf"json(?:object|array)?|{_JSON_PARSERS}": ("{}", "[]"),
    r"hex(?:adecimal)?": ("a1b2c3d4",),
    r"base64": ("YWJj",),
    r"sem(?:antic )?ver\w*|version": ("1.2.3",),
    r"regexp?|regular expression": ("a.*",),
}
"""What texts are written like, by how a refusal calls it; the first of each is tried where one says no more than that
a text isn't written as it should."""

_FORMAT = {re.compile(rf"(?<![a-z])(?:{words})(?![a-z])"): values for words, values in _FORMATS.items()}
_MISSHAPEN = re.compile(r"(?<![a-z])(?:(?:mal)?format\w*|well-formed|pars(?:e|ed|ing)|unparse?able|syntax)(?![a-z])")


def texts(words: str) -> Iterator[str]:
    """Yield texts that an error may ask for, the most likely first."""
    for found in _PATTERN.finditer(words):
        pattern = found[1].strip("`'\"")
        yield from regex.examples(pattern, KeyedRandom(pattern.encode()))
    yield from (_MOMENT.strftime(found[1]) for found in _STRPTIME.finditer(words))
    for found in _EXAMPLE.finditer(words):
        yield found[1].strip("`'\",;.()")
    for found in _EXACTLY.finditer(words.strip()):
        yield found[1]
    yield from (f"{prefix}a1" for prefix in _prefixes(words))
    yield from _some_of(words)
    yield from _listed(words)
    pieces = [found.groups() for found in _PIECE.finditer(words) if not _BOUND.search(words[: found.start()])]
    if pieces and (len(pieces) > 1 or _SORTS[pieces[0][1].lower()] not in ("-", ".", "_", "/", ":")):
        yield "".join(_repeated(_SORTS[sort.lower()], _count(count)) for count, sort in pieces)
    for found in _TEMPLATE.finditer(words):
        yield _PLACE.sub("a1", found[1].rstrip("/"))
    yield from map(str, asked_days(words))
    yield from _formatted(words.lower())
    for low, high in _ranges(without_separators(words)):
        size = int(min(max(low, 3), high))
        yield from ("Example text"[:size] if size <= 12 else "a" * min(size, 4_096), "a" * min(size, 4_096))
    for found in _QUOTED.finditer(words):
        yield found[2]


def _some_of(words: str) -> Iterator[str]:
    """Yield texts of as many characters as is said, of the first sort that is."""
    for found in _SOME_OF.finditer(words):
        if (low := found["low"]) is None or int(low) > int(found["high"]):
            continue
        sorts = re.findall("|".join(_SORTS), found["sorts"].lower())
        alphabet = next((_SORTS[sort] for sort in sorts if _SORTS[sort].isalnum()), _SORTS["letter"])
        size = min(max(int(low), _EVERYDAY), int(found["high"]))
        yield from (_repeated(alphabet, size), _repeated(alphabet, int(low)))


def _prefixes(words: str) -> Iterator[str]:
    """Yield what texts must begin with, where it is plainly written: ``user: or group:``, ``"sk_"``."""
    for found in _PREFIX.finditer(words):
        for one in re.split(r",\s*(?:or\s+)?|\s+or\s+", found[1]):
            bare = one.strip("`'\"()[].;")
            if bare and (bare != one.rstrip(".;") or _ENDS_PREFIX.search(bare)):
                yield bare


def _formatted(words: str) -> Iterator[str]:
    named = [values for name, values in _FORMAT.items() if name.search(words)]
    yield from (value for values in named for value in values)
    if not named and _MISSHAPEN.search(words):
        yield from (values[0] for values in _FORMAT.values())


def numbers(words: str) -> Iterator[float]:
    """Yield numbers that an error may ask for, the most likely first."""
    words = without_separators(words)
    for low, high in _ranges(words):
        yield from (low, high, (low + high) // 2)
    for found in _LEAST.finditer(words):
        yield from (float(found[1]), float(found[1]) + 1)
    for found in _MOST.finditer(words):
        yield from (float(found[1]), float(found[1]) - 1)
    if "positive" in words:
        yield 1
    yield from (float(found[0]) for found in _NUMBER.finditer(words))


def _ranges(words: str) -> Iterator[tuple[float, float]]:
    for found in _RANGE.finditer(words):
        low, high = float(found[1]), float(found[2])
        if low < high:
            yield low, high
    if not _RANGE.search(words):
        for found in re.finditer(r"\b(\d{1,4}|[a-z]+) (?:letters|characters|digits|chars)? ?or more", words):
            if (count := _COUNTS.get(found[1], int(found[1]) if found[1].isdigit() else 0)) > 0:
                yield count, count + 20


def _listed(words: str) -> Iterator[str]:
    found = _ONE_OF.search(words)
    if found is None:
        return
    listed = found[1].strip("[](){}. ")
    between = r",|\||;|\bor\b|\band\b"
    items = re.split(rf"\s*(?:{between if re.search(between, listed) else '/'})\s*", listed)
    yield from (item.strip("`'\"[](){}. ") for item in items if item.strip("`'\"[](){}. "))


def _count(written: str) -> int:
    return int(written) if written.isdigit() else _COUNTS[written.lower()]


def _repeated(alphabet: str, count: int) -> str:
    return (alphabet * (count // len(alphabet) + 1))[:count]


def plain(value: Any) -> Any:
    """Return a number as a whole one if it is."""
    return int(value) if isinstance(value, float) and value == int(value) else value
