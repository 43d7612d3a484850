"""Test cases in the form of grpctestify, ``.gctf``: sections that say what is sent, and what must come back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SECTION = re.compile(r"^--- ([A-Z_]+)(.*?) ---\s*$")
_COMMENT_OR_TEXT = re.compile(r'(?P<text>"(?:\\.|[^"\\])*")|(//|#)[^\n]*')
_COMMENT = re.compile(r"^\s*(//|#).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """What is sent, or what must come: ``REQUEST``, ``RESPONSE``, ``ERROR``, ``ASSERTS``."""

    kind: str
    messages: tuple[Any, ...] = ()
    lines: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    tolerance: float = 0.0


@dataclass(slots=True)
class GctfCall:
    """One call of a case."""

    endpoint: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def read(path: Path) -> list[GctfCall]:
    """Give the calls of a case, in their order. Raises ValueError for what isn't understood."""
    calls: list[GctfCall] = []
    for kind, options, body in _sections(path.read_text(encoding="utf-8")):
        if kind == "ENDPOINT":
            calls.append(GctfCall(_uncommented(body).strip()))
        elif kind == "REQUEST_HEADERS":
            lines = [line for line in _uncommented(body).splitlines() if ":" in line]
            pairs = [line.split(":", 1) for line in lines]
            calls[-1].headers += [(key.strip().lower(), value.strip()) for key, value in pairs]
        elif kind in ("REQUEST", "RESPONSE", "ERROR"):
            words = options.split()
            tolerance = next((float(word.partition("=")[2]) for word in words if word.startswith("tolerance=")), 0.0)
            calls[-1].steps.append(Step(kind, tuple(_messages(body)), (), frozenset(words), tolerance))
        elif kind == "ASSERTS":
            lines = [line.strip() for line in _uncommented(body).splitlines() if line.strip()]
            calls[-1].steps.append(Step(kind, (), tuple(lines)))
        elif kind not in ("META", "OPTIONS", "EXTRACT"):
            raise ValueError(f"{path}: a section {kind}")
    return calls


def _sections(text: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        begun = _SECTION.match(line)
        if begun:
            found.append((begun[1], begun[2].strip(), []))
        elif found:
            found[-1][2].append(line)
    return [(kind, options, "\n".join(lines)) for kind, options, lines in found]


def _uncommented(body: str) -> str:
    return _COMMENT.sub("", body)


def _messages(body: str) -> list[Any]:
    """Read the JSON values of a section, one behind the other."""
    text = _COMMENT_OR_TEXT.sub(lambda found: found["text"] or "", body).strip()
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    decoder = json.JSONDecoder()
    found = []
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found
