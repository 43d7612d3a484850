"""Examples of Microcks, ``kind: APIExamples``: pairs of a request and a response for the operations of a service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpcmock.importers import bodies, handlebars
from grpcmock.importers.draft import Context, Draft, mapping
from grpcmock.importers.precedence import in_order
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.tree import Node


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write the examples of Microcks's files; those of messages without a response are left out with a warning."""
    drafts: list[Draft] = []
    for document in documents:
        metadata = document.value.get("metadata")
        service = mapping(metadata.plain() if metadata is not None else None).get("name")
        operations = document.value.get("operations")
        if not service or operations is None or not operations.is_mapping:
            context.warn("These examples name no service and operations.", document.location)
            continue
        for operation, examples in operations.value.items():
            name = f"{service}/{operation}"
            if not str(operation).isidentifier():
                context.warn(
                    f"The operation {operation!r} is left out: it is of no gRPC service.",
                    operations.key_location(operation),
                )
                continue
            method = context.knows(name, operations.key_location(operation))
            for title, node in examples.value.items() if examples.is_mapping else ():
                with context.reading(node):
                    draft = _draft(str(method) if method is not None else name, node, context)
                    if draft is not None:
                        draft.keys["name"] = str(title)
                        draft.rank = (not draft.keys.get("request"), len(drafts))
                        drafts.append(draft)
    for draft in (ordered := in_order(drafts)):
        own = draft.keys["name"]
        if context.names.get(own):
            own = f"{draft.method.rpartition('/')[2]} {own}"
        draft.keys["name"] = context.name(own)
    return ordered


def _draft(method: str, node: Node, context: Context) -> Draft | None:
    plain = mapping(node.plain())
    if "request" not in plain or "response" not in plain:
        context.warn("This example is left out: it is no pair of a request and a response.", node.location)
        return None
    comments: list[str] = []

    def warn(text: str) -> None:
        context.warn(text, node.location, method.rpartition("/")[2])
        comments.append(f"Not as in Microcks: {text}")

    request, response = mapping(plain["request"]), mapping(plain["response"])
    keys: dict[str, Any] = {"method": method}
    try:
        asked = bodies.tree(request.get("body"))
        if asked:
            keys["request"] = asked
        body = response.get("body")
        answered = body if _is_text(body) else handlebars.rendered(bodies.tree(body), handlebars.microcks, warn)
    except bodies.NoJsonError as reason:
        warn(f"{reason}: it is left out.")
        answered = {}
    if request.get("headers"):
        comments.append("The headers of the request are of the example alone: Microcks doesn't match them.")
    headers = mapping(response.get("headers"))
    if headers:
        keys["headers"] = {name.lower(): _values(value) for name, value in headers.items()}
    status = response.get("status") or response.get("code")
    number = int(str(status)) if str(status or "").isdigit() else 0
    if number == 0 or number >= 100:
        keys["response"] = answered
    elif number in set(map(int, Code)):
        text = answered if isinstance(answered, str) else json.dumps(answered) if answered else ""
        keys["error"] = {"code": Code(number).name, **({"message": text} if text else {})}
    else:
        warn(f"{status} is no status; UNKNOWN is answered.")
        keys["error"] = {"code": "UNKNOWN"}
    return Draft(keys, node.location, comments)


def _is_text(body: Any) -> bool:
    return isinstance(body, str) and body.strip()[:1] not in ("{", "[", "")


def _values(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list) else str(value)
