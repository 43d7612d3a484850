"""What the directory's protos say: its registry, its messages by their short names, and what their options ask for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2

from grpcmock.schema import Registry, sources

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

PROTOS = Path(__file__).parent / "protos"
PACKAGE = "directory.v1"
Message = Any
"""An instance of a generated class."""


@cache
def registry() -> Registry:
    return sources.load([PROTOS])


def message(name: str) -> Any:
    """Give the class of one of the package's messages, such as ``User``."""
    return registry().message(f"{PACKAGE}.{name}")


@cache
def lenient_registry() -> Registry:
    """The same protos with bytes wherever there was a string, and without options: nobody checks any UTF-8."""
    files = descriptor_pb2.FileDescriptorSet()
    files.CopyFrom(registry().files)
    for file in files.file:
        if file.package != PACKAGE:
            continue
        for declared in file.message_type:
            _loosen(declared)
    return Registry(files)


def _loosen(declared: descriptor_pb2.DescriptorProto) -> None:
    for field in declared.field:
        if field.type == field.TYPE_STRING and not declared.options.map_entry:
            field.type = field.TYPE_BYTES
    for nested in declared.nested_type:
        _loosen(nested)


@cache
def is_required(field: FieldDescriptor) -> bool:
    options = descriptor_pb2.FieldOptions.FromString(field.GetOptions().SerializeToString())
    return field_behavior_pb2.REQUIRED in options.Extensions[field_behavior_pb2.field_behavior]
