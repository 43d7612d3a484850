"""The forms in which messages are answered: one JSON value, JSON a line, or server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from grpcmock.protocols.message_codec import dump
from grpcmock.protocols.transcoding.request import HTTP_BODY
from grpcmock.schema.codec import DecodeError, decode, find_field, to_tree

if TYPE_CHECKING:
    from grpcmock.protocols.transcoding.routes import Route


class StreamForm(Protocol):
    """How the messages of a stream follow each other."""

    content_type: str

    def message(self, json: bytes, identity: str = "") -> bytes:
        """Return what goes on the wire for a message, which may have an id."""

    def error(self, json: bytes) -> bytes:
        """Return what goes on the wire for the status of a stream that broke."""


class NewlineDelimited:
    """JSON a line, as grpc-gateway has it: ``{"result": …}``, and ``{"error": …}`` at the end."""

    content_type = "application/x-ndjson"

    def message(self, json: bytes, identity: str = "") -> bytes:  # noqa: ARG002 - lines have no place for it
        return b'{"result":%b}\n' % json

    def error(self, json: bytes) -> bytes:
        return b'{"error":%b}\n' % json


class ServerSentEvents:
    """Events, as ``EventSource`` takes them (html.spec.whatwg.org): ``data:`` a message, ``event: error`` the end."""

    content_type = "text/event-stream"

    def message(self, json: bytes, identity: str = "") -> bytes:
        named = b"id: %b\n" % identity.encode() if identity else b""
        return b"%bdata: %b\n\n" % (named, json)

    def error(self, json: bytes) -> bytes:
        return b"event: error\ndata: %b\n\n" % json


_LINES = frozenset((NewlineDelimited.content_type, "application/jsonl", "application/json-lines"))


def stream_form(accepted: str, *, events: bool = False) -> StreamForm:
    """Return the form of a stream that suits the header ``accept``, *events* if it leaves that open."""
    kinds = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if ServerSentEvents.content_type in kinds or (events and not kinds & _LINES):
        return ServerSentEvents()
    return NewlineDelimited()


def answer_of(route: Route, data: bytes) -> tuple[str, bytes]:
    """Return the content type and the body that answer with a message.

    What is no message is answered as it is: it is meant to be wrong.
    """
    try:
        message: Any = decode(route.method.response_class, data)
    except DecodeError:
        return "application/json", data
    if not route.response_body:
        if message.DESCRIPTOR.full_name == HTTP_BODY:
            return message.content_type or "application/octet-stream", message.data
        return "application/json", dump(to_tree(message, json_names=True))
    field = find_field(message.DESCRIPTOR, route.response_body)
    assert field is not None  # the route was checked
    if field.message_type is not None and not field.is_repeated:
        part = getattr(message, field.name)
        if field.message_type.full_name == HTTP_BODY:
            return part.content_type or "application/octet-stream", part.data
        return "application/json", dump(to_tree(part, json_names=True))
    tree = to_tree(message, json_names=True)
    return "application/json", dump(tree.get(field.json_name, _default(field)))


def _default(field: Any) -> Any:
    """Return the ProtoJSON of a field that isn't set."""
    if field.is_repeated:
        return {} if field.message_type is not None and field.message_type.GetOptions().map_entry else []
    if field.enum_type is not None:
        return field.enum_type.values[0].name
    value = field.default_value
    return "" if isinstance(value, bytes) else str(value) if field.cpp_type in _SIXTY_FOUR else value


_SIXTY_FOUR = (2, 4)
"""``CPPTYPE_INT64`` and ``CPPTYPE_UINT64``, which ProtoJSON writes as strings."""
