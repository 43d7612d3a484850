"""Methods as operations: one for each way in which they can be called by HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grpcmock.openapi.paths import PathText, path_text
from grpcmock.openapi.schemas import CONNECT_ERROR, STATUS, WELL_KNOWN
from grpcmock.protocols.transcoding.request import HTTP_BODY
from grpcmock.protocols.transcoding.routes import routes_of
from grpcmock.schema.fields import find_field

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.openapi.bounds import Schema
    from grpcmock.openapi.schemas import Schemas
    from grpcmock.protocols.transcoding.routes import Route
    from grpcmock.schema import Method

_VERBS = frozenset(("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"))
_NO_PARAMETERS = frozenset(("google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Value"))
_DEEPEST = 5
"""Messages inside of each other, beyond which their fields aren't listed as parameters of a query."""

JSON = "application/json"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
CONNECT_STREAM = "application/connect+json"
YAML = "application/yaml"


@dataclass(slots=True)
class Operations:
    """Collects operations by path and verb."""

    schemas: Schemas
    text_bodies: Mapping[str, str]
    """By the path of a method: the field that a body is which is sent as YAML instead of JSON."""

    problems: list[str] = field(default_factory=list)
    """What can't be said in OpenAPI, and why."""

    paths: dict[str, dict[str, Any]] = field(default_factory=dict)
    _shapes: dict[str, PathText] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)

    def add(self, method: Method) -> None:
        """Add the operations of a method: those of its annotation, or else that of Connect."""
        routes = list(routes_of(method, self.problems))
        for route in routes:
            self._add_route(route)
        if not routes:
            self._put(method.path, "POST", self._connect(method), method)

    def _add_route(self, route: Route) -> None:
        if route.verb not in _VERBS:
            self.problems.append(f"{route.method}: OpenAPI has no HTTP method {route.verb!r}, so {route} is left out.")
            return
        path = path_text(route.template)
        known = self._shapes.setdefault(path.shape, path)
        if known.text != path.text:  # the same path, save for the names of its parameters: those of the first are kept
            pairs = zip(path.parameters, known.parameters, strict=True)
            path = PathText(known.text, tuple(replace(own, name=first.name) for own, first in pairs))
        self._put(path.text, route.verb, self._route(route, path), route.method)

    def _put(self, path: str, verb: str, operation: Schema, method: Method) -> None:
        item = self.paths.setdefault(path, {})
        if verb.lower() in item:
            other = item[verb.lower()]["operationId"]
            self.problems.append(f"{method}: {verb} {path} is {other} already, so it is left out.")
            return
        item[verb.lower()] = {**self._head(method), **operation}

    def _head(self, method: Method) -> Schema:
        service = method.service.rpartition(".")[2]
        wished = f"{service}_{method.name}"
        number, name = 1, wished
        while name in self._ids:
            number += 1
            name = f"{wished}_{number}"
        self._ids.add(name)
        head: Schema = {"operationId": name, "tags": [method.service]}
        described = self.schemas.described(f"{method.service}.{method.name}")
        if described:
            head["summary"] = described["description"].split("\n")[0].split(". ")[0].rstrip(".")
        if method.descriptor.GetOptions().deprecated:
            head["deprecated"] = True
        return {**head, **described}

    # By google.api.http ---------------------------------------------------------------------------

    def _route(self, route: Route, path: PathText) -> Schema:
        method = route.method
        said = {variable.field for variable in route.template.variables}
        parameters = list(self._path_parameters(method.input, path))
        text_field = self.text_bodies.get(method.path, "")
        if route.body != "*":
            parameters += self._query(method.input, {*said, route.body})
        elif text_field:
            parameters += self._query(method.input, {*said, text_field})
        operation: Schema = {"parameters": parameters} if parameters else {}
        if route.body:
            operation["requestBody"] = self._body(route, said, text_field)
        operation["responses"] = self._responses(route)
        return operation

    def _path_parameters(self, descriptor: Descriptor, path: PathText) -> Iterator[Schema]:
        for parameter in path.parameters:
            found = _field_at(descriptor, parameter.field) if parameter.field else None
            schema: Schema = {"type": "string"}
            if found is not None and not parameter.pattern:
                schema = self.schemas.field(found)
            text = schema.pop("description", "")
            if parameter.pattern:
                text = f"A part of `{parameter.field or 'the path'}`, which is `{parameter.pattern}`."
            if parameter.spans:
                text = f"{text} It may hold slashes.".lstrip()
            told: Schema = {"name": parameter.name, "in": "path", "required": True, "schema": schema}
            yield {**told, "description": text} if text else told

    def _query(
        self, descriptor: Descriptor, said: Collection[str], above: tuple[FieldDescriptor, ...] = ()
    ) -> Iterator[Schema]:
        """Yield the fields that a query may set: those that neither the path nor the body says."""
        for one in descriptor.fields:
            if ".".join(part.name for part in (*above, one)) in said:
                continue
            type_ = one.message_type
            name = ".".join(part.json_name for part in (*above, one))
            if type_ is None or (type_.full_name in WELL_KNOWN and type_.full_name not in _NO_PARAMETERS):
                yield self._parameter(name, one)
            elif one.is_repeated or type_.full_name in WELL_KNOWN or len(above) >= _DEEPEST:
                continue
            elif all(part.message_type is not type_ for part in above) and type_ is not descriptor:
                yield from self._query(type_, said, (*above, one))

    def _parameter(self, name: str, one: FieldDescriptor) -> Schema:
        schema = self.schemas.field(one)
        told: Schema = {"name": name, "in": "query"}
        if text := schema.pop("description", ""):
            told["description"] = text
        if schema.pop("deprecated", False):
            told["deprecated"] = True
        if isinstance(schema.get("type"), list):
            schema["type"] = schema["type"][0]  # null can't stand in a query
        return {**told, "schema": schema}

    def _body(self, route: Route, said: Collection[str], text_field: str) -> Schema:
        input_ = route.method.input
        if route.body == "*":
            if input_.full_name == HTTP_BODY:
                return {"content": {"*/*": {}}}
            inside = {name for name in said if "." not in name}
            schema = self.schemas.inline(input_, inside) if inside else self.schemas.message(input_)
        else:
            found = _field_at(input_, route.body)
            assert found is not None  # the route was checked
            if found.message_type is not None and found.message_type.full_name == HTTP_BODY:
                return {"content": {"*/*": {}}}
            schema = self.schemas.field(found)
        if route.method.kind.client_streams:
            return {"content": {LINES: _stream("Lines, each a message in JSON.", schema)}}
        content: Schema = {JSON: {"schema": schema}}
        if text_field:
            text = self.schemas.described(f"{input_.full_name}.{text_field}")
            content[YAML] = {"schema": {"type": "string", **text}}
        return {"required": True, "content": content}

    def _responses(self, route: Route) -> Schema:
        output = route.method.output
        content: Schema
        schema = self.schemas.message(output)
        is_raw = output.full_name == HTTP_BODY
        if route.response_body:
            found = find_field(output, route.response_body)
            assert found is not None  # the route was checked
            is_raw = found.message_type is not None and found.message_type.full_name == HTTP_BODY
            schema = self.schemas.field(found)
        status = self.schemas.error(STATUS)
        if is_raw:
            content = {"*/*": {}}
        elif route.method.kind.server_streams:
            line = {"type": "object", "properties": {"result": schema, "error": status}}
            content = {
                EVENTS: _stream("Server-sent events; the data of each is a message in JSON.", schema),
                LINES: _stream("Lines, each an object in JSON.", line),
            }
        else:
            content = {JSON: {"schema": schema}}
        return _answers(content, status)

    # By Connect -----------------------------------------------------------------------------------

    def _connect(self, method: Method) -> Schema:
        kind = method.kind
        streams = kind.client_streams or kind.server_streams
        content_type = CONNECT_STREAM if streams else JSON
        request, response = self.schemas.message(method.input), self.schemas.message(method.output)
        text = "Messages in JSON, each behind five bytes of flags and length."
        came = {content_type: _stream(text, request) if streams else {"schema": request}}
        said = {content_type: _stream(text, response) if streams else {"schema": response}}
        body = {"required": True, "content": came}
        return {"requestBody": body, "responses": _answers(said, self.schemas.error(CONNECT_ERROR))}


def _stream(text: str, item: Schema) -> Schema:
    """Describe a body that is many messages: a text for OpenAPI 3.1, which has no words for it; 3.2 has these."""
    return {"schema": {"type": "string", "description": text}, "x-itemSchema": item}


def _answers(content: Schema, error: Schema) -> Schema:
    return {
        "200": {"description": "The answer.", "content": content},
        "default": {"description": "The call failed.", "content": {JSON: {"schema": error}}},
    }


def _field_at(descriptor: Descriptor, path: str) -> FieldDescriptor | None:
    names: Iterable[str] = path.split(".")
    found: FieldDescriptor | None = None
    within: Descriptor | None = descriptor
    for name in names:
        found = find_field(within, name) if within is not None else None
        within = found.message_type if found is not None else None
    return found
