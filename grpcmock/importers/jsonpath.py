"""JSONPath, as far as patterns can say it: from an expression, and what must hold there, to a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from grpcmock.importers.patterns import both, either, negated

_STEP = re.compile(
    r"""\.(?P<name>[\w-]+)(?P<call>\(\))?|\[\s*'(?P<quoted>[^']*)'\s*\]|\[\s*"(?P<double>[^"]*)"\s*\]"""
    r"""|\[\s*(?P<index>-?\d+)\s*\]|(?P<all>\[\s*\*\s*\]|\.\*)|\[\?\s*\((?P<filter>.*?)\)\s*\](?=$|[.\[])"""
)
_COMPARED = re.compile(
    r"""^@(?P<path>[\w.\[\]'"()-]*)\s*(?:(?P<sign>==|!=|<=|>=|<|>|=~)\s*(?P<value>.+))?$""", re.DOTALL
)
EXISTS = {"$exists": True}


class Unsayable(Exception):  # noqa: N818 - a finding, told as a warning
    """An expression that patterns can't say; the text names the part."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: a name, an index, all items, or those that fit a filter."""

    name: str = ""
    index: int | None = None
    filter: Any = None
    """The pattern of a filter; ``{}`` stands for all items."""

    size: bool = False
    """The number of items: ``length``, ``size()``."""


def parse(expression: str) -> list[Step]:
    """Read an expression that begins at the root. Raises :class:`Unsayable`."""
    text = expression.strip()
    if not text.startswith("$"):
        raise Unsayable(f"{expression!r} doesn't begin at the root")
    return _steps(text[1:], expression)


def _steps(text: str, whole: str) -> list[Step]:
    if text.startswith(".."):
        raise Unsayable(f"`..` in {whole!r}")
    found: list[Step] = []
    position = 0
    while position < len(text):
        part = _STEP.match(text, position)
        if part is None:
            raise Unsayable(f"{text[position:]!r} in {whole!r}")
        position = part.end()
        name = part["name"] or part["quoted"] or part["double"]
        if part["filter"] is not None:
            found.append(Step(filter=_filter(part["filter"])))
        elif part["all"]:
            found.append(Step(filter={}))
        elif part["index"] is not None:
            found.append(Step(index=int(part["index"])))
        elif part["call"] or (name in ("length", "size") and position == len(text) and found):
            if name not in ("length", "size"):
                raise Unsayable(f"`{name}()` in {whole!r}")
            found.append(Step(size=True))
        else:
            found.append(Step(name=str(name)))
    return found


def nested(steps: list[Step], leaf: Any) -> Any:
    """Give the pattern that demands *leaf* where a path leads. Raises :class:`Unsayable`."""
    for step in reversed(steps):
        if step.size:
            leaf = {"$size": leaf}
        elif leaf == EXISTS and (step.filter == {} or step.index in (0, -1)):
            continue  # a list with an item is one that is there
        elif step.filter is not None:
            inner = leaf if step.filter == {} else step.filter if leaf in (EXISTS, {}) else both([step.filter, leaf])
            leaf = {"$some": inner}
        elif step.index is None:
            leaf = {step.name: leaf}
        elif step.index in (0, -1):
            leaf = {"$last" if step.index else "$first": leaf}
        else:
            raise Unsayable(f"the item [{step.index}] of a list: only the first and the last can be asked for")
    return leaf


def _filter(text: str) -> Any:
    """Read what stands in ``[?( … )]``."""
    for word, join in (("||", either), ("&&", both)):
        parts = _split(text, word)
        if len(parts) > 1:
            return join([_filter(part) for part in parts])
    text = text.strip()
    if text.startswith("!") and not text.startswith("!="):
        return negated(_filter(text[1:].strip()))
    if text.startswith("(") and text.endswith(")"):
        return _filter(text[1:-1])
    found = _COMPARED.match(text)
    if found is None:
        raise Unsayable(f"the filter {text!r}")
    leaf = _comparison(found["sign"], found["value"]) if found["sign"] else EXISTS
    path = found["path"]
    return leaf if not path else nested(_steps(path, text), leaf)


def _split(text: str, word: str) -> list[str]:
    """Split at a word outside of quotes and parentheses."""
    parts, depth, quote, start = [], 0, "", 0
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "()[]":
            depth += 1 if char in "([" else -1
        elif depth == 0 and text.startswith(word, position):
            parts.append(text[start:position])
            start = position + len(word)
    return [*parts, text[start:]]


def _comparison(sign: str, written: str) -> Any:
    text = written.strip()
    if sign == "=~":
        regex = re.fullmatch(r"/(.*)/([a-z]*)", text, re.DOTALL)
        inner = regex[1] if regex else text.strip("'\"")
        flags = "(?i)" if regex and "i" in regex[2] else ""
        return {"$regex": f"{flags}{inner}" if not regex else f"{flags}^(?:{inner})$"}
    value = _literal(text)
    signs = {"==": value, "!=": {"$ne": value}, "<": {"$lt": value}, "<=": {"$lte": value}, ">": {"$gt": value}}
    return {"$gte": value} if sign == ">=" else signs[sign]


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1:
        return text[1:-1]
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d*\.\d+", text):
        return float(text)
    raise Unsayable(f"the value {text!r}")
