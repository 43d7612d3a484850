"""Mocks of grpc-ditto: the first whose patterns all hold answers, and texts are equal whatever their case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpcmock.importers import bodies, fields, http_status, jsonpath
from grpcmock.importers.draft import Context, Draft, mapping
from grpcmock.importers.jsonpath import EXISTS, Step, Unsayable
from grpcmock.importers.naming import title
from grpcmock.importers.patterns import both
from grpcmock.importers.precedence import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from grpcmock.schema import Method
    from grpcmock.tree import Node


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write the mocks of grpc-ditto's files."""
    drafts = []
    nodes = [node for document in documents for node in (document.value if document.is_list else [document])]
    for number, node in enumerate(nodes):
        with context.reading(node):
            if (draft := _draft(node, context)) is not None:
                draft.rank = (number,)
                drafts.append(draft)
    for draft in (ordered := in_order(drafts)):
        draft.keys["name"] = context.name(title(draft.method, draft.keys))
    return ordered


def _draft(node: Node, context: Context) -> Draft | None:
    plain = mapping(node.plain())
    request = mapping(plain.get("request"))
    name = str(request.get("method") or "").removeprefix("/")
    if not name:
        context.warn("This is no mock of grpc-ditto: its request names no method.", node.location)
        return None
    method = context.knows(name, node.location)
    comments: list[str] = []

    def warn(text: str) -> None:
        context.warn(text, node.location, name.rpartition("/")[2])
        comments.append(f"Not as in grpc-ditto: {text}")

    written = request.get("body_patterns") or request.get("bodyPatterns")
    if not written:
        context.warn("This mock is left out: without patterns it fits no call in grpc-ditto either.", node.location)
        return None
    keys = {"method": str(method) if method is not None else name, **_when(written, method, warn)}
    streams = method.kind.server_streams if method is not None else None
    return Draft({**keys, **_answer(plain.get("response"), streams, warn)}, node.location, comments)


def _when(written: Any, method: Method | None, warn: Any) -> dict[str, Any]:
    message = method.input if method is not None else None
    streams = method.kind.client_streams if method is not None else "[" in _expressions(written)
    whole: list[Any] = []
    by_index: dict[int, list[Any]] = {}
    size: Any = None
    for one in map(mapping, written):
        try:
            if equal := one.get("equal_to_json", one.get("equalToJson")):
                whole.append(bodies.equal(bodies.tree(equal)))
            path = one.get("matches_jsonpath", one.get("matchesJsonpath", one.get("matchesJsonPath")))
            if path is None:
                continue
            steps, leaf = _path(path, message, root_is_list=streams)
            if streams and steps and steps[0].size:
                size = leaf
            elif streams and steps and steps[0].index is not None:
                inner = jsonpath.nested(steps[1:], leaf)
                by_index.setdefault(steps[0].index, []).append({} if inner == EXISTS else inner)
            else:
                whole.append(jsonpath.nested(steps, leaf))
        except (Unsayable, bodies.NoJsonError) as reason:
            warn(f"one of its patterns isn't looked at: {reason}.")
    if not streams:
        pattern = both(whole)
        return {} if pattern is None else {"request": bodies.typed_pattern(pattern, message)}
    for pattern in whole:
        warn(f"the pattern {json.dumps(pattern)} is one of the whole stream: it isn't looked at.")
    return {"requests": _stream(by_index, size, warn)}


def _expressions(written: Any) -> str:
    """Give what stands behind the root in all expressions: an index there tells of a stream."""
    found = []
    for one in map(mapping, written):
        path = one.get("matches_jsonpath", one.get("matchesJsonPath"))
        expression = path if isinstance(path, str) else str(mapping(path).get("expression"))
        found.append(expression.strip()[1:2])
    return "".join(found)


def _stream(by_index: dict[int, list[Any]], size: Any, warn: Any) -> Any:
    if set(by_index) <= {0} and not (isinstance(size, int) and by_index):
        found: dict[str, Any] = {"$first": both(by_index[0])} if 0 in by_index else {}
        return {**found, **({"$size": size} if size is not None else {})} or {"$size": {"$gte": 0}}
    count = size if isinstance(size, int) else max(by_index) + 1
    if size is None:
        warn(f"the stream has to have exactly {count} messages here.")
    return [both(by_index.get(index, [])) or {} for index in range(count)]


def _path(written: Any, message: Descriptor | None, *, root_is_list: bool) -> tuple[list[Step], Any]:
    given: dict[str, Any] = {"expression": written} if isinstance(written, str) else mapping(written)
    expression = str(given.get("expression"))
    if root_is_list and expression == "$.length":
        return [Step(size=True)], _size(given)
    steps = jsonpath.parse(expression)
    field = _field(steps, message)
    if "contains" in given:
        return steps, {"$contains": str(given["contains"])}
    if "regexp" in given:
        return steps, _regex(str(given["regexp"]), field)
    if "eq" in given:
        return steps, _equal(str(given["eq"]), field)
    return steps, EXISTS


def _size(given: dict[str, Any]) -> Any:
    if str(given.get("eq", "")).isdigit():
        return int(given["eq"])
    return {"$gte": 0}  # a regular expression on the number, which any number is taken to fit


def _field(steps: list[Step], message: Descriptor | None) -> FieldDescriptor | None:
    found = None
    for step in steps:
        if step.name:
            found = fields.find(message, step.name)
            message = found.message_type if found is not None else None
    return found


def _regex(regex: str, field: FieldDescriptor | None) -> Any:
    if field is not None and fields.is_number(field):
        raise Unsayable(f"a regular expression on the number {field.full_name}")
    return {"$regex": regex}


def _equal(text: str, field: FieldDescriptor | None) -> Any:
    if text[:1] in ("{", "["):
        value = bodies.tree(text)
        return value if value == {} else bodies.equal(value)
    value = bodies.typed(text, field)
    is_text = field is None or field.type == field.TYPE_STRING
    return {"$ignoreCase": value} if is_text and isinstance(value, str) and value.lower() != value.upper() else value


def _answer(written: Any, streams: bool | None, warn: Any) -> dict[str, Any]:
    parts = list(map(mapping, written if isinstance(written, list) else [written]))
    messages = [bodies.tree(part.get("body")) for part in parts if "body" in part]
    status = next((mapping(part["status"]) for part in parts if part.get("status")), None)
    keys: dict[str, Any] = {}
    if streams or len(messages) > 1:
        keys["responses"] = messages
    elif messages and status is None:
        keys["response"] = messages[0]
    if status is not None:
        code = http_status.code_named(status.get("code"))
        if code is None:
            warn(f"{status.get('code')!r} is no status; UNKNOWN is answered.")
        keys["error"] = {"code": code.name if code else "UNKNOWN"}
        if status.get("message"):
            keys["error"]["message"] = str(status["message"])
        if keys.get("responses") == []:
            del keys["responses"]
    return keys
