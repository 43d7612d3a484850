"""Limits in words that hold of a value beside another one, or of many calls: ``at most 5,000 above the last value``.

What such a limit comes to depends on what a server keeps, so none of the numbers in it is one of the field.
"""

from __future__ import annotations

import re

from grpcmock.fuzz.expectations.method_comments import SENTENCE

_BOUND = (
    r"(?:the |its |an? |any )?(?:[\w-]+ )?(?:max(?:imum)?|min(?:imum)?|limits?|allow\w*|permi\w+|support\w*|accept\w*"
    r"|expected|required|lengths?|sizes?|bounds?|ranges?|threshold|cap)\b"
)
"""What is spoken of as a bound: ``the maximum``, ``the limit``, ``the allowed length``."""

_IN_WORDS = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|(?:an? )?(?:hundred|thousand|million|dozen))\b"
)
_NOT_A_VALUE = rf"(?!(?:or|about|approximately)\b|{_IN_WORDS}|{_BOUND})"
_ONE_WORD = r"(?: (?!(?:or|and|to|but)\b)[a-z]+)?"
_TIME = r"(?:second|minute|hour|day|night|week|month|quarter|year)"
_WHO = (
    r"(?:user|customer|client|member|person|people|head|account|tenant|household|visitor|guest|student|reader|session)"
)

_RELATIVE = re.compile(
    # than what is no number, and isn't spoken of as a bound
    rf"(?<!other )(?<!rather )\bthan {_NOT_A_VALUE}[a-z]"
    rf"|\bexceed(?:s|ed|ing)? {_NOT_A_VALUE}[a-z]"
    # so much on this or that side of something
    rf"|\d{_ONE_WORD} (?:more|less|fewer|higher|lower|greater|larger|smaller|bigger|longer|shorter|later|earlier|older"
    r"|younger|above|below|over|under|beyond|behind|ahead|away|apart|ago|further|farther|off)\b"
    r"(?! than (?:-?\d|or\b))"
    rf"|\d{_ONE_WORD} (?:before|after|since|from|off?) (?!\w+ing\b)(?:the|its|his|her|their|this|that|it|today|now|what"
    rf"|each|one another|when|previous|last|any|another|an?)\b(?! {_BOUND})"
    rf"|\b(?:above|below|beyond|over|under|before|after|behind|ahead of|close to|near) (?!\w+ing\b)"
    rf"(?:(?:the|its|his|her|their|your|what) (?!{_BOUND})|(?:it|that|them|those|each other|one another)\b)"
    rf"|\bwithin -?\d+{_ONE_WORD} (?:of|from|after|before|since)\b"
    # beside what came before
    r"|\b(?:since|than|as|from|to|of|over|above|below|by|with|beside) (?:the |its |their |your |an? |any )?"
    r"(?:last|latest|previous|prior|preceding|current|existing|former|original|initial)\b"
    r"|\b(?:last|past|previous|next|coming|following) \d|\bthan before\b|\bfrom (?:now|today)\b|\bin advance\b"
    r"|\bin(?:to)? the (?:future|past)\b|\b(?:increase|decrease|grow|shrink|change|rise|drop|differ|deviate|move)s?"
    r"\b(?: \w+)? by\b"
    r"|\b(?:difference|gap|distance|increase|decrease|change|step|jump)s? (?:between|to|from|in|is|of)\b"
    # of many calls, or of all that is kept
    rf"|\bper {_TIME}|\bper {_WHO}|\b(?:each|every) (?:{_TIME}|{_WHO})\b|\d{_ONE_WORD} an? {_TIME}\b"
    r"|\b(?:daily|weekly|monthly|yearly|hourly)\b|\bat (?:a|any(?: one)?|one|the same) time\b|\bin total\b"
    r"|\b(?:altogether|combined|simultaneous\w*|concurrent\w*)\b|\b(?:added|taken) (?:up|together)\b"
    r"|\b(?:sum|total) of\b"
    # what there is as yet
    r"|\b(?:left|remain\w*|outstanding|available|in stock|so far|already|still|quota|budget|balance)\b",
    re.IGNORECASE,
)


_OF_NUMBERS = re.compile(r"\d|\b(?:than|exceed\w*|above|below|at most|at least)\b", re.IGNORECASE)
"""What a sentence has in it that can state a limit: others use the same words for something else, ``left out``."""


def is_relative(words: str) -> bool:
    """Whether a limit in a text is one beside another value, or of what is left of something.

    >>> is_relative("is more than 5000 above the last one"), is_relative("must not be more than 5000")
    (True, False)
    """
    sentences = (" ".join(one.split()) for one in SENTENCE.split(words) if one)
    return any(_RELATIVE.search(one) for one in sentences if _OF_NUMBERS.search(one))
