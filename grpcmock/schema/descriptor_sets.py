"""Files of descriptor sets, as protoc and buf write them."""

from __future__ import annotations

import gzip
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

_HOW_TO_MAKE_ONE = "Make one with protoc --include_imports --descriptor_set_out, or with buf build."
_GZIP = b"\x1f\x8b"


def is_one(path: Path) -> bool:
    """Whether a file is called as descriptor sets are."""
    return path.name.endswith(ENDINGS) and path.is_file()


def read(path: Path) -> list[FileDescriptorProto]:
    """Return the files of a descriptor set, which may be compressed. Raises :class:`SchemaError` if it isn't one."""
    try:
        data = path.read_bytes()
        files = list(protoc.split(gzip.decompress(data) if data.startswith(_GZIP) else data))
    except (DecodeError, gzip.BadGzipFile, EOFError, zlib.error):
        raise SchemaError(f"{path}: this is not a descriptor set. {_hint(path)}") from None
    except OSError as error:
        raise SchemaError(f"{path}: the file can't be read ({error.strerror}).") from None
    if not files:
        raise SchemaError(f"{path}: the descriptor set is empty. {_HOW_TO_MAKE_ONE}")
    if not all(file.name for file in files):
        raise SchemaError(f"{path}: this is not a descriptor set. {_hint(path)}")
    return files


def _hint(path: Path) -> str:
    if path.name.endswith(ENDINGS):
        return _HOW_TO_MAKE_ONE
    return f"Name a .proto file, a directory of them, or a descriptor set. {_HOW_TO_MAKE_ONE}"
