"""Which characters comments say that a text is made of: ``letters, digits and dashes``, ``only lowercase letters``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_UPPER, _LOWER, _DIGITS = "A-Z", "a-z", "0-9"

_SORTS = {
    r"(?:capital|upper-?case|upper case) (?:latin |ascii )?letters(?: \(?A-Z\)?)?": _UPPER,
    r"(?:small|lower-?case|lower case) (?:latin |ascii )?letters(?: \(?a-z\)?)?": _LOWER,
    r"(?:latin |ascii )?letters(?: \(?(?:A-Z|a-z|A-Za-z|a-zA-Z)\)?)?": _UPPER + _LOWER,
    r"alphanumerics?|alphanumeric characters": _UPPER + _LOWER + _DIGITS,
    r"digits(?: \(?0-9\)?)?|numerals|numbers": _DIGITS,
    r"dashes|hyphens": r"\-",
    r"underscores": "_",
    r"dots|periods|full stops": ".",
    r"slashes": "/",
    r"colons": ":",
    r"spaces|blanks": " ",
    r"plus signs": "+",
}
_ONE = "|".join(f"(?:{words})" for words in _SORTS)
_ANY_CASE = r"(?: (?:in|of) (?:either|any|whatever|both) cases?| \(?(?:any|either) case\)?)"
_LIST = re.compile(
    rf"(?P<only>(?<!not )\bonly |\bnothing but |\b\d+(?: ?(?:to|-|–) ?\d+)? )?(?<![\w-])(?:{_ONE}){_ANY_CASE}?"
    rf"(?P<rest>(?:(?:,? and |,? or |, ){{1}}(?:{_ONE}){_ANY_CASE}?)*)(?P<alone> only\b)?(?! or\b| and\b|, \w+s\b)",
    re.IGNORECASE,
)
_LETTER = r"an? (?P<{}>(?:(?:capital|small|lower-?case|upper-?case) )?letter)"
_FIRST_LETTER = re.compile(
    rf"\b(?:start|begin)(?:s|ning|ing)? with {_LETTER.format('with')}\b|\b{_LETTER.format('first')} first\b",
    re.IGNORECASE,
)
_NO_SET = re.compile(
    r"\b(?:such as|like|e\.g|for example|for instance|without|except|but(?! letters)|followed by|then|at least"
    r"|includ(?:e|es|ing)|contains?|twice)\b|n't (?:contain|have)"
    rf"|\b(?:no|not|n't) (?:contain |have )?(?:any )?(?:{_ONE})",
    re.IGNORECASE,
)
"""Words with which a list of characters is another thing than all that there may be."""

_EACH = re.compile(r"\b(?:each|every|all|tags?|items?|entries|values)\b", re.IGNORECASE)

_ODD = (" ", "\u00e9", "_", "-")
_MOST = 4


class Characters(NamedTuple):
    """What a text is made of."""

    pattern: re.Pattern[str]

    def allow(self, text: str) -> bool:
        """Whether a text is made of nothing else; an empty one always is."""
        return not text or self.pattern.fullmatch(text) is not None

    def broken(self, text: str) -> Iterator[str]:
        """Yield texts of the same length that aren't."""
        others = [f"{text[:-1]}!", f"7{text[1:]}", text.swapcase(), *(f"{text[:-1]}{odd}" for odd in _ODD)]
        yield from islice((one for one in dict.fromkeys(others) if one != text and not self.allow(one)), _MOST)


def read(sentence: str, *, of_each: bool = False) -> Characters | None:
    """Return what a sentence says that a text is made of, or *of_each* of several; None where that isn't plain."""
    if of_each and not _EACH.search(sentence):
        return None
    bare = _FIRST_LETTER.sub("", sentence)
    found = [one for one in _LIST.finditer(bare) if one["rest"] or one["only"] or one["alone"]]
    if len(found) != 1 or _NO_SET.search(bare):
        return None
    whole = found[0]
    allowed = "".join(_sort(one[0]) for one in re.finditer(_ONE, whole[0], re.IGNORECASE))
    first = _FIRST_LETTER.search(sentence)
    head = f"[{_first(first['with'] or first['first'], allowed)}]" if first is not None else ""
    return Characters(re.compile(f"{head}[{allowed}]*"))


def _sort(words: str) -> str:
    return next(chars for name, chars in _SORTS.items() if re.fullmatch(name, words, re.IGNORECASE))


def _first(sort: str, allowed: str) -> str:
    words = sort.lower()
    if words.startswith(("capital", "upper")):
        return _UPPER
    if words.startswith(("small", "lower")):
        return _LOWER
    return "".join(letters for letters in (_UPPER, _LOWER) if letters in allowed)
