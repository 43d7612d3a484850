"""Bytes that a stub takes from a file beside it, ``{$file: path}``, or that it writes as text, ``{$text: words}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.stubs.files import read_bytes
from grpcmock.stubs.template import is_template
from grpcmock.tree import Attached, Node

if TYPE_CHECKING:
    from pathlib import Path

    from grpcmock.errors import Problems

FILE, TEXT = "$file", "$text"
_NOT_IN = frozenset({"name", "method", "each"})
"""Keys of a stub in which there are no bytes."""


def may_attach(text: str | bytes) -> bool:
    """Return whether anything in *text*, a whole file, can be an attachment: nearly always not."""
    if isinstance(text, bytes):
        return b"$file" in text or b"$text" in text or b"\0" in text[:4]
    return FILE in text or TEXT in text


def attached(node: Node, folder: Path | None, problems: Problems) -> Node:
    """Return a stub in which each attachment is the bytes that it means; what can't be had is noted."""
    parts = {
        key: child if key in _NOT_IN else _resolved(child, str(key), folder, problems)
        for key, child in node.value.items()
    }
    return Node(parts, node.file, node.line, node.column, node.keys)


def attached_files(node: Node, folder: Path) -> list[Path]:
    """Return the files that anything below a node names."""
    return [folder / one.value[FILE].value for one in node.walk() if _names(one, FILE)]


def _names(node: Node, operator: str) -> bool:
    value = node.value
    return type(value) is dict and len(value) == 1 and operator in value and isinstance(value[operator].value, str)


def _resolved(node: Node, path: str, folder: Path | None, problems: Problems) -> Node:
    value = node.value
    if type(value) is list:
        items = [_resolved(item, f"{path}[{index}]", folder, problems) for index, item in enumerate(value)]
        return Node(items, node.file, node.line, node.column)
    if type(value) is not dict:
        return node
    content: Any = None
    if _names(node, FILE):
        content = _content(value[FILE], path, folder, problems)
    elif _names(node, TEXT):
        content = _words(value[TEXT], path, problems)
    else:
        parts = {key: _resolved(child, f"{path}.{key}", folder, problems) for key, child in value.items()}
        return Node(parts, node.file, node.line, node.column, node.keys)
    return Node(Attached(content), node.file, node.line, node.column)


def _content(named: Node, path: str, folder: Path | None, problems: Problems) -> bytes:
    if folder is None:
        text = "a stub that doesn't come from a file can't name one."
        problems.error(text, named.location, path, hint="Write the bytes in base64.", rule="attachment")
        return b""
    if is_template(named.value):
        text = "a template can't stand here: the file is read when the stub is loaded."
        problems.error(text, named.location, path, rule="attachment")
        return b""
    return read_bytes(folder / named.value, problems, named.location) or b""


def _words(written: Node, path: str, problems: Problems) -> bytes:
    if is_template(written.value):
        text = "a template can't stand here: the text is made bytes when the stub is loaded."
        hint = "Write {{ (…) | b64encode }}."
        problems.error(text, written.location, path, hint=hint, rule="attachment")
        return b""
    return str(written.value).encode("utf-8", "surrogatepass")
