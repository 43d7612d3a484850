"""gRPC mocks of mockd: methods with one answer each, and variants for some requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.importers import durations, handlebars, http_status
from grpcmock.importers.draft import Context, Draft, mapping
from grpcmock.importers.naming import title
from grpcmock.importers.patterns import regex_of_glob
from grpcmock.importers.precedence import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grpcmock.tree import Node


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write the gRPC mocks of mockd's files; those of other protocols are passed over with a warning."""
    drafts: list[Draft] = []
    for mock in _mocks(documents):
        kind = mock.value.get("type")
        if "grpc" not in mock.value:
            context.warn(f"This mock is left out: it is of {kind.value if kind else 'another kind'}.", mock.location)
            continue
        enabled = mock.value.get("enabled")
        if enabled is not None and enabled.value is False:
            context.warn("This mock is left out: it is disabled.", mock.location)
            continue
        for service, node in _entries(mock.value["grpc"], "services"):
            for method, of_method in _entries(node, "methods"):
                with context.reading(of_method):
                    drafts += list(_of_method(f"{service}/{method}", of_method, context))
    for draft in (ordered := in_order(drafts)):
        draft.keys["name"] = context.name(title(draft.method, draft.keys))
    return ordered


def _mocks(documents: Iterable[Node]) -> Iterator[Node]:
    for document in documents:
        listed = document.value.get("mocks") if document.is_mapping else document
        found = listed.value if listed is not None and listed.is_list else [document]
        yield from (node for node in found if node.is_mapping)


def _entries(node: Node, name: str) -> list[tuple[str, Node]]:
    inner = node.value.get(name) if node.is_mapping else None
    return [(str(key), one) for key, one in inner.value.items()] if inner is not None and inner.is_mapping else []


def _of_method(name: str, node: Node, context: Context) -> Iterator[Draft]:
    """Yield a draft for a method and each of its variants: those with conditions come first, in their order."""
    context.knows(name, node.location)
    variants = node.value.get("variants") if node.is_mapping else None
    for number, one in enumerate([node, *(variants.value if variants is not None and variants.is_list else [])]):
        plain = mapping(one.plain())
        if number == 0 and not plain.keys() - {"variants"}:
            continue
        match = mapping(plain.get("match"))
        draft = _draft(name, plain, match, one, context)
        draft.rank = (not any(match.values()), number)
        yield draft


def _draft(name: str, plain: dict[str, Any], match: dict[str, Any], node: Node, context: Context) -> Draft:
    comments: list[str] = []

    def warn(text: str) -> None:
        context.warn(text, node.location, name.rpartition("/")[2])
        comments.append(f"Not as in mockd: {text}")

    method = context.method(name)
    keys: dict[str, Any] = {"method": str(method) if method is not None else name}
    client_streams = method is not None and method.kind.client_streams
    server_streams = method.kind.server_streams if method is not None else bool(plain.get("responses"))
    request = {
        key: {"$eq": one} if isinstance(one, dict) else one for key, one in mapping(match.get("request")).items()
    }
    if request and client_streams and server_streams:
        warn("mockd looks at no message before it answers this method, so that this never holds there; here it does.")
        keys["request"] = request
    elif request:
        keys["requests" if client_streams else "request"] = {"$last": request} if client_streams else request
    metadata = {key.lower(): _metadata(str(value)) for key, value in mapping(match.get("metadata")).items()}
    if metadata:
        keys["metadata"] = metadata
    for of_mockd, here in (("delay", "delay"), ("streamDelay", "interval")):
        if delay := _delay(plain.get(of_mockd), warn):
            keys[here] = delay
    error = mapping(plain.get("error"))
    messages = plain.get("responses") or ([plain["response"]] if plain.get("response") is not None else [])
    if error:
        keys.pop("interval", None)
        keys["error"] = _error(error, warn)
    elif client_streams and server_streams:
        keys["script"] = _conversation(messages, keys.pop("interval", None), warn)
    elif server_streams:
        keys["responses"] = [handlebars.rendered(one, handlebars.mockd, warn) for one in messages]
    else:
        keys.pop("interval", None)
        keys["response"] = handlebars.rendered(messages[0] if messages else {}, handlebars.mockd, warn)
    return Draft(keys, node.location, comments)


def _conversation(messages: list[Any], interval: Any, warn: Any) -> list[dict[str, Any]]:
    """Answer each message by the next response; the last one is repeated."""
    arms = []
    for message in messages or [{}]:
        sent = handlebars.rendered(
            message, lambda inside: handlebars.mockd(inside).replace("request.", "message."), warn
        )
        arms.append({**({"wait": interval} if interval else {}), "send": sent})
    return [*({"on": [arm], "until": {}} for arm in arms[:-1]), {"on": [arms[-1]]}]


def _metadata(text: str) -> Any:
    """Write a value of metadata, in which one asterisk stands for anything."""
    if "*" not in text:
        return text
    if text == "*":
        return {"$exists": True}
    before, _, after = text.partition("*")
    if not after:
        return {"$prefix": before}
    return {"$suffix": after} if not before else {"$regex": regex_of_glob(text, separator="")}


def _delay(text: Any, warn: Any) -> str | None:
    try:
        return durations.of_go(str(text)) if text else None
    except ValueError:
        warn(f"the delay {text!r} is left out: it is none.")
        return None


def _error(error: dict[str, Any], warn: Any) -> dict[str, Any]:
    code = http_status.code_named(error.get("code"))
    if code is None:
        warn(f"{error.get('code')!r} is no status; UNKNOWN is answered.")
    made: dict[str, Any] = {"code": code.name if code else "UNKNOWN"}
    if error.get("message"):
        made["message"] = handlebars.rendered(str(error["message"]), handlebars.mockd, warn)
    details = mapping(error.get("details"))
    if "@type" in details:
        made["details"] = [details]
    elif details:
        warn("the details of the error are left out: they are of no type.")
    return made
