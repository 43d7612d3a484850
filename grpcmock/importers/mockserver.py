"""gRPC expectations of MockServer, which matches requests as JSON and answers with JSON, or with a stream of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from grpcmock.importers import bodies, durations, http_status, jsonpath
from grpcmock.importers.draft import Context, Draft, mapping
from grpcmock.importers.jsonpath import Unsayable
from grpcmock.importers.naming import title
from grpcmock.importers.patterns import negated
from grpcmock.importers.precedence import in_order
from grpcmock.importers.wiremock.matching import schema, whole
from grpcmock.stubs.dump import literals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.tree import Node

_PATH = re.compile(r"/([\w.]+\.\w+|[A-Z]\w*)/(\w+)")
_ANSWERS = ("httpResponse", "grpcStreamResponse")
_STATUS = ("grpc-status", "x-grpc-status", "grpc-status-name")
_MESSAGE = ("grpc-message", "x-grpc-message")
_HTTP_ONLY = ("content-type", "content-length", "connection", *_STATUS, *_MESSAGE)
_DERIVED = ("x-grpc-service", "x-grpc-method", "x-grpc-original-content-type", "x-grpc-client-streaming")
_UNITS = {"MICROSECONDS": 1e-6, "MILLISECONDS": 1e-3, "SECONDS": 1.0, "MINUTES": 60.0, "HOURS": 3600.0}
_KNOWN = {"id", "priority", "httpRequest", "times", "timeToLive", "scenarioName", "scenarioState", "newScenarioState"}


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write expectations of MockServer's files; those of plain HTTP are left out with a warning."""
    drafts = []
    nodes = [node for document in documents for node in (document.value if document.is_list else [document])]
    for number, node in enumerate(nodes):
        with context.reading(node):
            if (draft := _draft(node, number, context)) is not None:
                drafts.append(draft)
    for draft in (ordered := in_order(drafts)):
        draft.keys["name"] = context.name(title(draft.method, draft.keys))
    return ordered


def _draft(node: Node, number: int, context: Context) -> Draft | None:
    plain = mapping(node.plain())
    request = mapping(plain.get("httpRequest"))
    path = _PATH.fullmatch(str(request.get("path") or ""))
    if path is None:
        context.warn("This expectation is left out: its path is no /package.Service/Method.", node.location)
        return None
    method = context.knows(f"{path[1]}/{path[2]}", node.location)
    comments: list[str] = []

    def warn(text: str) -> None:
        context.warn(text, node.location, path[2])
        comments.append(f"Not as in MockServer: {text}")

    keys: dict[str, Any] = {"method": f"{path[1]}/{path[2]}"}
    message = method.input if method is not None else None
    try:
        pattern = _body(request.get("body"), warn)
    except (Unsayable, bodies.NoJsonError) as reason:
        warn(f"the body isn't looked at: {reason}.")
        pattern = None
    if isinstance(pattern, list):
        keys["requests"] = [bodies.typed_pattern(one, message) for one in pattern]
    elif pattern is not None:
        streams = method is not None and method.kind.client_streams
        inner = bodies.typed_pattern(pattern, message)
        keys["requests" if streams else "request"] = [inner] if streams else inner
    metadata = _headers(request.get("headers"))
    if metadata:
        keys["metadata"] = metadata
    keys |= _limits(plain, warn)
    for key in plain.keys() - _KNOWN - {*_ANSWERS}:
        warn(f"`{key}` is left out.")
    streams_back = method.kind.server_streams if method is not None else "grpcStreamResponse" in plain
    keys |= _answer(plain, warn, streams=streams_back)
    given = plain.get("priority")
    priority = given if isinstance(given, int) else 0
    return Draft(keys, node.location, comments, (-priority, number))


def _limits(plain: dict[str, Any], warn: Any) -> dict[str, Any]:
    """Write how often an expectation holds, and in which states of its scenario."""
    keys: dict[str, Any] = {}
    times = mapping(plain.get("times"))
    if times.get("remainingTimes") and not times.get("unlimited"):
        keys["times"] = times["remainingTimes"]
    if scenario := plain.get("scenarioName"):
        for key, name in (("state", "scenarioState"), ("set", "newScenarioState")):
            if state := plain.get(name):
                keys[key] = {str(scenario): "started" if state == "Started" else str(state)}
    if not mapping(plain.get("timeToLive")).get("unlimited", True):
        warn("`timeToLive` isn't looked at: stubs don't expire.")
    return keys


def _body(written: Any, warn: Any) -> Any:
    """Write what is asked of the body; a list stands for the messages of a stream. None where nothing is."""
    if written is None:
        return None
    kind = str(written.get("type", "JSON")) if isinstance(written, dict) else "JSON"
    value: Any
    if isinstance(written, dict) and "type" not in written and not {"json", "jsonPath", "jsonSchema"} & written.keys():
        kind, value, strict = "JSON", written, False
    elif isinstance(written, dict):
        value = written.get("json", written.get("string"))
        strict = written.get("matchType") == "STRICT"
        kind = "JSON_PATH" if "jsonPath" in written else "JSON_SCHEMA" if "jsonSchema" in written else kind
    else:
        value, strict = written, False
    if isinstance(written, dict) and written.get("not"):
        return negated(_body({key: one for key, one in written.items() if key != "not"}, warn))
    match kind:
        case "JSON" | "STRING":
            found = bodies.tree(value)
            parts = found if isinstance(found, list) else [found]
            made = [bodies.equal(one, extra=not strict, unordered=not strict) for one in parts]
            return made if isinstance(found, list) else made[0] or None
        case "JSON_PATH":
            return jsonpath.nested(jsonpath.parse(str(written["jsonPath"])), jsonpath.EXISTS)
        case "JSON_SCHEMA":
            return schema(bodies.tree(written["jsonSchema"]), warn)
    raise Unsayable(f"a body of the type {kind}")


def _entries(written: Any) -> dict[str, list[str]]:
    """Give headers, written as a mapping or as a list of names with values."""
    if isinstance(written, list):
        written = {one["name"]: one.get("values") for one in written if isinstance(one, dict) and "name" in one}
    found = {}
    for name, values in mapping(written).items():
        listed = values if isinstance(values, list) else [values]
        found[name.lower()] = [str(value) for value in listed]
    return found


def _headers(written: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in _entries(written).items():
        if name in (*_HTTP_ONLY, *_DERIVED) or not values:
            continue
        if name.startswith("!"):
            found[name[1:]] = None
            continue
        text = values[0].removeprefix("!")
        pattern: Any = {"$regex": whole(text)} if re.search(r"[*+?\[\]()|\\^$]", text) else text
        found[name] = negated(pattern) if values[0].startswith("!") else pattern
    return found


def _answer(plain: dict[str, Any], warn: Any, *, streams: bool) -> dict[str, Any]:
    stream = mapping(plain.get("grpcStreamResponse"))
    response = mapping(plain.get("httpResponse"))
    given = _entries((stream or response).get("headers"))
    keys: dict[str, Any] = {}
    shown = {
        name: values[0] if len(values) == 1 else values for name, values in given.items() if name not in _HTTP_ONLY
    }
    if shown:
        keys["headers"] = literals(shown)
    if delay := _delay((stream or response).get("delay")):
        keys["delay"] = delay
    name = stream.get("statusName") or next((given[key][0] for key in _STATUS if key in given), None)
    message = stream.get("statusMessage") or next((given[key][0] for key in _MESSAGE if key in given), "")
    error = _error(name, message, response.get("statusCode"), warn)
    if stream:
        return keys | _stream(stream, error, warn, streams=streams)
    if error is not None:
        return keys | {"error": error}
    if not response:
        warn("its answer is none of a gRPC method: UNIMPLEMENTED is answered.")
        return keys | {"error": {"code": "UNIMPLEMENTED"}}
    body = response.get("body")
    body = body.get("json", body.get("string")) if isinstance(body, dict) and "type" in body else body
    found = literals(bodies.tree(body))
    if isinstance(found, list):
        return keys | {"responses": found}
    return keys | {"response": found}


def _stream(stream: dict[str, Any], error: Any, warn: Any, *, streams: bool) -> dict[str, Any]:
    parts = [mapping(one) for one in stream.get("messages") or ()]
    messages = [literals(bodies.tree(one.get("json"))) for one in parts]
    delays = [_delay(one.get("delay")) for one in parts]
    if stream.get("closeConnection"):
        warn("`closeConnection` is left out: the call ends, the connection stays.")
    last = {"error": error} if error is not None else {}
    if not streams:
        return last or {"response": messages[0] if messages else {}}
    if not any(delays):
        return {"responses": messages, **last}
    steps: list[dict[str, Any]] = []
    for message, delay in zip(messages, delays, strict=True):
        steps += [*([{"wait": delay}] if delay else []), {"send": message}]
    return {"script": [*steps, *([last] if last else [])]}


def _error(name: Any, message: str, status: Any, warn: Any) -> dict[str, Any] | None:
    if name is None:
        if not isinstance(status, int) or status < 400:
            return None
        return {"code": http_status.code_of(status).name, "message": f"HTTP {status}"}
    code = http_status.code_named(name)
    if code is None:
        warn(f"{name!r} is no status; UNKNOWN is answered. {http_status.nearest_code(name)}".rstrip())
        return {"code": "UNKNOWN"}
    return None if code == 0 else {"code": code.name, **({"message": str(message)} if message else {})}


def _delay(written: Any) -> str | None:
    given = mapping(written)
    if not isinstance(given.get("value"), (int, float)):
        return None
    return durations.of_seconds(given["value"] * _UNITS.get(str(given.get("timeUnit", "MILLISECONDS")), 1e-3))
