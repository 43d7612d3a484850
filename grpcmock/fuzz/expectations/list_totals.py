"""Which numbers beside a list are of all that there is, as comments say, and not of what a page shows of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.field_comments import field_comments

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Method, Registry

_NOT_OF_PAGE = re.compile(
    r"\b(?:and )?not (?:only|just|merely) (?:of |on |for |over )?(?:those |that |the ones |what is )?(?:shown )?"
    r"(?:on|in|of) (?:this|the|one|a|each)(?: current| single)? (?:page|response|answer)\b"
    r"|\bno matter how many (?:of them )?(?:are|is|were) (?:listed|shown|returned|given|asked for)\b"
    r"|\b(?:regardless|independent(?:ly)?|irrespective) of (?:the |its )?(?:page|paging|pagination|limit)\w*\b"
    r"|\b(?:before|without|ignoring|disregarding) (?:the )?(?:paging|pagination|limit|page size)\b",
    re.IGNORECASE,
)
_OF_ALL = re.compile(
    r"\b(?:on|over|across|of|from) all (?:the |its )?pages\b|\ball (?:the )?(?:[a-z]+ )?(?:matches|matching)\b"
    r"|\ball (?:of )?(?:the |those )?(?:[a-z]+ )?(?:that|which|who) (?:match|fit|pass|are (?:low|found|due))\b",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(
    r"estimat|approx|about|roughly|lower bound|at least|\b(?:may|might|unless|except|cached|since|left|remaining|more"
    r"|page|pages|limit|up to|at most|first|last)\b",
    re.IGNORECASE,
)


@lru_cache(1024)
def totals_of_all(method: Method, registry: Registry) -> tuple[FieldDescriptor, ...]:
    """Return the numbers in an answer that don't depend on which page it shows."""
    numbers = [one for one in method.output.fields if not one.is_repeated and one.message_type is None]
    return tuple(
        one
        for one in numbers
        if one.cpp_type not in (one.CPPTYPE_STRING, one.CPPTYPE_BOOL, one.CPPTYPE_ENUM)
        and says_of_all(field_comments(registry).get(one.full_name, ""))
    )


def says_of_all(comment: str) -> bool:
    """Whether a comment says of a number that it is of all that there is.

    >>> says_of_all("The sum of all, not only of those on this page."), says_of_all("How many are on this page.")
    (True, False)
    """
    plain = " ".join(comment.split())
    if _NOT_OF_PAGE.search(plain):
        rest = _NOT_OF_PAGE.sub("", plain)
    elif _OF_ALL.search(plain):
        rest = _OF_ALL.sub("", plain)
    else:
        return False
    return _OTHERWISE.search(rest) is None
