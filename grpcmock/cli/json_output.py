"""Messages and metadata for people to read: ProtoJSON, colored on a terminal; text that plays no tricks on it."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from grpcmock.cli import terminals

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcmock.schema import Registry


def tree_of(message: Message, *, defaults: bool = False) -> Any:
    """Give a message as plain ProtoJSON; with *defaults*, fields without presence are there at their defaults, too."""
    from grpcmock.schema.codec import to_tree

    return _with_defaults(message) if defaults else to_tree(message)


def _with_defaults(message: Any) -> Any:
    from grpcmock.schema import values
    from grpcmock.schema.codec import to_tree
    from grpcmock.schema.skeleton import zero
    from grpcmock.schema.well_known import is_well_known

    tree = to_tree(message)
    descriptor = message.DESCRIPTOR
    if not isinstance(tree, dict) or is_well_known(descriptor) or "@type" in tree:
        return tree
    full: dict[str, Any] = {}
    for field in descriptor.fields:
        if field.name not in tree:
            if not field.has_presence:
                full[field.name] = {} if values.is_map(field) else [] if field.is_repeated else zero(field)
            continue
        value: Any = getattr(message, field.name)
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            of_messages = entry.fields_by_name["value"].message_type is not None
            full[field.name] = (
                {values.text(key): _with_defaults(one) for key, one in value.items()}
                if of_messages
                else tree[field.name]
            )
        elif entry is not None:
            full[field.name] = [_with_defaults(one) for one in value] if field.is_repeated else _with_defaults(value)
        else:
            full[field.name] = tree[field.name]
    return full | {key: value for key, value in tree.items() if key not in full}


def print_json(tree: Any, *, compact: bool | None = None) -> None:
    """Print a value on stdout: on a terminal over several lines and colored, else on one line; *compact* decides."""
    terminal = sys.stdout.isatty()
    text = dumps(tree, compact=not terminal if compact is None else compact)
    if terminal and not compact and terminals.shows_color(sys.stdout):
        from rich.console import Console
        from rich.json import JSON

        Console().print(JSON(text, indent=2, ensure_ascii=False), soft_wrap=True)
    else:
        click.echo(text)
    sys.stdout.flush()


def dumps(tree: Any, *, compact: bool) -> str:
    """Write a value as JSON."""
    return json.dumps(tree, ensure_ascii=False, indent=None if compact else 2)


def metadata_line(key: str, value: str | bytes, registry: Registry | None = None) -> str:
    """Write one pair of metadata; bytes as base64, and behind it the message that they are known to hold."""
    if not isinstance(value, bytes):
        return f"{key}: {harmless(value)}"
    from grpcmock.client.details import message_in

    line = f"{key}: {base64.b64encode(value).decode()}"
    message = message_in(key, value, registry)
    if message is None:
        return line
    return f"{line} = {message.DESCRIPTOR.full_name} {harmless(dumps(tree_of(message), compact=True))}"


def harmless(text: str) -> str:
    """Escape the control characters that a server could move the terminal's cursor with."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)
