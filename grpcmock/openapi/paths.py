"""Path templates of ``google.api.http`` in the words of OpenAPI, whose parameters are single segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.synthesis.planning import singular

if TYPE_CHECKING:
    from grpcmock.protocols.transcoding.templates import Template


@dataclass(frozen=True, slots=True)
class Parameter:
    """One segment of a path that varies."""

    name: str

    field: str
    """The path of the field that its value goes to; empty if it goes nowhere."""

    pattern: str
    """Of a field that several segments make up: all of them, ``shelves/{shelf}/books/{book}``. Else empty."""

    spans: bool
    """Whether it may hold slashes."""


@dataclass(frozen=True, slots=True)
class PathText:
    """A path as OpenAPI writes it."""

    text: str
    parameters: tuple[Parameter, ...]

    @property
    def shape(self) -> str:
        """The path without the names of its parameters: a document may hold no two that differ in these alone."""
        text = self.text
        for parameter in self.parameters:
            text = text.replace(f"{{{parameter.name}}}", "{}", 1)
        return text


def path_text(template: Template) -> PathText:
    """Return a template as OpenAPI writes it: ``/v1/{name=shelves/*}`` as ``/v1/shelves/{shelf}``."""
    taken: dict[str, None] = {}
    segments: list[str] = []
    parameters: list[Parameter] = []
    for field, pattern in template.parts:
        if "/" in pattern:
            found = _named(field, pattern, taken)
        else:
            found = [(pattern, _name(field, segments, taken) if "*" in pattern else "")]
        written = [f"{{{name}}}" if name else part for part, name in found]
        whole = "/".join(written) if len(written) > 1 else ""
        for part, name in found:
            if name:
                parameters.append(Parameter(name, field, whole, spans=part == "**"))
        segments += written
    return PathText(f"/{'/'.join(segments)}{template.verb}", tuple(parameters))


def _named(field: str, pattern: str, taken: dict[str, None]) -> list[tuple[str, str]]:
    """Return the segments of a pattern with the names of its wildcards, each after what stands before it."""
    found: list[tuple[str, str]] = []
    before: list[str] = []
    for part in pattern.split("/"):
        found.append((part, _name("" if before else field, before, taken) if "*" in part else ""))
        before.append(part)
    return found


def _name(field: str, before: list[str], taken: dict[str, None]) -> str:
    """Return a name for a wildcard: that of its field, or of what the segment before it names."""
    last = before[-1] if before and not before[-1].startswith(("{", "*")) else ""
    name = field or (singular(last) if last else "segment")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken[free] = None
    return free
