"""Path templates of ``google.api.http``: ``/v1/{name=shelves/*/books/*}:move``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SLASH = "\udfff"
"""Stands for a slash inside of a segment, which was percent-encoded: no decoded path holds half a surrogate pair."""

_IDENT = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(
    rf"\{{(?P<field>{_IDENT}(?:\.{_IDENT})*)(?:=(?P<pattern>[^{{}}]*))?\}}|(?P<wild>\*\*?)|(?P<literal>[^/{{}}*:]+)"
)
_VERB = re.compile(r":([^/{}*:]+)$")


class TemplateError(ValueError):
    """A path template doesn't follow the grammar."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a template: the field that its value goes to."""

    field: str
    """The path of the field: ``book.name``."""

    spans: bool
    """Whether it may take several segments; a slash within one of them then stays encoded."""


@dataclass(frozen=True, slots=True)
class Template:
    """A path template, ready to be matched."""

    text: str
    variables: tuple[Variable, ...]
    regex: re.Pattern[str]
    rank: tuple[object, ...]
    """The lower is tried first: what has a verb before what has none, literal segments before wildcards."""

    segments: tuple[str, ...]
    """Literals and wildcards, those of variables among them."""

    verb: str
    """``:lend``; empty for none."""

    parts: tuple[tuple[str, str], ...] = ()
    """The path piece by piece: the field that a piece goes to, empty for none, and its segments."""

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of the variables, by field; None if a path doesn't match. It is as :func:`plain` has it."""
        found = self.regex.fullmatch(path)
        if found is None:
            return None
        values = zip(self.variables, found.groups(), strict=True)
        return {one.field: value.replace(_SLASH, "%2F" if one.spans else "/") for one, value in values}


def plain(raw_path: str) -> str:
    """Return a path decoded, its segments still apart."""
    return "/".join(unquote(segment).replace("/", _SLASH) for segment in raw_path.split("/"))


def parse(text: str) -> Template:
    """Return the template of a text. Raises :class:`TemplateError`, which says what is wrong."""
    if not text.startswith("/"):
        raise TemplateError(f"the path {text!r} must begin with '/'")
    verb = _VERB.search(text)
    rest = text[: verb.start()] if verb else text
    regex = ""
    variables: list[Variable] = []
    kinds: list[int] = []
    parts: list[tuple[str, str]] = []
    position = 0
    while position < len(rest):
        if rest[position] != "/":
            raise TemplateError(f"the path {text!r} can't be read from {rest[position:]!r} on")
        token = _TOKEN.match(rest, position + 1)
        if token is None:
            if rest[position:] == "/" and position == 0:
                regex += "/"
                break
            raise TemplateError(f"the path {text!r} can't be read from {rest[position + 1 :]!r} on")
        if token["field"] is not None:
            pattern = token["pattern"] if token["pattern"] is not None else "*"
            inner, inner_kinds = _pattern(pattern, text)
            regex += f"/({inner})"
            kinds += inner_kinds
            parts.append((token["field"], pattern))
            variables.append(Variable(token["field"], spans=len(inner_kinds) > 1 or "**" in pattern))
        else:
            inner, inner_kinds = _pattern(token[0], text)
            regex += f"/{inner}"
            kinds += inner_kinds
            parts.append(("", token[0]))
        position = token.end()
    if 2 in kinds[:-1]:
        raise TemplateError(f"in the path {text!r}, '**' must be the last segment")
    if verb:
        regex += re.escape(verb[0])
    rank = (verb is None, tuple(kinds), -len(kinds))
    segments = tuple(segment for _, pattern in parts for segment in pattern.split("/"))
    compiled = re.compile(regex, re.DOTALL)
    return Template(text, tuple(variables), compiled, rank, segments, verb[0] if verb else "", tuple(parts))


def _pattern(pattern: str, text: str) -> tuple[str, list[int]]:
    """Return the regular expression of segments without variables, and of each how little it says."""
    parts, kinds = [], []
    for segment in pattern.split("/"):
        if segment == "**":
            parts.append(".*")
            kinds.append(2)
        elif segment == "*":
            parts.append("[^/]+")
            kinds.append(1)
        elif segment and "*" not in segment:
            parts.append(re.escape(segment))
            kinds.append(0)
        else:
            raise TemplateError(f"the path {text!r} has the segment {segment!r}, which is none")
    return "/".join(parts), kinds
