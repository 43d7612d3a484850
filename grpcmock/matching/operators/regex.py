"""Regular expressions and globs, compiled by RE2, so that they take linear time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compile_regex(written: str) -> Callable[[str], object]:
    """Compile a regular expression for searching. Raises ``ValueError`` with RE2's words."""
    search: Callable[[str], object] = _compile(written).search
    return search


def compile_glob(written: str) -> Callable[[str], object]:
    """Compile a glob: ``*`` and ``?`` stand for any characters, ``[…]`` and ``[!…]`` for one of a set, or not of it.

    Raises ``ValueError``.
    """
    fullmatch: Callable[[str], object] = _compile(_glob_to_regex(written)).fullmatch
    return fullmatch


def _compile(regex: str) -> Any:
    import re2  # no stub needs it but those with a pattern of text

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        words = error.args[0] if error.args else "it doesn't compile"
        raise ValueError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from None


def _glob_to_regex(written: str) -> str:
    import re2

    parts, at = ["(?s)"], 0
    while at < len(written):
        character = written[at]
        at += 1
        if character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "[" and (end := written.find("]", at + (2 if written[at : at + 1] == "!" else 1))) > 0:
            inside = written[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
            negated = inside.startswith("!")
            inside = inside[1:] if negated else inside
            parts.append(f"[{'^' if negated else ''}{inside.replace('^', chr(92) + '^')}]")
            at = end + 1
        else:
            parts.append(re2.escape(character))
    return "".join(parts)
