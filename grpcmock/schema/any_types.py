"""The types that an ``Any`` names: which of them aren't known, in a message or in what a user wrote."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from grpcmock.schema.layout import shown
from grpcmock.schema.registry import find_message
from grpcmock.tree import Node

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from grpcmock.schema.registry import Registry

AMONG_PROTOS = "What an Any holds must be among the protos: name its file, too, besides that of the service."
"""What to do about a type that isn't known."""

_ANY = "google.protobuf.Any"
_DEEPEST = 100


def remedy(registry: Registry, url: str) -> str:
    """Return what to do about a type that isn't known: the file that declares it, where one is found."""
    if registry.nearby is not None and (path := registry.nearby.declaring(name_of(url))) is not None:
        return f"What an Any holds must be among the protos: {shown(path)} declares it; name that file, too."
    return AMONG_PROTOS


def unknown_in(message: Message) -> set[str]:
    """Return the full names of the types in a message's ``Any`` fields, at any depth, that its pool doesn't know."""
    return {name for name, message_class in _held(message, 0) if message_class is None}


def unknown_among(urls: Iterable[str], registry: Registry) -> set[str]:
    """Return the full names of the types that a registry doesn't know, of those that type URLs name."""
    names = {name_of(url) for url in urls}
    return {name for name in names if name and find_message(registry.pool, name) is None}


def name_of(url: str) -> str:
    """Return the full name of the type that a type URL names."""
    return url.rpartition("/")[2]


def _held(message: Any, depth: int) -> Iterator[tuple[str, type[Message] | None]]:
    if depth > _DEEPEST or not _may_hold(message.DESCRIPTOR):
        return
    if message.DESCRIPTOR.full_name == _ANY:
        if name := name_of(message.type_url):
            yield from _packed(message, name, depth)
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            parts: Iterable[Any] = value.values() if field.message_type.fields_by_name["value"].message_type else ()
        else:
            parts = value if field.is_repeated else (value,)
        for part in parts:
            yield from _held(part, depth + 1)


def _packed(message: Any, name: str, depth: int) -> Iterator[tuple[str, type[Message] | None]]:
    message_class = find_message(message.DESCRIPTOR.file.pool, name)
    yield name, message_class
    if message_class is not None:
        try:
            yield from _held(message_class.FromString(message.value), depth + 1)
        except (DecodeError, RuntimeError, RecursionError):
            return


@lru_cache(maxsize=1024)
def _may_hold(descriptor: Descriptor) -> bool:
    """Return whether there may be an ``Any`` somewhere in messages of a type. Extensions aren't looked into."""
    seen = {descriptor.full_name}
    pending = [descriptor]
    while pending:
        current = pending.pop()
        if current.full_name == _ANY:
            return True
        for field in current.fields:
            if field.message_type is not None and field.message_type.full_name not in seen:
                seen.add(field.message_type.full_name)
                pending.append(field.message_type)
    return False


def named_in(written: Any) -> Iterator[str]:
    """Yield the type URLs under ``@type`` in what a user wrote: trees, and data classes that hold some."""
    if isinstance(written, Node):
        written = written.value
    if isinstance(written, Mapping):
        for key, value in written.items():
            plain = value.value if isinstance(value, Node) else value
            if key == "@type" and isinstance(plain, str):
                yield plain
            else:
                yield from named_in(plain)
    elif isinstance(written, (list, tuple)):
        for item in written:
            yield from named_in(item)
    elif dataclasses.is_dataclass(written) and not isinstance(written, type):
        for field in dataclasses.fields(written):
            yield from named_in(getattr(written, field.name))
