"""Stub mappings of WireMock as drafts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpcmock.errors import Problems
from grpcmock.importers import bodies, durations, handlebars, http_status
from grpcmock.importers.draft import Context, Draft
from grpcmock.importers.naming import title
from grpcmock.importers.precedence import in_order
from grpcmock.importers.wiremock import matching
from grpcmock.stubs.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grpcmock.schema import Method
    from grpcmock.tree import Node

_PRIORITY = 5
"""The priority of a mapping that has none; the lowest number wins."""

_STARTED = "Started"
_STATUS = ("grpc-status-name", "grpc-status-reason")
_HTTP_ONLY = ("content-type", "content-length", "transfer-encoding", "matched-stub-id", "date", "server")
_PATH = re.compile(r"/([\w.]+\.\w+|[A-Z]\w*)/(\w+)")
"""A service, in a package or with a name that services have, and its method."""


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write mappings of WireMock's files; those that are of plain HTTP are left out, with a warning."""
    drafts: list[Draft] = []
    for number, node in enumerate(_mappings(documents)):
        with context.reading(node):
            drafts += [_Mapping(node, method, context).draft(-number) for method in _methods(node, context)]
    for draft in (ordered := in_order(drafts)):
        draft.keys["name"] = context.name(draft.keys.get("name") or title(draft.method, draft.keys))
    return ordered


def _mappings(documents: Iterable[Node]) -> Iterator[Node]:
    for document in documents:
        if document.is_list:
            yield from document.value
        elif "mappings" in document.value and document.value["mappings"].is_list:
            yield from document.value["mappings"].value
        else:
            yield document


def _methods(node: Node, context: Context) -> list[str]:
    """List the methods that a mapping is for: one by its path, or all that fit a pattern of paths."""
    request = node.value["request"].plain() if node.is_mapping and "request" in node.value else None
    if not isinstance(request, dict):
        context.warn("This is no stub mapping: it has no request.", node.location)
        return []
    verb = str(request.get("method") or "ANY").upper()
    path = str(request.get("urlPath") or request.get("url") or request.get("urlPathTemplate") or "")
    pattern = str(request.get("urlPathPattern") or request.get("urlPattern") or "")
    exact = _PATH.fullmatch(path)
    if verb not in ("POST", "ANY") or not (exact or pattern):
        context.warn(
            f"This mapping is left out: it is of plain HTTP ({verb} {path or pattern or '/'}), not of a gRPC method.",
            node.location,
            hint="WireMock's gRPC extension takes POST /package.Service/Method.",
        )
        return []
    if exact:
        name = f"{exact[1]}/{exact[2]}"
        context.knows(name, node.location)
        return [name]
    known = list(context.registry.methods.values()) if context.registry is not None else []
    found = [str(method) for method in known if re.fullmatch(pattern, method.path)]
    if not found:
        hint = "" if known else "Name the protos, then it is written for each of their methods that fits."
        context.warn(f"This mapping is left out: no known method fits the path {pattern!r}.", node.location, hint=hint)
    return found


class _Mapping:
    """One mapping on its way to a draft."""

    def __init__(self, node: Node, name: str, context: Context) -> None:
        self.node = node
        self.name = name
        self.plain: dict[str, Any] = node.plain()
        self.method: Method | None = context.method(name)
        self.context = context
        self.comments: list[str] = []

    def warn(self, text: str) -> None:
        self.context.warn(text, self.node.location, self.name.rpartition("/")[2])
        self.comments.append(f"Not as in WireMock: {text}")

    def draft(self, number: int) -> Draft:
        """Write the mapping; *number* is lower for later ones, which win in WireMock."""
        request, response = self.plain["request"], self.plain.get("response") or {}
        keys: dict[str, Any] = {"method": self.name}
        if self.plain.get("name"):
            keys["name"] = str(self.plain["name"])
        message = self.method.input if self.method is not None else None
        pattern = matching.body(request.get("bodyPatterns"), message, self.warn)
        if pattern is not None:
            streams = self.method is not None and self.method.kind.client_streams
            if streams:
                self.comments.append("WireMock answers a stream by the first message that fits.")
            keys["requests" if streams else "request"] = {"$some": pattern} if streams else pattern
        metadata = matching.headers(request.get("headers"), self.warn)
        if metadata:
            keys["metadata"] = metadata
        for key in request.keys() - {"method", "headers", "bodyPatterns"} - _URLS:
            self.warn(f"`{key}` of the request isn't looked at.")
        self._scenario(keys)
        keys |= self._answer(response)
        for key in ("postServeActions", "serveEventListeners"):
            if self.plain.get(key):
                self.warn(f"`{key}` is left out: nothing is called after an answer.")
        priority = self.plain.get("priority")
        rank = (priority if isinstance(priority, int) else _PRIORITY, number)
        return Draft(keys, self.node.location, self.comments, rank)

    def _scenario(self, keys: dict[str, Any]) -> None:
        scenario = self.plain.get("scenarioName")
        if not scenario:
            return
        states = {"state": self.plain.get("requiredScenarioState"), "set": self.plain.get("newScenarioState")}
        for key, state in states.items():
            if state:
                keys[key] = {str(scenario): "started" if state == _STARTED else str(state)}

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        written = {str(name).lower(): value for name, value in (response.get("headers") or {}).items()}
        shown = {name: value for name, value in written.items() if name not in (*_STATUS, *_HTTP_ONLY)}
        if shown:
            keys["headers"] = {name: self._rendered(value, response) for name, value in shown.items()}
        if delay := self._delay(response):
            keys["delay"] = delay
        if response.get("fault"):
            self.comments.append("`fault: {reset: true}` on the native transport comes nearer to WireMock's fault.")
            return keys | {"fault": {"abort": "UNAVAILABLE"}}
        if response.get("proxyBaseUrl"):
            self.warn("it passes calls on, which `grpcmock serve --forward` does; UNIMPLEMENTED is answered here.")
            return keys | {"error": {"code": "UNIMPLEMENTED", "message": f"Passed on to {response['proxyBaseUrl']}."}}
        error = self._error(written, response.get("status"))
        if error is not None:
            return keys | {"error": error}
        return keys | {"response": self._message(response)}

    def _error(self, headers: dict[str, Any], status: Any) -> dict[str, Any] | None:
        name = headers.get("grpc-status-name")
        if name is None:
            if not isinstance(status, int) or status < 400:
                return None
            return {"code": http_status.code_of(status).name, "message": f"HTTP {status}"}
        code = http_status.code_named(name)
        if code is None:
            self.warn(f"{name!r} is no status; UNKNOWN is answered. {http_status.nearest_code(name)}".rstrip())
            return {"code": "UNKNOWN"}
        if code == 0:
            return None
        reason = headers.get("grpc-status-reason")
        return {"code": code.name, **({"message": str(reason)} if reason else {})}

    def _message(self, response: dict[str, Any]) -> Any:
        body = response.get("jsonBody", response.get("body"))
        if name := response.get("bodyFileName"):
            body = _body_file(str(name), Path(self.node.file))
            if body is None:
                self.warn(f"the body stands in a file, {name!r}, which isn't there: an empty message is answered.")
        if response.get("base64Body"):
            self.warn("the body is in base64, which is no JSON: an empty message is answered.")
            return {}
        try:
            return self._rendered(bodies.tree(body), response)
        except bodies.NoJsonError as reason:
            self.warn(f"{reason}: an empty message is answered.")
            return {}

    def _rendered(self, value: Any, response: dict[str, Any]) -> Any:
        is_template = "response-template" in (response.get("transformers") or ())
        translate = handlebars.wiremock if is_template else _literal
        return handlebars.rendered(value, translate, self.warn)

    def _delay(self, response: dict[str, Any]) -> Any:
        if response.get("chunkedDribbleDelay"):
            self.warn("`chunkedDribbleDelay` is left out: `fault: {drip: …}` slows streams down.")
        if isinstance(response.get("fixedDelayMilliseconds"), (int, float)):
            return durations.of_milliseconds(response["fixedDelayMilliseconds"])
        match response.get("delayDistribution"):
            case {"type": "uniform", "lower": lower, "upper": upper}:
                return {"min": f"{lower}ms", "max": f"{upper}ms"}
            case {"type": "lognormal", "median": median, "sigma": sigma}:
                return {"median": f"{median}ms", "sigma": sigma}
            case {"type": "fixed", "milliseconds": fixed}:
                return durations.of_milliseconds(fixed)
            case None:
                return None
        self.warn("its distribution of delays is not known.")
        return None


def _body_file(name: str, mapping: Path) -> str | None:
    """Read a body from the folder of files: ``__files`` beside that of the mappings, or, in images, a root above."""
    for folder in list(mapping.resolve().parents)[:4]:
        for file in (folder / "__files" / name, folder / name):
            if file.is_file():
                return read_text(file, Problems())
    return None


_URLS = {"url", "urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate"}


def _literal(inside: str) -> str:
    """Write braces that are no template: WireMock renders only what has the transformer `response-template`."""
    return '"{" "{' + inside.replace('"', '\\"') + '}" "}"'
