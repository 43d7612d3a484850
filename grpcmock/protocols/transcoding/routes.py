"""The routes that the annotations of all methods make, and which of them a request takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import MethodOptions

from grpcmock.errors import did_you_mean
from grpcmock.protocols.transcoding import templates
from grpcmock.schema.codec import field_names, find_field

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.protocols.transcoding.templates import Template
    from grpcmock.schema import Method

_MAX_LISTED = 5
_LIKENESS = 0.75
"""How like a path must be to be the one that was meant: more than for a name, since much of it is taken as it came."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to call a method: a rule, or one of its additional bindings."""

    method: Method
    verb: str
    """``GET``; ``*`` for any."""

    template: Template
    body: str
    """The field that the body is; ``*`` for the whole request, empty where there is no body."""

    response_body: str
    """The field that is answered with; empty for the whole response."""

    def __str__(self) -> str:
        return f"{self.verb} {self.template.text}"


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a request takes."""

    route: Route
    variables: dict[str, str]
    """What the path says, by field."""


class Routes:
    """All routes of a set of methods."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self.problems: list[str] = []
        """The rules that can't be used, and why."""

        routes = (route for method in methods for route in routes_of(method, self.problems))
        self._routes = sorted(routes, key=lambda route: route.template.rank)

    def match(self, verb: str, raw_path: str) -> Match | None:
        """Return the route of a request; None if there is none."""
        path = templates.plain(raw_path)
        for route in self._routes:
            if route.verb in (verb, "*") and (found := route.template.match(path)) is not None:
                return Match(route, found)
        return None

    def verbs(self, raw_path: str) -> list[str]:
        """Return the HTTP methods that have a route of this path."""
        path = templates.plain(raw_path)
        return sorted({route.verb for route in self._routes if route.template.match(path) is not None})

    def hint(self, verb: str, raw_path: str, methods: Iterable[Method]) -> str:
        """Say which path may have been meant."""
        path = templates.plain(raw_path)
        alike = {_filled(route.template, path): route for route in reversed(self._routes) if route.verb == verb}
        alike = {**{_filled(route.template, path): route for route in reversed(self._routes)}, **alike}
        if found := get_close_matches(path, alike, n=1, cutoff=_LIKENESS):
            return f"Did you mean {alike[found[0]]}?"
        paths = [method.path for method in methods]
        if found := get_close_matches(path, paths, n=1, cutoff=_LIKENESS):
            return f"Did you mean POST {found[0]}?"
        if self._routes:
            shown = ", ".join(map(str, self._routes[:_MAX_LISTED]))
            return f"The paths are: {shown}{', …' if len(self._routes) > _MAX_LISTED else ''}."
        served = did_you_mean("", paths, known="By POST the paths")
        return f"No method has a google.api.http annotation. {served}".rstrip()


def routes_of(method: Method, problems: list[str]) -> Iterator[Route]:
    """Yield the routes of a method, in their order; what can't be used is told in *problems*."""
    rule = http_rule(method)
    if rule is None:
        return
    for one in (rule, *rule.additional_bindings):
        try:
            yield _route(method, one)
        except ValueError as error:
            problems.append(f"{method}: its google.api.http annotation can't be used: {error}.")


def http_rule(method: Method) -> Any:
    """Return the ``google.api.HttpRule`` of a method; None if it has none."""
    options = method.descriptor.GetOptions().SerializeToString()
    if not options:
        return None
    from google.api import annotations_pb2

    extension = annotations_pb2.http
    read = MethodOptions.FromString(options)
    return read.Extensions[extension] if read.HasExtension(extension) else None


def _route(method: Method, rule: Any) -> Route:
    kind = rule.WhichOneof("pattern")
    if kind is None:
        raise ValueError("it has no path")
    verb, path = (rule.custom.kind, rule.custom.path) if kind == "custom" else (kind, getattr(rule, kind))
    template = templates.parse(path)
    for variable in template.variables:
        _check_field(method.input, variable.field)
    if rule.body not in ("", "*"):
        _check_field(method.input, rule.body)
    if rule.response_body:
        if "." in rule.response_body:
            raise ValueError(f"response_body {rule.response_body!r} must be a field of the response itself")
        _check_field(method.output, rule.response_body)
    return Route(method, verb.upper(), template, rule.body, rule.response_body)


def _check_field(descriptor: Descriptor | None, path: str) -> None:
    for name in path.split("."):
        found = find_field(descriptor, name) if descriptor is not None else None
        if found is None:
            known = field_names(descriptor) if descriptor is not None else []
            owner = descriptor.full_name if descriptor is not None else "what stands before"
            raise ValueError(f"{owner} has no field {name!r}. {did_you_mean(name, known)}".rstrip(" ."))
        descriptor = found.message_type


def _filled(template: Template, path: str) -> str:
    """Return the path of a template with its wildcards as a request has them, to compare it with that."""
    asked = path.split("/")[1:]
    parts = [
        asked[number] if segment == "*" and number < len(asked) else segment
        for number, segment in enumerate(template.segments)
    ]
    return f"/{'/'.join(parts)}{template.verb}"
