"""Fingerprints of descriptors: a hash that changes when what a method takes or gives does."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

    from grpcmock.schema import Method

_LENGTH = 32
"""Hexadecimal digits: 128 bits tell any number of versions apart."""


def fingerprint(method: Method) -> str:
    """Give the fingerprint of a method: its name and kind, and all fields of all messages that it leads to.

    Comments, options, the order of declarations and the files they stand in don't matter.
    """
    types: dict[str, Any] = {}
    pending: list[Descriptor] = [method.input, method.output]
    while pending:
        descriptor = pending.pop()
        if descriptor.full_name in types:
            continue
        types[descriptor.full_name] = sorted(map(_field, descriptor.fields), key=str)
        for field in descriptor.fields:
            if field.message_type is not None:
                pending.append(field.message_type)
            elif field.enum_type is not None:
                types[field.enum_type.full_name] = _enum(field.enum_type)
    whole = [method.full_name, method.kind.value, method.input.full_name, method.output.full_name, types]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return f"sha256:{digest[:_LENGTH]}"


def _field(field: FieldDescriptor) -> list[Any]:
    oneof = field.containing_oneof.name if field.containing_oneof is not None else ""
    type_ = field.message_type or field.enum_type
    type_name = type_.full_name if type_ is not None else ""
    return [field.number, field.name, field.type, type_name, field.is_repeated, field.has_presence, oneof]


def _enum(enum: EnumDescriptor) -> list[Any]:
    return sorted([value.number, value.name] for value in enum.values)
