"""Where the text of a ``.proto`` file sets options, and the same text without some of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'
    |[\w.]+|\S""",
    re.DOTALL | re.VERBOSE,
)
_VISIBLE = re.compile(r"[^\n]")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")

_Token = re.Match[str]
_Span = tuple[int, int]


def without(text: str, options: Collection[str]) -> str:
    """Return the text of a file without the uses of options.

    Custom ones are named as ``package.option`` or ``package.*``, others by their plain name. Uses become spaces, so
    that all else stays at its line and column.
    """
    for start, end in _spans([found for found in _TOKEN.finditer(text) if found["comment"] is None], options):
        text = text[:start] + _VISIBLE.sub(" ", text[start:end]) + text[end:]
    return text


def _spans(tokens: Sequence[_Token], options: Collection[str]) -> Iterator[_Span]:
    """Yield what the uses of options take up: statements, and elements of the lists behind fields and values."""
    index, before = 0, ";"
    while index < len(tokens):
        written = tokens[index][0]
        if written == "option" and before in (";", "{", "}"):
            end = _end(tokens, index, ";")
            if _is_use(tokens, index + 1, options):
                yield tokens[index].start(), tokens[end].end()
            index, written = end, ";"
        elif written == "[":
            end = _end(tokens, index + 1, "]")
            yield from _elements(tokens, index, end, options)
            index, written = end, "]"
        before = written
        index += 1


def _elements(tokens: Sequence[_Token], opening: int, closing: int, options: Collection[str]) -> Iterator[_Span]:
    """Yield what goes of a list, the commas that would be too many included; all of it if nothing stays."""
    firsts, commas = [opening + 1], []
    while (comma := _end(tokens, firsts[-1], ",", last=closing)) < closing:
        commas.append(comma)
        firsts.append(comma + 1)
    goes = [_is_use(tokens, first, options) for first in firsts]
    if all(goes):
        yield tokens[opening].start(), tokens[closing].end()
        return
    wants_comma = False
    for index, (first, end) in enumerate(zip(firsts, [*commas, closing], strict=True)):
        if goes[index]:
            yield tokens[first].start(), tokens[end].start()
        wants_comma = wants_comma or not goes[index]
        if end != closing:
            if wants_comma and not all(goes[index + 1 :]):
                wants_comma = False
            else:
                yield tokens[end].span()


def _is_use(tokens: Sequence[_Token], index: int, options: Collection[str]) -> bool:
    if index >= len(tokens):
        return False
    if tokens[index][0] != "(":
        return tokens[index][0] in options
    end = _end(tokens, index + 1, ")")
    name = "".join(token[0] for token in tokens[index + 1 : end]).removeprefix(".")
    return name in options or f"{name.rpartition('.')[0]}.*" in options


def _end(tokens: Sequence[_Token], start: int, closer: str, *, last: int | None = None) -> int:
    """Return where *closer* stands outside of all brackets opened since *start*; else the *last* place of all."""
    last = len(tokens) - 1 if last is None else last
    depth = 0
    for index in range(start, last):
        written = tokens[index][0]
        if written == closer and not depth:
            return index
        depth += (written in _OPENING) - (written in _CLOSING)
    return last
