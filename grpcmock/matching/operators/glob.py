"""Globs, as regular expressions."""

from __future__ import annotations

from grpcmock.regex import escape


def glob_to_regex(written: str) -> str:
    """Return a glob as a regular expression that fits the same texts as a whole.

    ``*`` and ``?`` stand for any characters, ``[…]`` and ``[!…]`` for one of a set, or not of it.
    """
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
            parts.append(escape(character))
    return "".join(parts)
