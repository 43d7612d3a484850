"""The scalars of YAML 1.2's core schema: what an unquoted text means."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grpcmock.tree import Scalar

FIRST: Final = frozenset("-+.0123456789~nNtTfF")
"""The first characters of all texts but the empty one that may mean something other than themselves."""

MAX_DIGITS = 400
"""How long a number may be; a double has 309 digits at most, an integer of protobuf 20."""

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((sign + word for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain_scalar(text: str) -> Scalar:
    """Give what an unquoted *text* means. Raises ``ValueError`` for a number that is too long."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(_short(text))
    if _BASED.fullmatch(text):
        return int(_short(text), 0)
    if _FLOAT.fullmatch(text):
        return float(_short(text))
    return text


def _short(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"A number of {len(text)} digits is too long; quote it if it is meant as a string.")
    return text


_TAGS: Final = {"int": int, "float": float, "bool": bool, "null": type(None)}
_PREFIX: Final = "tag:yaml.org,2002:"


def tagged_scalar(tag: str, text: str) -> Scalar | bytes:
    """Give what *text* means under an explicit tag. Raises ``ValueError`` for another tag or a text unfit for it."""
    name = tag.removeprefix(_PREFIX)
    if tag == "!" or name == "str":
        return text
    if name == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            raise ValueError(f"{text[:60]!r} is not base64, which the tag !!binary wants.") from None
    if tag == name or name not in _TAGS:
        raise ValueError(f"The tag {shown_tag(tag)} is not known; those of YAML's core schema and !!binary are.")
    value = plain_scalar(text)
    if name == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TAGS[name]:
        raise ValueError(f"{text!r} is not a value for the tag {shown_tag(tag)}.")
    return value


def shown_tag(tag: str) -> str:
    """Write *tag* as a user does: ``!!int`` for ``tag:yaml.org,2002:int``."""
    return "!!" + tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else tag


def is_collection_tag(tag: str | None, word: str) -> bool:
    """Say whether *tag* is none, or means the collection that *word* (``map`` or ``seq``) names."""
    return tag is None or tag in ("!", _PREFIX + word)
