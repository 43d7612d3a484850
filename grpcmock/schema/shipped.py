"""The protos that users need not supply: ``google/protobuf``, ``api``, ``rpc`` and ``type``, and ``buf/validate``."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2

_GOOGLEAPIS = ("google/api/", "google/rpc/", "google/type/", "google/logging/type/", "google/longrunning/")
_RENAMED = {"google/longrunning/operations.proto": "google/longrunning/operations_proto.proto"}
RULES = "buf/validate/validate.proto"
"""The file of protovalidate's rules, of which there is a descriptor only."""


@cache
def builtin_root() -> Path:
    """Give the import root of protoc's own files, ``google/protobuf/*.proto``."""
    spec = importlib.util.find_spec("grpc_tools")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_proto"


@cache
def find(name: str) -> Path | None:
    """Give the file that comes along for an import of this name, if one does."""
    if name.startswith("google/protobuf/"):
        path = builtin_root() / name
        return path if path.is_file() else None
    if name.startswith(_GOOGLEAPIS):
        for root in _googleapis_roots():
            path = root / _RENAMED.get(name, name)
            if path.is_file():
                return path
    return None


def described(name: str) -> descriptor_pb2.FileDescriptorProto | None:
    """Give the descriptor that comes along for an import of this name, where there is no file."""
    return _buf_validate() if name == RULES else None


def is_shipped(name: str) -> bool:
    """Whether an import of this name resolves by itself."""
    return name == RULES or find(name) is not None


def names_in(folder: str) -> list[str]:
    """List the names of the files that come along in one folder, ``google/protobuf``."""
    roots = (builtin_root(), *(_googleapis_roots() if f"{folder}/".startswith(_GOOGLEAPIS) else ()))
    return sorted({path.name for root in roots for path in (root / folder).glob("*.proto")}) if folder else []


def is_shipped_path(path: Path) -> bool:
    """Whether a file is one of those that come along."""
    return any(path.is_relative_to(root) for root in (builtin_root(), *_googleapis_roots()))


@cache
def _googleapis_roots() -> tuple[Path, ...]:
    spec = importlib.util.find_spec("google.api")
    folders = spec.submodule_search_locations if spec is not None else None
    return tuple(Path(folder).parent.parent for folder in folders or ())


@cache
def _buf_validate() -> descriptor_pb2.FileDescriptorProto | None:
    # protovalidate carries the descriptor, but not the file: the very one that its rules are read by.
    try:
        from protovalidate._gen.buf.validate import validate_pb
    except ImportError:
        return None
    return descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
