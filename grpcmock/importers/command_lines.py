"""Lines of grpcurl, and of curl to a server of Connect: calls that were made, with what was answered below them.

A text may hold anything besides: notes, other commands, the prompt of a shell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grpcmock.errors import Location
from grpcmock.importers import http_status
from grpcmock.importers.draft import Context, Draft
from grpcmock.importers.naming import title
from grpcmock.importers.shell import commands, curl_request
from grpcmock.stubs.dump import literals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grpcmock.tree import Node

_FLAGS_OF_GRPCURL = {
    *("plaintext", "insecure", "v", "vv", "emit-defaults", "allow-unknown-fields", "format-error", "use-reflection"),
    *("expand-headers", "msg-template", "alts"),
}
_OWN = (
    "content-type",
    "connect-protocol-version",
    "accept",
    "user-agent",
    "te",
    "connect-timeout-ms",
    "accept-encoding",
)


@dataclass(slots=True)
class Made:
    """A call that was made."""

    method: str
    place: Location
    messages: list[Any] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    answered: list[Any] = field(default_factory=list)
    error: dict[str, Any] | None = None


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write a stub for each call in texts; one without an answer below it gets an empty message, with a warning."""
    drafts = []
    for document in documents:
        drafts += [draft_of(made, context) for made in _calls(str(document.value), document.file, context)]
    if not drafts:
        for document in documents:
            context.warn("There is no line of grpcurl or curl that calls a method.", document.location)
    return drafts


def draft_of(made: Made, context: Context) -> Draft:
    """Write the stub of a call: what was sent, exactly as it was, is answered as it was."""
    method = context.knows(made.method, made.place)
    comments = []
    keys: dict[str, Any] = {"method": str(method) if method is not None else made.method}
    streams = method.kind.client_streams if method is not None else len(made.messages) > 1
    if streams:
        keys["requests"] = made.messages
    elif made.messages and made.messages[0]:
        keys["request"] = made.messages[0]
    metadata: dict[str, Any] = {
        name: value for name, value in made.headers.items() if name not in _OWN and not name.startswith("grpc-")
    }
    secret = [name for name in metadata if name in ("authorization", "cookie") or "token" in name or "key" in name]
    for name in secret:
        comments.append(f"The header {name} is asked for, but not its value, which may be secret.")
        metadata[name] = {"$exists": True}
    if metadata:
        keys["metadata"] = metadata
    answered = literals(made.answered)
    if (method is not None and method.kind.server_streams) or len(answered) > 1:
        keys["responses"] = answered
    elif answered and made.error is None:
        keys["response"] = answered[0]
    if made.error is not None:
        keys["error"] = made.error
        if keys.get("responses") == []:
            del keys["responses"]
    if not answered and made.error is None:
        context.warn("No answer stands below this call: write it into `response`.", made.place)
        comments.append("What is answered isn't known: write it here.")
        keys = {key: value for key, value in keys.items() if key != "responses"} | {"response": {}}
    keys["name"] = context.name(title(keys["method"], keys))
    return Draft(keys, made.place, comments)


def _calls(text: str, file: str, context: Context) -> Iterator[Made]:
    for command in commands(text):
        place = Location(file, command.line, command.column)
        if command.problem:
            context.warn(f"This line can't be read: {command.problem}.", place)
            continue
        program, *words = command.words
        made = _grpcurl(words, place, context) if program == "grpcurl" else _curl(words, place, context)
        if made is not None:
            _answer(made, command.below)
            yield made


def _grpcurl(words: list[str], place: Location, context: Context) -> Made | None:
    data, here, headers, rest = "", None, {}, []
    pending = list(words)
    while pending:
        word = pending.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or word == "-":
            rest.append(word)
        elif name in _FLAGS_OF_GRPCURL:
            continue
        else:
            value = value if equals else (pending.pop(0) if pending else "")
            if name == "d":
                data = value
            elif name == "here":
                here = value
            elif name in ("H", "rpc-header"):
                key, _, text = value.partition(":")
                headers[key.strip().lower()] = text.strip()
    if len(rest) != 2 or rest[1] in ("list", "describe") or rest[0] in ("list", "describe"):
        return None
    method = rest[1] if "/" in rest[1] else ".".join(rest[1].split(".")[:-1]) + "/" + rest[1].rpartition(".")[2]
    data = here if data in ("@", "") and here is not None else data
    messages = _json_values(data)
    if data and not messages:
        context.warn("What this call sends is no JSON that stands here: any request fits.", place)
    return Made(method, place, messages, headers)


def _curl(words: list[str], place: Location, context: Context) -> Made | None:
    request = curl_request(words)
    path = urlsplit(request.url).path.rsplit("/", 2)
    if len(path) < 3 or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", path[1]) or not path[2].isidentifier():
        return None
    messages = _json_values(request.data)
    if request.data and not messages:
        context.warn("What this call sends is no JSON that stands here: any request fits.", place)
    return Made(f"{path[1]}/{path[2]}", place, messages, request.headers)


def _answer(made: Made, output: str) -> None:
    """Take what stands below a call as its answer: messages in JSON, or an error as grpcurl or Connect tells it."""
    told = re.search(r"^ERROR:\s*$\s*Code:\s*(\w+)(?:\s*^\s*Message:[ \t]*(.*?)\s*$)?", output, re.MULTILINE)
    if told:
        code = http_status.code_named(told[1])
        made.error = {"code": code.name if code else "UNKNOWN", **({"message": told[2]} if told[2] else {})}
        output = output[: told.start()]
    made.answered = _json_values(output)
    if len(made.answered) == 1 and isinstance(made.answered[0], dict):
        made.error = made.error or connect_error(made.answered[0])
        made.answered = [] if made.error else made.answered


def connect_error(body: dict[str, Any]) -> dict[str, Any] | None:
    """Give the error that a body of Connect tells; None for one that is a message."""
    code = http_status.code_named(body.get("code")) if isinstance(body.get("code"), str) else None
    if code is None or code == 0 or not body.keys() <= {"code", "message", "details"}:
        return None
    return {"code": code.name, **({"message": str(body["message"])} if body.get("message") else {})}


def _json_values(text: str) -> list[Any]:
    """Read the JSON values that a text begins with."""
    decoder = json.JSONDecoder()
    found = []
    text = text.strip()
    while text[:1] in ("{", "[", '"'):
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            break
        found.append(value)
        text = text[end:].strip()
    return found
