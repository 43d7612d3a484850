"""The request message of a call by JSON: put together from its path, its query and its body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import FieldDescriptor

from grpcmock.errors import Problems, did_you_mean
from grpcmock.protocols.interface import WireError
from grpcmock.protocols.message_codec import message_of, misfit, parse
from grpcmock.schema.codec import build, field_names, find_field
from grpcmock.status import Code
from grpcmock.tree import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.protocols.transcoding.routes import Match
    from grpcmock.schema import Method, Registry

HTTP_BODY = "google.api.HttpBody"
_JSON_TYPES = ("google.protobuf.Struct", "google.protobuf.ListValue")
_BOOLS = {"true": True, "false": False}


class RequestBuilder:
    """Builds the request messages of one call."""

    def __init__(
        self,
        match: Match,
        query: str,
        registry: Registry,
        *,
        is_text: bool = False,
        spell_out: Callable[[Any], Any] | None = None,
    ) -> None:
        """*is_text*: the field that is the body is a string, and the body its value as it stands. *spell_out* gives the
        ProtoJSON of a body that may be shorter."""
        self._is_text = is_text
        self._spell_out = spell_out
        self._route = match.route
        self._variables = match.variables
        self._query = query
        self._registry = registry
        self._method = match.route.method
        self._parameters: Message | None = None

    @property
    def takes_any_body(self) -> bool:
        """Whether the body is a ``google.api.HttpBody``: bytes of any type."""
        return _type_of(self._method.input, self._route.body) == HTTP_BODY

    def build(self, body: bytes, content_type: str = "") -> bytes:
        """Return the message for one body, encoded. Raises :class:`WireError` with all that is wrong."""
        message = self._of_body(body, content_type)
        if self._parameters is None:
            self._parameters = self._of_parameters()
        for field in self._variables:
            _clear(message, field)  # what the path says goes before what the body says
        message.MergeFrom(self._parameters)
        return message.SerializePartialToString()

    def _of_body(self, body: bytes, content_type: str) -> Message:
        route, method = self._route, self._method
        if not route.body:
            if body.strip():
                what = f"{route} takes no body; its fields stand in the path and the query."
                raise WireError(Code.INVALID_ARGUMENT, what)
            return method.request_class()
        if self.takes_any_body:
            message: Any = method.request_class()
            part = message if route.body == "*" else getattr(message, route.body)
            part.content_type, part.data = content_type, body
            return message  # type: ignore[no-any-return]
        if self._is_text:
            return _of_text(body, route.body, method)
        if not body.strip():
            return method.request_class()
        tree = parse(body) if self._spell_out is None else self._spell_out(parse(body))
        for name in reversed(route.body.split(".") if route.body != "*" else ()):
            tree = {name: tree}
        return message_of(tree, method, self._registry, "the body")

    def _of_parameters(self) -> Message:
        problems = Problems()
        tree: dict[str, Any] = {}
        for path, value in self._variables.items():
            _put(tree, self._method.input, path, path, value, problems)
        try:
            pairs = parse_qsl(self._query, keep_blank_values=True, errors="strict")
        except ValueError as error:
            raise WireError(Code.INVALID_ARGUMENT, f"The query can't be read: {error}.") from None
        for name, value in pairs:
            if name.startswith("$"):
                continue  # a parameter of Google's systems, such as $alt
            if (reason := self._foreign(name)) is not None:
                problems.error(reason, path=name)
            else:
                _put(tree, self._method.input, name, name, value, problems)
        message = build(Node.of(tree), self._method.request_class, self._registry, problems, partial=True)
        if problems:
            raise misfit(self._method, "what the path and the query say", map(str, problems))
        return message

    def _foreign(self, name: str) -> str | None:
        """Say why a field can't stand in the query; None if it can."""
        body = self._route.body
        if body == "*":
            return "the whole request is in the body; the query can't say anything."
        field = find_field(self._method.input, name.partition(".")[0])
        if field is not None and body and field == find_field(self._method.input, body):
            return f"the field {body} is the body, and can't stand in the query."
        return f"the field {name} is said by the path already." if name in self._variables else None


def _of_text(body: bytes, field: str, method: Method) -> Message:
    try:
        return method.request_class(**{field: body.decode("utf-8-sig")})
    except UnicodeDecodeError as error:
        what = f"the body is no UTF-8: byte {error.start + 1} can't be read."
        raise WireError(Code.INVALID_ARGUMENT, what) from None


def _put(tree: dict[str, Any], descriptor: Descriptor, path: str, rest: str, value: str, problems: Problems) -> None:
    """Put a value at the place of its field, whose path is *path*; *rest* is what of it lies below this message."""
    name, _, below = rest.partition(".")
    field = find_field(descriptor, name)
    if field is None:
        hint = did_you_mean(name, field_names(descriptor), known="Its fields")
        problems.error(f"{descriptor.full_name} has no field {name!r}.", path=path, hint=hint, rule="unknown-field")
        return
    if below:
        if field.message_type is None or field.is_repeated:
            problems.error(f"{field.full_name} is no single message: nothing can be set in it.", path=path)
            return
        inner = tree.setdefault(field.name, {})
        if isinstance(inner, dict):
            _put(inner, field.message_type, path, below, value, problems)
        else:
            problems.error(f"{field.full_name} is set as a whole already.", path=path)
        return
    try:
        read = _read(field, value)
    except ValueError as error:
        problems.error(str(error), path=path)
        return
    if field.is_repeated:
        tree.setdefault(field.name, []).append(read)
    elif field.name in tree:
        problems.error("the field is given twice, and isn't repeated.", path=path)
    else:
        tree[field.name] = read


def _read(field: FieldDescriptor, value: str) -> Any:
    """Return what a text in a path or query stands for in ProtoJSON. Raises ``ValueError`` where nothing can."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _BOOLS.get(value, value)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return int(value) if value.lstrip("-").isdecimal() else value
    if field.message_type is None:
        return value
    name = field.message_type.full_name
    if name == "google.protobuf.BoolValue":
        return _BOOLS.get(value, value)
    if name in _JSON_TYPES:
        try:
            return parse(value.encode(), "it")
        except WireError as error:
            raise ValueError(error.message) from None
    if name.startswith("google.protobuf.") and name not in ("google.protobuf.Any", "google.protobuf.Empty"):
        return value
    if field.message_type.GetOptions().map_entry:
        raise ValueError(f"{field.full_name} is a map, which can't stand in a query.")
    inside = f"{field.name}.{field.message_type.fields[0].name}=…" if field.message_type.fields else "nothing"
    raise ValueError(f"{field.full_name} is a message: set its fields, such as {inside}.")


def _clear(message: Any, path: str) -> None:
    *owners, name = path.split(".")
    for owner in owners:
        if not message.HasField(owner):
            return
        message = getattr(message, owner)
    message.ClearField(name)


def _type_of(descriptor: Descriptor, path: str) -> str:
    """Return the full name of the message type at a path: of a field, or of the message itself for ``*``."""
    if path in ("", "*"):
        return str(descriptor.full_name) if path else ""
    field = find_field(descriptor, path)
    return str(field.message_type.full_name) if field is not None and field.message_type is not None else ""
