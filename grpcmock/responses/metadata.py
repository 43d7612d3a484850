"""Headers and trailers: keys and values held to gRPC's rules, constants made ready at load."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from grpcmock.errors import RenderError
from grpcmock.responses.messages import compile_message
from grpcmock.responses.plan import NO_METADATA, RenderableMetadata
from grpcmock.responses.templates import Leaf, Scope, as_text, compile_template, is_template_node

if TYPE_CHECKING:
    from grpcmock.responses.context import RenderContext
    from grpcmock.status import Metadata
    from grpcmock.tree import Node

# The grammar of Custom-Metadata in grpc/grpc, doc/PROTOCOL-HTTP2.md.
_KEY = re.compile(r"[0-9a-z_.-]+")
_ASCII_VALUE = re.compile(r"[ -~]*")

_ALLOWED = frozenset({"grpc-status-details-bin", "grpc-retry-pushback-ms", "grpc-server-stats-bin", "grpc-trace-bin"})
"""What a server may send itself of the keys that gRPC reserves."""

_OF_HTTP = frozenset(
    {"connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)
_URL_ALPHABET = str.maketrans("-_", "+/")

_Values = Callable[["RenderContext"], "list[str | bytes]"]


def compile_metadata(node: Node | None, scope: Scope, path: str) -> RenderableMetadata:
    """Compile ``headers`` or ``trailers``: keys with a value, or a list of them; what is wrong is noted."""
    if node is None or node.value is None:
        return NO_METADATA
    if not node.is_mapping:
        scope.error(f"expected a mapping from keys to values, not {node.kind}.", node, path, rule="metadata")
        return NO_METADATA
    parts: list[tuple[str, str | bytes | _Values]] = []
    for key, value in node.value.items():
        if problem := _refusal(key):
            text, hint = problem
            where = node.key_location(key)
            scope.problems.error(text, where, path, stub=scope.stub.name, hint=hint, rule="metadata-key")
            continue
        here = f"{path}[{key!r}]" if "." in key or "-" in key else f"{path}.{key}"
        items = enumerate(value.value) if value.is_list else ((None, value),)
        for index, item in items:
            where_item = here if index is None else f"{here}[{index}]"
            parts.extend((key, made) for made in _compile_value(key, item, scope, where_item))
    if any(callable(made) for _, made in parts):
        return RenderableMetadata(renderer=lambda context: tuple(_render(parts, context)))
    return RenderableMetadata(tuple(parts))  # type: ignore[arg-type]


def _render(parts: list[tuple[str, Any]], context: RenderContext) -> Iterator[tuple[str, str | bytes]]:
    for key, made in parts:
        if callable(made):
            for value in made(context):
                yield key, value
        else:
            yield key, made


def _refusal(key: Any) -> tuple[str, str] | None:
    """Say why gRPC can't send a key, with a hint; None if it can."""
    if not isinstance(key, str):
        return f"a metadata key is a string, not {key!r}.", "Write it in quotes."
    if key.startswith(":"):
        return f"{key!r} is a pseudo-header; HTTP/2 alone sets those.", ""
    if not _KEY.fullmatch(key):
        if _KEY.fullmatch(key.lower()):
            text = f"the metadata key {key!r} has upper-case letters; gRPC sends lower case only."
            return text, f"Write {key.lower()!r}."
        return f"{key!r} is not a metadata key.", "Keys are made of a-z, 0-9, '_', '-' and '.'."
    if key.startswith("grpc-") and key not in _ALLOWED:
        hint = "Write it under 'error'." if key in ("grpc-status", "grpc-message") else ""
        return f"the metadata key {key!r} is reserved for gRPC itself.", hint
    if key in _OF_HTTP:
        return f"{key!r} is a header of HTTP itself, not metadata.", ""
    return None


def _compile_value(key: str, node: Node, scope: Scope, path: str) -> list[str | bytes | _Values]:
    """Compile one value. A template that gives a list gives a value for each item; a message gives its bytes."""
    if key.endswith("-bin") and (node.is_mapping or isinstance(node.value, Message)):
        any_class = scope.registry.message("google.protobuf.Any")
        made: Any = compile_message(node, any_class, scope, path)
        return [(lambda context: [made(context).value]) if callable(made) else made.value]
    if is_template_node(node):
        found = compile_template(node, scope, path)
        if found is None:
            return []
        if isinstance(found, Leaf):
            return [_renderer(key, found, scope.stub.name)]
        node = found
    try:
        return list(_values(key, node.plain()))
    except ValueError as error:
        hint = "Other bytes need a key that ends in '-bin', with the value in base64." if "ASCII" in str(error) else ""
        if node.is_mapping and "@type" in node.value:
            hint = "A message needs a key that ends in '-bin'."
        scope.error(str(error), node, path, hint=hint, rule="metadata-value")
        return []


def _renderer(key: str, leaf: Leaf, stub: str) -> _Values:
    def render(context: RenderContext) -> list[str | bytes]:
        try:
            return _values(key, leaf.render(context, stub))
        except ValueError as error:
            raise RenderError(f"stub {stub}: {leaf.path}: {error}") from None

    return render


def _values(key: str, value: Any) -> list[str | bytes]:
    if isinstance(value, list):
        return [_value(key, item) for item in value]
    return [_value(key, value)]


def _value(key: str, value: Any) -> str | bytes:
    """Give one value as the wire has it. Raises ``ValueError``."""
    if isinstance(value, Message) and key.endswith("-bin"):
        return bytes(value.SerializePartialToString(deterministic=True))
    if value is None or isinstance(value, (dict, list)):
        kind = "null" if value is None else "a mapping" if isinstance(value, dict) else "a list"
        raise ValueError(f"expected a string, not {kind}.")
    if key.endswith("-bin"):
        return value if isinstance(value, bytes) else _from_base64(as_text(value))
    text = as_text(value)
    if not _ASCII_VALUE.fullmatch(text):
        raise ValueError(f"expected printable ASCII, not {text[:60]!r}.")
    return text


def _from_base64(text: str) -> bytes:
    stripped = text.rstrip("=").translate(_URL_ALPHABET)
    try:
        return binascii.a2b_base64(stripped + "=" * (-len(stripped) % 4), strict_mode=True)
    except ValueError:
        raise ValueError(f"expected bytes in base64, as the key ends in '-bin', not {text[:60]!r}.") from None


def joined(first: RenderableMetadata, second: RenderableMetadata) -> RenderableMetadata:
    """Give both, one after the other."""
    if first.constant == ():
        return second
    if second.constant == ():
        return first
    if first.constant is not None and second.constant is not None:
        return RenderableMetadata(first.constant + second.constant)
    return RenderableMetadata(renderer=lambda context: _both(first, second, context))


def _both(first: RenderableMetadata, second: RenderableMetadata, context: RenderContext) -> Metadata:
    return first.render(context) + second.render(context)
