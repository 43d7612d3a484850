"""What has to be known about a message type to make messages of it, found out once and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

from grpcmock.schema.annotations import AnnotationReader, FieldAnnotations, Rules
from grpcmock.schema.naming import snake_case, words_of
from grpcmock.schema.rules import Judge
from grpcmock.synthesis import names, words

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.schema import Registry

_F = FieldDescriptor
_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
_ERRORS = words.group("error errors failure exception err error_info error_details")


class Shape(Enum):
    """What sort of value a field holds; of a list or map, each of its values."""

    TEXT = "text"
    BYTES = "bytes"
    INTEGER = "integer"
    REAL = "real"
    FLAG = "flag"
    ENUM = "enum"
    MESSAGE = "message"
    WRAPPER = "wrapper"


_SHAPES = {
    _F.TYPE_STRING: Shape.TEXT,
    _F.TYPE_BYTES: Shape.BYTES,
    _F.TYPE_DOUBLE: Shape.REAL,
    _F.TYPE_FLOAT: Shape.REAL,
    _F.TYPE_BOOL: Shape.FLAG,
    _F.TYPE_ENUM: Shape.ENUM,
    _F.TYPE_MESSAGE: Shape.MESSAGE,
    _F.TYPE_GROUP: Shape.MESSAGE,
}
_LIMITS = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_SMALL = (_F.CPPTYPE_INT32, _F.CPPTYPE_UINT32)


@dataclass(frozen=True, slots=True, eq=False)
class FieldPlan:
    """One field."""

    descriptor: FieldDescriptor
    label: str
    """Its name in snake_case; of a list, in the singular."""

    shape: Shape
    options: FieldAnnotations
    must: bool
    """Whether it has to be set."""

    tracked: bool
    """Whether it can be told from unset when it holds its zero value."""

    is_list: bool
    limits: tuple[int, int]
    """The range of an integer type."""

    maker: names.TextMaker | None
    span: names.Span | None
    clock: int | None
    """Of a number that counts time since 1970: its units in a second."""

    literals: tuple[Any, ...] = ()
    """Values that CEL expressions about it mention: good guesses where others were refused."""

    peers: tuple[str, ...] = ()
    """Fields of the same shape that a CEL expression compares it with."""

    key: FieldPlan | None = None
    """Of a map: its keys."""

    entry: FieldPlan | None = None
    """Of a map: its values."""

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def rules(self) -> Rules:
        return self.options.rules

    @property
    def message_type(self) -> Descriptor:
        found = self.descriptor.message_type
        assert found is not None
        return found


@dataclass(frozen=True, slots=True, eq=False)
class OneofPlan:
    """Fields of which at most one is set: a oneof of the proto, or of ``buf.validate.message``."""

    name: str
    members: tuple[FieldPlan, ...]
    must: bool


@dataclass(frozen=True, slots=True, eq=False)
class MessagePlan:
    """One message type."""

    descriptor: Descriptor
    about: frozenset[str]
    fields: tuple[FieldPlan, ...]
    """All fields that are in no oneof; lists first, so that counts can follow them."""

    oneofs: tuple[OneofPlan, ...]
    cel: Mapping[str, str]
    """CEL expressions by the id of their rule."""


class Planner:
    """The plans of all message types of a registry, each made when it is first asked for."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.options = AnnotationReader(registry)
        self._plans: dict[str, MessagePlan] = {}
        self.told: set[str] = set()
        """Why rules can't be evaluated, as was told."""

    @cached_property
    def judge(self) -> Judge:
        """The judge of ``buf.validate`` rules, and of those of protoc-gen-validate."""
        return Judge(self.registry)

    def plan(self, descriptor: Descriptor) -> MessagePlan:
        found = self._plans.get(descriptor.full_name)
        if found is None:
            found = self._plans[descriptor.full_name] = self._plan(descriptor)
        return found

    def _plan(self, descriptor: Descriptor) -> MessagePlan:
        options = self.options.message(descriptor)
        fields = {field.name: self._field(field, tuple(options.cel.values())) for field in descriptor.fields}
        as_proto = descriptor_pb2.DescriptorProto()
        descriptor.CopyToProto(as_proto)
        synthetic = {field.oneof_index for field in as_proto.field if field.proto3_optional}
        oneofs = [
            OneofPlan(oneof.name, tuple(fields[f.name] for f in oneof.fields), self.options.oneof_required(oneof))
            for oneof in descriptor.oneofs
            if oneof.index not in synthetic
        ]
        oneofs += [
            OneofPlan("|".join(members), tuple(fields[name] for name in members if name in fields), must)
            for members, must in options.oneofs
        ]
        in_oneof = {member.name for oneof in oneofs for member in oneof.members}
        free = [field for field in fields.values() if field.name not in in_oneof]
        subjects = words_of(descriptor.name)
        if fields.keys() & {"first_name", "last_name", "given_name", "family_name", "email"}:
            subjects |= {"person"}
        return MessagePlan(
            descriptor,
            subjects,
            tuple(sorted(free, key=lambda field: not field.is_list and field.key is None)),
            tuple(oneof for oneof in oneofs if oneof.members),
            options.cel,
        )

    def _field(self, descriptor: FieldDescriptor, about_message: tuple[str, ...]) -> FieldPlan:
        options = self.options.field(descriptor)
        entry = descriptor.message_type
        if entry is not None and entry.GetOptions().map_entry:
            plan = self._value(descriptor, singular(snake_case(descriptor.name)), options)
            keys, values = (
                FieldAnnotations(rules=rules or Rules()) for rules in (options.rules.keys, options.rules.entries)
            )
            return replace(
                plan,
                key=self._value(entry.fields_by_name["key"], "key", keys),
                entry=self._value(entry.fields_by_name["value"], plan.label, values),
            )
        owner = descriptor.containing_type
        assert owner is not None
        label = snake_case(descriptor.name)
        plan = self._value(descriptor, singular(label) if descriptor.is_repeated else label, options)
        mentioned = [text for text in about_message if re.search(rf"\b{re.escape(descriptor.name)}\b", text)]
        item_cel = options.rules.items.cel if options.rules.items else ()
        peers = [
            other.name
            for other in owner.fields
            if other is not descriptor
            and other.cpp_type == descriptor.cpp_type
            and not other.is_repeated
            and other.message_type is None
            and any(re.search(rf"\b{re.escape(other.name)}\b", text) for text in mentioned)
        ]
        return replace(plan, literals=_literals((*options.rules.cel, *item_cel, *mentioned)), peers=tuple(peers))

    def _value(self, descriptor: FieldDescriptor, label: str, options: FieldAnnotations) -> FieldPlan:
        shape = _SHAPES.get(descriptor.type, Shape.INTEGER)
        held = descriptor
        if descriptor.message_type is not None and descriptor.message_type.full_name in _WRAPPERS:
            shape, held = Shape.WRAPPER, descriptor.message_type.fields_by_name["value"]
        by_full_name = descriptor.full_name
        span = names.SPANS_OF_TYPES.get(by_full_name) or names.span(label)
        return FieldPlan(
            descriptor=descriptor,
            label=label,
            shape=shape,
            options=options,
            must=(
                options.rules.required or descriptor.is_required or bool(options.behaviors & {"REQUIRED", "IDENTIFIER"})
            ),
            tracked=descriptor.has_presence,
            is_list=descriptor.is_repeated and not _is_map(descriptor),
            limits=_LIMITS.get(held.cpp_type, (0, 0)),
            maker=names.TEXTS_OF_TYPES.get(by_full_name) or names.text_maker(label),
            span=span,
            # In 32 bits, "created" is rather how many were created than when.
            clock=None if span and held.cpp_type in _SMALL else names.clock_unit(label),
        )

    def wrapped(self, plan: FieldPlan) -> FieldPlan:
        """Give the plan of the one field of a wrapper, which inherits name and rules."""
        inner = self._value(plan.message_type.fields_by_name["value"], plan.label, plan.options)
        return replace(inner, literals=plan.literals, must=plan.must)


def root(descriptor: Descriptor) -> FieldPlan:
    """Return a plan for a message that stands in no field, as of a field that bears the name of its type."""
    label = snake_case(descriptor.name)
    return FieldPlan(
        descriptor=descriptor.fields[0],
        label=label,
        shape=Shape.MESSAGE,
        options=FieldAnnotations(),
        must=True,
        tracked=True,
        is_list=False,
        limits=(0, 0),
        maker=None,
        span=names.span(label),
        clock=None,
    )


def is_error(plan: FieldPlan) -> bool:
    """Whether a field tells of a failure, which a good answer leaves unset."""
    return plan.label in _ERRORS or plan.label.endswith("_error")


def singular(label: str) -> str:
    """Give the singular of a name, roughly.

    >>> [singular(name) for name in ("tags", "addresses", "categories", "status", "email_addresses", "news")]
    ['tag', 'address', 'category', 'status', 'email_address', 'news']
    """
    if label.endswith("ies") and len(label) > 4:
        return f"{label[:-3]}y"
    if label.endswith(("sses", "xes", "ches", "shes")):
        return label[:-2]
    if label.endswith("s") and not label.endswith(("ss", "us", "is", "news")):
        return label[:-1]
    return label


def _is_map(descriptor: FieldDescriptor) -> bool:
    return descriptor.message_type is not None and bool(descriptor.message_type.GetOptions().map_entry)


_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])(-?\d+(?:\.\d+)?)u?(?![\w.])")


def _literals(expressions: tuple[str, ...]) -> tuple[Any, ...]:
    """Pick the strings and numbers out of CEL expressions."""
    found: dict[Any, None] = {}
    for expression in expressions:
        for single, double, number in _LITERAL.findall(expression):
            found[(float(number) if "." in number else int(number)) if number else single or double] = None
    return tuple(found)
