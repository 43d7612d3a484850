"""What comments say of a key that a request comes with and that was there before, with another request."""

from __future__ import annotations

import re

from grpcmock.status import Code

_CODES = "|".join(name for name in Code.__members__ if name not in ("OK", "UNKNOWN", "CANCELLED"))
_REFUSED = rf"\b(?:{_CODES}|is (?:an error|refused|rejected)|are (?:refused|rejected)|fails?)\b"
_KEY = r"(?:key|token|reference|(?:request[_ ])?id)s?"
_OTHER = (
    r"(?:an)?(?:other|different) (?:\w+ )?"
    r"(?:requests?|parameters|arguments|contents?|payload|body|values|fields)"
)
_TOLD = (
    re.compile(
        rf"\b(?:same|repeated|reused?|reusing|using an?) (?:[\w`]+ )?`?{_KEY}`?[^.;]{{0,40}}\b{_OTHER}\b"
        rf"[^.;]*{_REFUSED}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_REFUSED}[^.;]*\bif\b[^.;]{{0,40}}{_KEY}`?\b[^.;]{{0,40}}\b(?:used|came|sent|known|seen|taken)\b"
        rf"[^.;]{{0,30}}\b{_OTHER}\b",
        re.IGNORECASE,
    ),
)
_UNCLEAR = re.compile(r"\b(?:may|might|not|never|no|unless|except|undefined)\b|n't\b", re.IGNORECASE)


def refuses_other(words: str) -> bool:
    """Whether a comment says that another request with a key that was used is refused.

    >>> refuses_other("The same key with a different request is ALREADY_EXISTS.")
    True
    >>> refuses_other("The same key with a different request may be refused.")
    False
    """
    text = " ".join(words.split())
    told = [found[0] for pattern in _TOLD for found in pattern.finditer(text)]
    return any(not _UNCLEAR.search(one) for one in told)
