"""What a file is written in, where no YAML parser can say it well: is it text at all, and is it whole as JSON?"""

from __future__ import annotations

import json

from grpcmock.errors import Location, Problem

_HEAD = 1024
"""Bytes that are looked at."""

_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f\x1b"})


def is_binary(data: bytes) -> bool:
    """Return whether no editor has written this: text may hold a stray control character, but not many, and no NUL."""
    head = data[:_HEAD]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" in head or controls > len(head) // 20


def json_problem(text: str, file: str) -> Problem | None:
    """Return what is wrong with *text* as JSON, with its place; None if nothing is, or it nests too deeply to say."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if text[error.pos :].strip():
            message, hint = f"The text is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}.", ""
        else:
            message, hint = "The text is not valid JSON: it ends before it is complete.", "Was it cut off?"
        return Problem(message, Location(file, error.lineno, error.colno), hint=hint, rule="yaml")
    except RecursionError:
        return None
    return None
