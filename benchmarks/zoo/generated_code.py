"""Descriptors out of generated modules, without importing them: their sources hold the bytes as a literal.

So neither what a package depends on is needed, nor a version of protobuf that still takes its code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError


def descriptors(modules: Iterable[Path]) -> dict[str, FileDescriptorProto]:
    """Return the files that the modules were generated from, by name. Of a file that is there twice, the last holds:
    packages keep modules for several versions of protobuf in folders that sort by it."""
    found: dict[str, FileDescriptorProto] = {}
    for module in modules:
        for literal in _serialized(ast.parse(module.read_bytes(), str(module))):
            try:
                file = FileDescriptorProto.FromString(literal)
            except DecodeError:
                continue
            if file.name:
                found[file.name] = file
    return found


def _serialized(tree: ast.Module) -> Iterator[bytes]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if _is_named(node.func, "AddSerializedFile") and node.args:
            yield from _literal(node.args[0])
        elif _is_named(node.func, "FileDescriptor"):
            for keyword in node.keywords:
                if keyword.arg == "serialized_pb":
                    yield from _literal(keyword.value)


def _is_named(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)


def _literal(node: ast.expr) -> Iterator[bytes]:
    """Yield the bytes of a literal; older compilers wrote a text, and a function beside it that encodes it."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bytes):
            yield node.value
        elif isinstance(node.value, str):
            yield node.value.encode("latin-1")
