"""Commands of a shell in a text: which lines belong to one, its words, and what stands below it; what curl sends.

The text may hold anything besides: notes, other commands, prompts.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = re.compile(r"^\s*(?:[$%>#]\s+)?(?=(?:\w+=\S+\s+)*(?:grpcurl|curl)\s)")
_OPERATOR = re.compile(r"[|>;&]+")
_DATA = ("d", "data", "data-raw", "data-ascii", "data-binary", "json", "here")
_SHORT_FLAGS = frozenset("#012346GIJLNOSZafgijklnpqRsv")
_LONG_FLAGS = {
    *("http1.1", "http2", "http2-prior-knowledge", "silent", "insecure", "verbose", "include", "location", "fail"),
    *("fail-with-body", "compressed", "no-buffer", "show-error", "globoff", "get", "head", "progress-bar"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A line of grpcurl or curl, with the lines that belong to it."""

    line: int
    column: int
    words: list[str]
    """The program and its arguments, up to where the output goes elsewhere; none if they can't be told apart."""

    below: str
    """What stands between this command and the next."""

    is_comment: bool = False
    """Whether a script wouldn't run it; in a transcript, `#` may be a prompt."""

    problem: str = ""


@dataclass(slots=True)
class CurlRequest:
    """What a line of curl sends."""

    url: str = ""
    data: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def commands(text: str) -> Iterator[Command]:
    """Find the lines of grpcurl and curl in a text."""
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        begun = _COMMAND.match(lines[position])
        if begun is None:
            position += 1
            continue
        at = position
        command, position = _whole_command(lines, position, begun.end())
        below = []
        while position < len(lines) and not _COMMAND.match(lines[position]) and not lines[position].startswith("```"):
            below.append(lines[position])
            position += 1
        words, problem = [], ""
        try:
            words = _words(command)
        except ValueError as error:
            problem = str(error)
        is_comment = lines[at].lstrip().startswith("#")
        yield Command(at + 1, begun.end() + 1, words, "\n".join(below), is_comment, problem)


def curl_request(words: list[str]) -> CurlRequest:
    """Read the arguments of curl."""
    found = CurlRequest()
    pending = list(words)
    while pending:
        word = pending.pop(0)
        if word.startswith("--"):
            name = word[2:]
            if name not in _LONG_FLAGS and pending:
                _take(found, name, pending.pop(0))
        elif word.startswith("-"):
            rest = word[1:].lstrip("".join(_SHORT_FLAGS))
            if rest:
                value = rest[1:] or (pending.pop(0) if pending else "")
                _take(found, rest[0], value)
        else:
            found.url = word
    return found


def _take(found: CurlRequest, name: str, value: str) -> None:
    if name in _DATA:
        found.data = value
    elif name in ("H", "header"):
        key, _, text = value.partition(":")
        found.headers[key.strip().lower()] = text.strip()
    elif name == "url":
        found.url = value


def _whole_command(lines: list[str], position: int, start: int) -> tuple[str, int]:
    """Give a command with the lines that belong to it: after a backslash, and while a quote is open."""
    command = lines[position][start:]
    position += 1
    while position < len(lines):
        if command.rstrip().endswith("\\"):
            command = command.rstrip()[:-1] + " " + lines[position]
        elif _is_open(command):
            command += "\n" + lines[position]
        else:
            break
        position += 1
    here = re.search(r"<<-?\s*(['\"]?)(\w+)\1", command)
    if here:
        body = [""]
        while position < len(lines) and lines[position].strip() != here[2]:
            body.append(lines[position])
            position += 1
        command = f"{command[: here.start()]} --here {shlex.quote(chr(10).join(body))} {command[here.end() :]}"
        position += 1
    return command, position


def _is_open(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def _words(command: str) -> list[str]:
    """Split a command up to a pipe, a redirection or the next command; assignments before it are left out."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|>;&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if _OPERATOR.fullmatch(word):
            # The number of what is redirected, as in `2> errors`.
            if word.startswith(">") and words and words[-1] in ("1", "2"):
                words.pop()
            break
        words.append(word)
    while words and re.fullmatch(r"\w+=.*", words[0], re.DOTALL):
        words.pop(0)
    return words
