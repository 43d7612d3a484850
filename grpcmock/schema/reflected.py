"""What a server's reflection has given: which of the files can be used, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_SYNTAXES = ("", "proto2", "proto3", "editions")


def is_placeholder(file: FileDescriptorProto) -> bool:
    """Return whether a file only stands for one that the server itself hasn't found.

    Servers in Go send such a one for a file that was compiled under another path than it is imported by; its syntax is
    ``<unknown:0>``.
    """
    return file.syntax not in _SYNTAXES


def declared(files: Iterable[FileDescriptorProto]) -> dict[str, str]:
    """Return the types that files declare, by their full names, each with the name of its file."""
    return {name: file.name for file in files for name in _types(file)}


def _types(file: FileDescriptorProto) -> Iterator[str]:
    pending = [(file.package, message) for message in file.message_type]
    yield from (_join(file.package, enum.name) for enum in file.enum_type)
    while pending:
        scope, message = pending.pop()
        name = _join(scope, message.name)
        yield name
        yield from (_join(name, enum.name) for enum in message.enum_type)
        pending += [(name, nested) for nested in message.nested_type]


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def used(file: FileDescriptorProto) -> set[str]:
    """Return the full names of the types that a file uses."""
    names = {name for service in file.service for method in service.method
             for name in (method.input_type, method.output_type)}  # fmt: skip
    fields: list[FieldDescriptorProto] = list(file.extension)
    pending: list[DescriptorProto] = list(file.message_type)
    while pending:
        message = pending.pop()
        fields += [*message.field, *message.extension]
        pending += message.nested_type
    for field in fields:
        names |= {field.type_name, field.extendee}
    return {name.removeprefix(".") for name in names if name.startswith(".")}


def forget(file: FileDescriptorProto, missing: Sequence[str]) -> None:
    """Drop the imports that can't be had: often they are needed for nothing but options."""
    kept = [index for index, name in enumerate(file.dependency) if name not in missing]
    if len(kept) == len(file.dependency):
        return
    moved = {old: new for new, old in enumerate(kept)}
    names = [file.dependency[index] for index in kept]
    public = [moved[index] for index in file.public_dependency if index in moved]
    file.dependency[:], file.public_dependency[:] = names, public
    file.ClearField("weak_dependency")


def unusable(files: Mapping[str, FileDescriptorProto]) -> dict[str, str]:
    """Return the files that can't be used, by name, each with the reason: its own, or that of a file it imports."""
    pool = descriptor_pool.DescriptorPool()
    reasons: dict[str, str] = {}
    done: set[str] = set()
    for root in files:
        path = [root]
        while path:
            name = path[-1]
            todo = [one for one in files[name].dependency if one in files and one not in done and one not in path]
            if name not in done and todo:
                path.append(todo[0])
                continue
            path.pop()
            if name not in done:
                done.add(name)
                if reason := _refusal(files[name], pool, reasons):
                    reasons[name] = reason
    return reasons


def _refusal(file: FileDescriptorProto, pool: descriptor_pool.DescriptorPool, reasons: Mapping[str, str]) -> str:
    if bad := next((name for name in file.dependency if name in reasons), None):
        return reasons[bad]
    try:
        pool.AddSerializedFile(file.SerializeToString())
    except TypeError as error:
        text = str(error).removeprefix("Couldn't build proto file into descriptor pool: ")
        return f"{file.name} can't be used: {' '.join(text.split())}"
    return ""
