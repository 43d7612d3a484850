"""Files of descriptor sets, as protoc and buf write them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from grpcmock.errors import SchemaError
from grpcmock.schema import protoc

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

ENDINGS = (".binpb", ".pb", ".protoset", ".desc", ".dsc", ".fds", ".binpb.gz")
"""How their names end. Only in a directory are they known by that; one that is named is judged by what it holds."""

MOST_BYTES = 1 << 30
"""Bytes of the largest set, unpacked."""

_HOW_TO_MAKE_ONE = "Make one with protoc --include_imports --descriptor_set_out, or with buf build."
_GZIP = b"\x1f\x8b"


def is_one(path: Path) -> bool:
    """Whether a file is called as descriptor sets are."""
    return path.name.endswith(ENDINGS) and path.is_file()


def read(path: Path) -> list[FileDescriptorProto]:
    """Return the files of a descriptor set, which may be compressed. Raises :class:`SchemaError` if it isn't one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SchemaError(f"{path}: the file can't be read ({error.strerror}).") from None
    return parse(data, str(path))


def parse(data: bytes, source: str, *, most_bytes: int = MOST_BYTES) -> list[FileDescriptorProto]:
    """Return the files of the bytes of a descriptor set, which may be compressed.

    Raises :class:`SchemaError`, whose text begins with *source*, if they aren't one, or are more than *most_bytes*.
    """
    try:
        files = list(protoc.split(_unpacked(data, most_bytes) if data.startswith(_GZIP) else data))
    except (DecodeError, zlib.error):
        raise SchemaError(f"{source}: this is not a descriptor set. {_hint(source)}") from None
    if not files:
        raise SchemaError(f"{source}: the descriptor set is empty. {_HOW_TO_MAKE_ONE}")
    if not all(file.name for file in files):
        raise SchemaError(f"{source}: this is not a descriptor set. {_hint(source)}")
    return files


def _unpacked(data: bytes, most_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    unpacked = unpacking.decompress(data, most_bytes)
    if not unpacking.eof:
        raise zlib.error("cut short, or too much")
    return unpacked


def _hint(source: str) -> str:
    if source.endswith(ENDINGS):
        return _HOW_TO_MAKE_ONE
    return f"Name a .proto file, a directory of them, or a descriptor set. {_HOW_TO_MAKE_ONE}"
