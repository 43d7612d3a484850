"""HAR: calls of Connect and of gRPC-Web that a browser or a proxy has recorded."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from google.protobuf.message import DecodeError

from grpcmock.importers import http_status
from grpcmock.importers.command_lines import Made, connect_error, draft_of
from grpcmock.importers.draft import Context, Draft, child, mapping
from grpcmock.schema import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcmock.schema import Method
    from grpcmock.tree import Node

_PATH = re.compile(r".*/([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)/(\w+)")
_WEB = "application/grpc-web"
_CONNECT = ("application/json", "application/proto", "application/connect+json", "application/connect+proto")
_BROWSERS = (
    *("accept", "accept-encoding", "accept-language", "origin", "referer", "host", "content-length", "cache-control"),
    *("connection", "pragma", "cookie", "x-user-agent", "x-grpc-web", "dnt", "priority"),
)
_VERSION = "connect-protocol-version"
_TRAILERS = 0x80
_END = 0x02
_COMPRESSED = 0x01


class _UnreadableError(ValueError):
    """A body that can't be read; the text says why."""


def read(documents: Iterable[Node], context: Context) -> list[Draft]:
    """Write a stub for each call of gRPC-Web or Connect; of several with one request, the last answer is taken."""
    found: dict[str, Draft] = {}
    for document in documents:
        entries = child(child(document, "log"), "entries")
        for entry in entries.value if entries is not None and entries.is_list else ():
            with context.reading(entry):
                made = _call(entry, context)
                if made is not None:
                    _take(made, found, context)
    return list(found.values())


def _take(made: Made, found: dict[str, Draft], context: Context) -> None:
    """Take a call in, in the place of an earlier one with the same request."""
    key = json.dumps([made.method, made.messages, made.headers], default=str, sort_keys=True)
    if key in found:
        context.warn("A later call with the same request takes the place of this one.", found[key].place)
        context.names.pop(found[key].keys["name"], None)
    found[key] = draft_of(made, context)


def _call(entry: Node, context: Context) -> Made | None:
    plain = mapping(entry.plain())
    request, response = mapping(plain.get("request")), mapping(plain.get("response"))
    url = urlsplit(str(request.get("url") or ""))
    path = _PATH.fullmatch(url.path)
    kind = _content_type(request) or _content_type(response)
    is_get = request.get("method") == "GET" and "encoding=" in url.query and "message=" in url.query
    if path is None or not (kind.startswith((_WEB, *_CONNECT)) or is_get):
        return None
    if kind.startswith("application/json") and not is_get and "." not in path[1] and _VERSION not in _headers(request):
        return None
    name = f"{path[1]}/{path[2]}"
    method = context.method(name)
    headers = {
        key: value
        for key, value in _headers(request).items()
        if key not in _BROWSERS and not key.startswith((":", "sec-"))
    }
    made = Made(name, entry.location, headers=headers)
    try:
        if is_get:
            _connect_get(made, parse_qs(url.query), method)
        else:
            made.messages = _messages(_body(request.get("postData")), kind, method, made, sent=True)
        answered = _content_type(response) or kind
        status = response.get("status")
        if status not in (200, None) and answered.startswith("application/json"):
            told = json.loads(_body(response.get("content")) or b"{}")
            made.error = connect_error(told) or {"code": http_status.code_of(int(str(status))).name}
        else:
            made.answered = _messages(_body(response.get("content")), answered, method, made, sent=False)
            _trailers_in_headers(made, _headers(response))
    except (_UnreadableError, ValueError) as reason:
        context.warn(f"This call is left out: {reason}.", entry.location, path[2])
        return None
    return made


def _content_type(part: dict[str, Any]) -> str:
    content = mapping(part.get("postData") or part.get("content"))
    return (_headers(part).get("content-type") or str(content.get("mimeType") or "")).lower()


def _headers(part: dict[str, Any]) -> dict[str, str]:
    listed = part.get("headers")
    pairs = [mapping(one) for one in listed] if isinstance(listed, list) else []
    return {str(one.get("name")).lower(): str(one.get("value")) for one in pairs}


def _body(content: Any) -> bytes:
    given = mapping(content)
    text = str(given.get("text") or "")
    if given.get("encoding") == "base64":
        try:
            return base64.b64decode(text)
        except binascii.Error as error:
            raise _UnreadableError(f"its body is no base64: {error}") from None
    # Browsers write bytes as the characters of the same numbers, where they write them at all.
    return text.encode("latin-1") if all(ord(char) < 256 for char in text) else text.encode()


def _connect_get(made: Made, query: dict[str, list[str]], method: Method | None) -> None:
    data = query["message"][0].encode()
    if query.get("base64") == ["1"]:
        data = base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
    made.messages = [_message(data, "json" if query["encoding"] == ["json"] else "proto", method, sent=True)]


def _messages(body: bytes, kind: str, method: Method | None, made: Made, *, sent: bool) -> list[Any]:
    form = "json" if "json" in kind else "proto"
    if not kind.startswith((_WEB, "application/connect+")):
        return [_message(body, form, method, sent=sent)]
    if kind.startswith(f"{_WEB}-text"):
        body = b"".join(base64.b64decode(part + "=" * (-len(part) % 4)) for part in _texts(body))
    found = []
    while body:
        if len(body) < 5:
            raise _UnreadableError("its body ends within a frame")
        flags, length = struct.unpack(">BI", body[:5])
        data, body = body[5 : 5 + length], body[5 + length :]
        if len(data) < length:
            raise _UnreadableError("its body ends within a frame")
        if flags & _TRAILERS:
            _trailers(made, data.decode("latin-1"))
        elif flags & _END and kind.startswith("application/connect+"):
            made.error = connect_error(mapping(json.loads(data or b"{}").get("error")))
        elif flags & _COMPRESSED:
            raise _UnreadableError("its messages are compressed")
        else:
            found.append(_message(data, form, method, sent=sent))
    return found


def _texts(body: bytes) -> list[str]:
    """Give the parts of a text of several values in base64, each of which may end in its own padding."""
    return re.findall(r"[A-Za-z0-9+/]+=*", body.decode("latin-1"))


def _message(data: bytes, form: str, method: Method | None, *, sent: bool) -> Any:
    if form == "json":
        return json.loads(data.decode() or "{}")
    if method is None:
        raise _UnreadableError("its messages are binary, and no protos were given that describe them")
    try:
        return codec.to_tree((method.request_class if sent else method.response_class).FromString(data))
    except DecodeError:
        raise _UnreadableError("its messages are not of the types that the protos say") from None


def _trailers(made: Made, text: str) -> None:
    pairs = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    _trailers_in_headers(made, {name.strip().lower(): value.strip() for name, value in pairs.items()})


def _trailers_in_headers(made: Made, headers: dict[str, str]) -> None:
    code = http_status.code_named(headers["grpc-status"]) if "grpc-status" in headers else None
    if code:
        message = unquote(headers.get("grpc-message", ""))
        made.error = {"code": code.name, **({"message": message} if message else {})}
