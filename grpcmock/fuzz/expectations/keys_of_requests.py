"""What comments say of the keys that requests come with: what they identify, and what else may come with one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.expectations.naming import singular
from grpcmock.schema.naming import snake_case
from grpcmock.status import Code

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from grpcmock.schema import Method

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


_IDENTIFIES = re.compile(
    r"\bunique (?:[a-z]+ )?(?:ids?|identifiers?|names?|keys?|numbers?|codes?|tokens?)(?: that is used)? (?:for|of)"
    r" (?:(?:tracking|identifying|the|an?|this|that|each|every|your|its) )*(?P<noun>`?[a-z]+`?(?: [a-z]+)?)",
    re.IGNORECASE,
)
_ANYTHING = frozenset(("resource", "object", "thing", "record", "item", "entry", "entity", "instance", "one"))


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


def identifies_another(words: str, field: FieldDescriptor, method: Method) -> bool:
    """Whether a comment says that a value tells things of another kind apart, of which many may name the same one: ``a
    unique identifier for tracking users``, in a session."""
    found = _IDENTIFIES.search(" ".join(words.split()))
    if found is None or field.name in ("id", "uid", "uuid"):
        return False
    owner: Any = field.containing_type
    own = {word for name in (owner.name, method.output.name, method.name) for word in snake_case(name).split("_")}
    spoken = {singular(word) for word in re.split("[ _]", snake_case(found["noun"].replace("`", "")))}
    return spoken.isdisjoint(own | _ANYTHING)
