"""Comments in one spelling, as far as they say when calls are refused: one sentence for each refusal, its status first.

People write lists of cases below a status, a rule with its status behind it ("Closed orders are read-only
(FAILED_PRECONDITION)"), and several statuses in a sentence. Readers of comments need to know but one way to say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grpcmock.fuzz.expectations.method_comments import SENTENCE
from grpcmock.status import Code

_CODE = rf"\b(?:{'|'.join(name for name in Code.__members__ if name not in ('OK', 'CANCELLED', 'UNKNOWN'))})\b"
_POINT = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+(?P<text>.*)")
_HEAD = re.compile(
    rf"(?P<before>.*{_CODE}.*?)[, ]*\b"
    r"(?:(?:if|when|where|once|while)(?: (?:any|one|either)(?: one)? of (?:these|the following)(?: [a-z]+){0,3})?"
    r"|in (?:any of )?(?:these|the following) cases|for (?:any of )?(?:these|the following) reasons)\s*:?",
    re.DOTALL,
)
"""Before a list of which each point is enough."""

_MORE = re.compile(rf", (?:and |or )?(?=`?{_CODE}`? (?:if|when|where|once|unless|until|while|for)\b)")
_BEHIND = re.compile(
    rf"(?P<what>[^.;:!()]+?)(?:: | \(|, (?:that's|that is|which is|this is|or it's|or it is|or that's) )(?:with )?"
    rf"`?(?P<code>{_CODE})`?\)?(?=[.;!]|\s*$)"
)
"""What is refused, and the status behind it."""

_FOR_THOSE = re.compile(rf"(?P<code>(?:.* )?{_CODE}) (?P<rest>for [^.;]+?, (?:and |or )?(?:for|if|when) .+)")
_AND_FOR = re.compile(r", (?:and |or )?(?=(?:for|if|when) )")
_THOSE = re.compile(r"for (?:those|ones|the ones|such) (?:that|which|who) (?P<be>are|have|were)(?P<rest>.+)")
_ONE = {"are": "is", "have": "has", "were": "was"}
_AND = re.compile(r", (?:and |but )?| and ")
_NOUNS = r"(?P<words>[a-z][\w -]*?) (?P<noun>[a-z]+s)"
_NOT_DONE = re.compile(
    rf"(?:(?:not |im)possible|not allowed|not available|refused) (?:for|on|with) (?P<those>[^,]+)"
    rf"|{_NOUNS} (?:are|stay|remain) (?:read[- ]only|refused|rejected|immutable|final|frozen)"
    rf"|{_NOUNS.replace('words', 'words2').replace('noun', 'noun2')} (?:are not|aren't|can't be|cannot be|can not be"
    r"|may not be|must not be|can no longer be|are no longer) [a-z]+(?: any ?more| any longer| again)?",
    re.IGNORECASE,
)
_TWICE = re.compile(
    r"(?:an?|the|no) (?P<noun>[a-z]+) (?:can't|cannot|can not|can|may not|may|must not) (?:only )?be (?P<done>[a-z]+)"
    r" (?:twice|again|once|a second time|more than once)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r" \((?!e\.g|i\.e)(?:(?!\b(?:unless|except|but|only|not|if|when)\b|[A-Z]{3,}_)[^()])*\)")
"""A remark, which takes nothing from what is said."""


def refusal_sentences(comment: str) -> list[str]:
    """Return the sentences of a comment.

    >>> refusal_sentences("FAILED_PRECONDITION if\\n - it is closed,\\n - it is locked.")
    ['FAILED_PRECONDITION if it is closed', 'FAILED_PRECONDITION if it is locked']
    >>> refusal_sentences("Closed orders are read-only (FAILED_PRECONDITION).")
    ['Closed orders are read-only (FAILED_PRECONDITION)', 'FAILED_PRECONDITION for closed orders']
    """
    found = []
    for text in _paragraphs(comment):
        for sentence in SENTENCE.split(text):
            parts = _MORE.split(sentence) if re.search(_CODE, _MORE.split(sentence)[0]) else [sentence]
            found += [_trimmed(_ASIDE.sub("", one)) for part in parts for one in _each_of(part)]
        for told in _BEHIND.finditer(text):
            found += [f"{told['code']} {when}" for when in _refused(" ".join(told["what"].split()))]
    return [text for text in found if text]


def _each_of(sentence: str) -> list[str]:
    """Return a sentence for each sort of things that is refused, where one lists them: ``for canceled ones, for those
    that have been renewed before, if it is locked``."""
    head = _FOR_THOSE.fullmatch(" ".join(sentence.split()))
    if head is None:
        return [sentence]
    told = []
    for part in _AND_FOR.split(head["rest"]):
        those = _THOSE.fullmatch(part.strip(" .;"))
        what = f"if it {_ONE[those['be']]}{those['rest']}" if those is not None else part
        told.append(f"{head['code']} {what}")
    return told


def _refused(what: str) -> Iterator[str]:
    """Yield, of a rule that has its status behind it, in which states things are refused."""
    for clause in _AND.split(what):
        if (told := _TWICE.fullmatch(clause.strip())) is not None:
            yield f"if the {told['noun'].lower()} is {told['done'].lower()}"
        elif (told := _NOT_DONE.fullmatch(clause.strip())) is not None:
            words = told["those"] or f"{told['words'] or told['words2']} {told['noun'] or told['noun2']}"
            yield f"for {words.lower()}"


def _paragraphs(comment: str) -> Iterator[str]:
    """Yield the paragraphs of a comment, each in one line. Points of a list below the status that they are about are
    paragraphs with that status; others are as well, for what stands above them is no part of them."""
    for block in re.split(r"\n\s*\n", comment):
        above: list[str] = []
        points: list[str] = []
        for line in block.split("\n"):
            if (point := _POINT.fullmatch(line)) is not None:
                points.append(point["text"])
            elif points:
                points[-1] += f" {line.strip()}"
            else:
                above.append(line.strip())
        text = " ".join(above).strip()
        rest, last = _last_sentence(text)
        head = _HEAD.fullmatch(last) if points else None
        yield text if head is None else rest
        if head is None:
            yield from points
        else:
            before = head["before"].strip(" ,")
            yield from (f"{before} if {re.sub(r'^(?:if|when|where) ', '', _trimmed(point))}" for point in points)


def _last_sentence(text: str) -> tuple[str, str]:
    """Return a paragraph without its last sentence, and that."""
    begins = [found.end() for found in re.finditer(r"(?<=[.;!])\s+", text)]
    at = begins[-1] if begins else 0
    return text[:at].strip(), text[at:]


def _trimmed(text: str) -> str:
    return re.sub(r",? (?:or|and)$", "", " ".join(text.split()).rstrip(".;:!, ").lstrip("-* "))
