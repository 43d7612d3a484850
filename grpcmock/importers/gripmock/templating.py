"""Templates in what GripMock answers: those that are rendered for each call, and those that its YAML is read with."""

from __future__ import annotations

import base64
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpcmock.importers.go_templates import Scope, Untranslatable, is_template, translate
from grpcmock.stubs.dump import literals

if TYPE_CHECKING:
    from collections.abc import Callable

_UNQUOTED = re.compile(r"""^(?P<before>\s*(?:-\s+|[\w."'@/-]+\s*:\s+|-\s+[\w."'-]+\s*:\s+))(?P<template>\{\{.*\}\})""")
_STATIC = re.compile(r"""\{\{\s*(uuid2base64|uuid2int64|uuid2bytes|string2base64)\s+["`]([^"`]*)["`]\s*\}\}""")

_OMITTED = object()


@dataclass(slots=True)
class Renderer:
    """Writes the templates in values of one stub in the words of Jinja."""

    scope: Scope
    warn: Callable[[str], None]
    translated: list[str] = field(default_factory=list)
    """The templates that were translated, as they stood."""

    def value(self, value: Any) -> Any:
        """Write a value of an answer; fields whose templates have no counterpart are left out, with a warning."""
        found = self._value(value)
        return {} if found is _OMITTED else found

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            made = {key: self._value(one) for key, one in value.items()}
            return {key: one for key, one in made.items() if one is not _OMITTED}
        if isinstance(value, list):
            return [one for one in map(self._value, value) if one is not _OMITTED]
        return self.text(value, _OMITTED) if isinstance(value, str) else value

    def text(self, text: str, otherwise: Any = None) -> Any:
        """Write one text; *otherwise* where its template has no counterpart."""
        if not is_template(text):
            return literals(text)
        try:
            made = translate(text, self.scope)
        except Untranslatable as reason:
            self.warn(f"the template {text!r} is left out: there is no counterpart to {reason}.")
            return otherwise
        if made != text:
            self.translated.append(text)
        return made


def readable_yaml(text: str) -> str:
    """Make YAML of what GripMock reads as such: functions of constants are computed, bare templates quoted."""
    if "{{" not in text:
        return text
    lines = []
    for line in text.split("\n"):
        line = _STATIC.sub(lambda found: _constant(found[1], found[2]), line)
        bare = _UNQUOTED.match(line)
        if bare and "{{" in line:
            quoted = bare["template"].replace("'", "''")
            line = f"{bare['before']}'{quoted}'{line[bare.end() :]}"
        lines.append(line)
    return "\n".join(lines)


def _constant(name: str, argument: str) -> str:
    if name == "string2base64":
        return base64.b64encode(argument.encode()).decode()
    try:
        data = uuid.UUID(argument).bytes
    except ValueError:
        return argument
    if name == "uuid2int64":
        halves = {"high": data[:8], "low": data[8:]}
        return json.dumps({key: int.from_bytes(half, "little", signed=True) for key, half in halves.items()})
    return base64.b64encode(data).decode()
