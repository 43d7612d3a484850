"""What is compared: a version of the protos as plain data, with all defaults and features resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from grpcmock.schema.annotations import FieldAnnotations

if TYPE_CHECKING:
    from grpcmock.errors import Location

Cardinality: TypeAlias = Literal["singular", "repeated", "map"]
Presence: TypeAlias = Literal["required", "explicit", "implicit", ""]

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Numbers from … to, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message, or an extension."""

    name: str
    full_name: str
    number: int
    type: str
    """As protos write it: ``int32``, ``message``, ``group`` (whatever is delimited), ``enum``."""

    of: str = ""
    """The full name of the message or enum."""

    json_name: str
    cardinality: Cardinality
    presence: Presence
    """Empty for lists and maps."""

    packed: bool = False
    oneof: str | None = None
    """The oneof that it is a member of; those that ``optional`` brings don't count."""

    default: str = ""
    """The default that is written; empty if none is."""

    checks_utf8: bool = False
    jstype: str = ""
    deprecated: bool = False
    options: FieldAnnotations = field(default_factory=FieldAnnotations)
    """What ``buf.validate`` and ``google.api`` demand of its values."""

    extendee: str = ""
    file: str = ""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message type; map entries are messages, too."""

    full_name: str
    fields: tuple[Field, ...]
    oneofs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of the members, by the name of the oneof."""

    reserved_numbers: Ranges = ()
    reserved_names: frozenset[str] = frozenset()
    extension_ranges: Ranges = ()
    strict_json: bool = True
    """Whether its JSON is checked when it compiles (``features.json_format``)."""

    message_set: bool = False
    is_map_entry: bool = False
    demands: frozenset[str] = frozenset()
    """What ``buf.validate`` demands of its fields together, in words: CEL, and oneofs that must be set."""

    deprecated: bool = False
    is_shipped: bool = False
    """Whether it comes along with protobuf or googleapis: every program has a version of its own."""

    file: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an enum."""

    name: str
    number: int
    deprecated: bool = False
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    """One enum type."""

    full_name: str
    values: tuple[Value, ...]
    closed: bool = False
    reserved_numbers: Ranges = ()
    reserved_names: frozenset[str] = frozenset()
    strict_json: bool = True
    deprecated: bool = False
    is_shipped: bool = False
    file: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of a service."""

    name: str
    full_name: str
    """``user.UserService/GetUser``."""

    client_streams: bool
    server_streams: bool
    request: str
    response: str
    idempotency: str = ""
    """``NO_SIDE_EFFECTS``, ``IDEMPOTENT``; empty if nothing is said."""

    http: bytes = b""
    """The annotation ``google.api.http``; empty if there is none."""

    deprecated: bool = False
    file: str = ""
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service."""

    full_name: str
    methods: tuple[Method, ...]
    deprecated: bool = False
    file: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file."""

    name: str
    package: str
    syntax: str
    """``proto2``, ``proto3``, ``edition 2023``."""

    options: Mapping[str, str] = field(default_factory=dict)
    """Options that change what is generated, by name; those at their default are left out."""

    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One version of the protos. All by full name; files by the name that others import them by."""

    label: str
    """What to call this version: ``protos/``, ``127.0.0.1:50051``."""

    files: Mapping[str, File] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    messages: Mapping[str, Message] = field(default_factory=dict)
    enums: Mapping[str, Enum] = field(default_factory=dict)
    extensions: Mapping[tuple[str, int], Field] = field(default_factory=dict)
    """By the extended message and the number."""


def covers(ranges: Ranges, number: int) -> bool:
    """Whether one of the ranges holds a number."""
    return any(first <= number <= last for first, last in ranges)


def left_over(old: Ranges, new: Ranges) -> Ranges:
    """Give the numbers that are in the *old* ranges and not in the *new* ones."""
    rest = list(old)
    for first, last in new:
        cut = []
        for start, end in rest:
            cut += [(start, min(end, first - 1)), (max(start, last + 1), end)]
        rest = [(start, end) for start, end in cut if start <= end]
    return tuple(sorted(set(rest)))


def written(ranges: Ranges) -> str:
    """Write ranges as protos do: ``2, 5 to 9``."""
    most = (1 << 29) - 1
    shown = (str(first) if first == last else f"{first} to {'max' if last >= most else last}" for first, last in ranges)
    return ", ".join(shown)
