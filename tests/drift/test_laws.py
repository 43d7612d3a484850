"""What holds of any two versions: laws of the comparison, and the verdict on the wire held against real bytes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from drift_cases import ONE_WAY, TYPES
from drift_versions import compiled, differences
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grpcmock.drift.differences import Breaks
from grpcmock.schema import Registry

Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = [
    *(Field.TYPE_INT32, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_SINT32, Field.TYPE_SINT64, Field.TYPE_BOOL),
    *(
        Field.TYPE_FIXED32,
        Field.TYPE_SFIXED64,
        Field.TYPE_DOUBLE,
        Field.TYPE_FLOAT,
        Field.TYPE_STRING,
        Field.TYPE_BYTES,
    ),
    *(Field.TYPE_MESSAGE, Field.TYPE_ENUM),
]
_NAMES = ["a", "b", "c", "d", "e", "f"]


@st.composite
def messages(draw: st.DrawFn, name: str = "M") -> descriptor_pb2.DescriptorProto:
    """A message with few names and numbers to choose from, so that two of them meet often."""
    message = descriptor_pb2.DescriptorProto(name=name)
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=4))
    numbers = draw(st.lists(st.integers(1, 6), unique=True, min_size=len(names), max_size=len(names)))
    in_oneof = draw(st.booleans())
    for field_name, number in zip(names, numbers, strict=True):
        field = message.field.add(name=field_name, number=number, type=draw(st.sampled_from(_SCALARS)))
        field.label = draw(st.sampled_from([Field.LABEL_OPTIONAL, Field.LABEL_REPEATED]))
        if field.type == Field.TYPE_MESSAGE:
            field.type_name = draw(st.sampled_from([".p.M", ".p.N"]))
        elif field.type == Field.TYPE_ENUM:
            field.type_name = ".p.E"
        if in_oneof and field.label == Field.LABEL_OPTIONAL and draw(st.booleans()):
            if not message.oneof_decl:
                message.oneof_decl.add(name="choice")
            field.oneof_index = 0
    free = [number for number in range(1, 8) if number not in numbers]
    for number in draw(st.lists(st.sampled_from(free), unique=True, max_size=2)):
        message.reserved_range.add(start=number, end=number + 1)
    return message


@st.composite
def enums(draw: st.DrawFn) -> descriptor_pb2.EnumDescriptorProto:
    enum = descriptor_pb2.EnumDescriptorProto(name="E")
    enum.value.add(name="ZERO", number=0)
    names = draw(st.lists(st.sampled_from(["A", "B", "C"]), unique=True))
    numbers = draw(st.lists(st.integers(1, 4), unique=True, min_size=len(names), max_size=len(names)))
    for name, number in zip(names, numbers, strict=True):
        enum.value.add(name=name, number=number)
    return enum


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """A file with a service, two messages and an enum."""
    file = descriptor_pb2.FileDescriptorProto(name="p.proto", package="p", syntax="proto3")
    file.message_type.extend([draw(messages("M")), draw(messages("N"))])
    if draw(st.booleans()):
        file.message_type.append(draw(messages("O")))
    file.enum_type.append(draw(enums()))
    for service in draw(st.lists(st.sampled_from(["S", "T"]), unique=True)):
        declared = file.service.add(name=service)
        for method in draw(st.lists(st.sampled_from(["Get", "Put", "List"]), unique=True)):
            added = declared.method.add(name=method, input_type=".p.M", server_streaming=draw(st.booleans()))
            added.output_type = draw(st.sampled_from([".p.M", ".p.N"]))
    return Registry(descriptor_pb2.FileDescriptorSet(file=[file]))


@settings(max_examples=35)
@given(registries(), st.booleans())
def test_nothing_differs_from_itself(registry: Registry, live: bool) -> None:
    assert differences(registry, registry, live=live) == []


_MIRRORED = {
    "field": ("field-added", "field-removed"),
    "message": ("message-added", "message-removed"),
    "value": ("value-added", "value-removed"),
    "service": ("service-added", "service-removed"),
    "method": ("method-added", "method-removed"),
}
_SYMMETRIC = ("field-renumbered", "value-renumbered", "method-kind-changed", "cardinality-changed", "oneof-changed")


@settings(max_examples=35)
@given(registries(), registries())
def test_what_is_added_the_one_way_is_removed_the_other(old: Registry, new: Registry) -> None:
    there, back = differences(old, new), differences(new, old)
    for added, removed in _MIRRORED.values():
        for one, other in ((there, back), (back, there)):
            assert sorted(d.element for d in one if d.rule == added) == sorted(
                d.element for d in other if d.rule == removed
            )
    for rule in _SYMMETRIC:
        assert Counter(d.rule for d in there)[rule] == Counter(d.rule for d in back)[rule]


@settings(max_examples=35)
@given(registries(), registries())
def test_a_field_with_another_number_breaks_the_wire(old: Registry, new: Registry) -> None:
    found = differences(old, new)
    for name in ("p.M", "p.N"):
        before, after = (registry.message(name).DESCRIPTOR.fields_by_name for registry in (old, new))
        for field in before:
            if field in after and before[field].number != after[field].number:
                told = [d for d in found if (d.rule, d.element) == ("field-renumbered", f"{name}.{field}")]
                assert told  # more than once, where the type stands for several
                assert all(Breaks.WIRE in one.breaks for one in told)


# --- Real bytes -------------------------------------------------------------------------------------------------------

SMALL: dict[str, list[Any]] = {
    "bool": [False, True],
    "string": ["", "x", "é"],
    "bytes": [b"", b"x", b"\xff"],
    "float": [0.0, 1.5],
    "double": [0.0, 1.5],
    "E": [0, 1, 2],
    "M": [],
}
"""Values that fit every type that reads them; numbers are 0, 1 and 2 elsewhere."""


def one_field(type_: str, label: str = "") -> Any:
    return compiled(f"message M {{ {label} {type_} a = 1; }} enum E {{ Z = 0; A = 1; B = 2; }}").message("p.M")


def written(type_: str, message: Any) -> list[Any]:
    """Give messages with small values in the field."""
    if type_ == "M":
        return [message(a=message()), message(a=message(a=message()))]
    return [message(a=value) for value in SMALL.get(type_, [0, 1, 2])]


def comes_through(type_: str, sent: Any, reader: Any) -> bool:
    """Whether a field read by another type is what was written: numbers by value, text and messages by their bytes."""
    try:
        got = reader.FromString(sent.SerializeToString())
    except DecodeError:
        return False
    one, other = sent.a, got.a
    if type_ == "M" or hasattr(other, "SerializeToString"):
        data = one.SerializeToString() if hasattr(one, "SerializeToString") else one
        return bool(data == (other.SerializeToString() if hasattr(other, "SerializeToString") else other))
    if isinstance(one, str) or isinstance(other, str):
        return bool(_bytes(one) == _bytes(other))
    return bool(one == other)


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


BOTH_WAYS = TYPES | {(new, old): breaks for (old, new), breaks in TYPES.items()} | ONE_WAY


@pytest.mark.parametrize(("types", "breaks"), BOTH_WAYS.items(), ids=str)
def test_the_verdict_on_types_holds_for_real_bytes(types: tuple[str, str], breaks: str) -> None:
    """What is called compatible lets all small values through; of what isn't, some are lost or misread."""
    old, new = map(one_field, types)
    through = [comes_through(types[0], message, new) for message in written(types[0], old)]
    if "wire" in breaks:
        back = [comes_through(types[1], message, old) for message in written(types[1], new)]
        assert not all(through + back)  # programs of both versions write and read
    else:
        # A bool holds no 2.
        assert all(through[:2] if "bool" in types else through)


@pytest.mark.parametrize("type_", ["int32", "bool", "double", "string", "bytes", "M", "E"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_verdict_on_lists_holds_for_real_bytes(type_: str, packed: bool) -> None:
    can_pack = type_ not in ("string", "bytes", "M")
    option = " [packed = false]" if can_pack and not packed else ""
    tail = "enum E { Z = 0; A = 1; B = 2; }"
    registries_ = (
        compiled(f"message M {{ {type_} a = 1; }} {tail}"),
        compiled(f"message M {{ repeated {type_} a = 1{option}; }} {tail}"),
    )
    single, many = (registry.message("p.M") for registry in registries_)
    [found] = [one for one in differences(*registries_) if one.rule == "cardinality-changed"]
    lost = False
    for message in written(type_, single):
        values = [single(), message] if type_ == "M" else [message]
        sent = many()
        for value in values:
            sent.a.append(many() if type_ == "M" else value.a)
        got = single.FromString(sent.SerializeToString())
        lost |= type_ != "M" and got.a != message.a
        assert len(many.FromString(message.SerializeToString()).a) <= 1
    assert lost == (Breaks.WIRE in found.breaks) == (can_pack and packed)


@settings(max_examples=35)
@given(messages("M"), messages("M"), st.data())
def test_what_does_not_break_the_wire_comes_through(
    before: descriptor_pb2.DescriptorProto, after: descriptor_pb2.DescriptorProto, data: st.DataObject
) -> None:
    """Small values of fields with the same number survive, where no difference is said to break the wire."""
    old, new = (_registry(message) for message in (before, after))
    broken = {one.element for one in differences(old, new) if Breaks.WIRE in one.breaks}
    assume(not any(one.startswith("p.M.choice") for one in broken))
    writer, reader = old.message("p.M"), new.message("p.M")
    sent: Any = writer()
    for field in writer.DESCRIPTOR.fields:
        if (
            not field.is_repeated
            and field.type not in (Field.TYPE_MESSAGE, Field.TYPE_BYTES)
            and data.draw(st.booleans())
        ):
            setattr(sent, field.name, "x" if field.type == Field.TYPE_STRING else 1)
    alone = [field for field in writer.DESCRIPTOR.fields if f"p.M.{field.name}" in broken]
    for field in alone:
        sent.ClearField(field.name)
    got: Any = reader.FromString(sent.SerializeToString())
    for field, value in sent.ListFields():
        other = reader.DESCRIPTOR.fields_by_number.get(field.number)
        if other is None or other.is_repeated != field.is_repeated:
            continue
        read = getattr(got, other.name)
        assert _bytes(read) == _bytes(value)


def _registry(message: descriptor_pb2.DescriptorProto) -> Registry:
    file = descriptor_pb2.FileDescriptorProto(name="p.proto", package="p", syntax="proto3", message_type=[message])
    file.message_type.add(name="N")
    file.enum_type.add(name="E").value.add(name="ZERO", number=0)
    return Registry(descriptor_pb2.FileDescriptorSet(file=[file]))
