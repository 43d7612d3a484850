"""The boundaries of types: complete, bounded, stable, and each pair of sides told apart by the rules."""

from __future__ import annotations

from typing import Any

import pytest
from fuzz_worlds import NAMES, RULED, generators, registry
from google.protobuf import descriptor_pb2

from grpcmock.fuzz.generation.generator import Generators
from grpcmock.schema import Registry


def _of(name: str) -> dict[str, Any]:
    return {boundary.id: boundary for boundary in generators().of(registry().message(name)).boundaries()}


@pytest.mark.parametrize("name", NAMES)
def test_boundaries_are_told_apart_and_bounded(name: str) -> None:
    found = list(generators().of(registry().message(name)).boundaries())
    assert len({one.id for one in found}) == len(found) <= 800
    assert found[0].id == "empty"
    assert found[0].data == b""
    assert all(one.reason and one.kind for one in found)


@pytest.mark.parametrize("name", ["kitchen.Everything", "legacy.Old", "rules.Numbers"])
def test_boundaries_are_the_same_each_time(name: str) -> None:
    found = generators().of(registry().message(name)).boundaries()
    again = Generators(registry()).of(registry().message(name)).boundaries()
    assert [(one.id, one.data) for one in found] == [(one.id, one.data) for one in again]


@pytest.mark.parametrize("name", [name for name in RULED if name not in ("required.Badge", "rules.Together")])
def test_each_pair_has_a_side_that_is_valid_and_one_that_is_not(name: str) -> None:
    pairs: dict[str, dict[str, Any]] = {}
    for boundary in _of(name).values():
        if boundary.pair:
            pairs.setdefault(boundary.pair, {})[boundary.side] = boundary
    assert pairs
    for bound_values in pairs.values():
        assert not bound_values["outside"].valid
        assert len(bound_values["outside"].broken) == 1
        assert all(bound_values[side].valid for side in ("at", "inside") if side in bound_values)
        assert len(bound_values) > 1


def test_bounds_are_met_exactly() -> None:
    found = _of("rules.Numbers")
    values = {
        label: found[f"between~{label}"].message.between
        for label in ("gt=1000:outside", "gt=1000:at", "gt=1000:inside", "lte=1003:at", "lte=1003:outside")
    }
    assert list(values.values()) == [1000, 1001, 1002, 1003, 1004]
    assert found["between~gt=1000:at"].reason == "between is at the bound of gt=1000"
    texts = _of("rules.Strings")
    sizes = [
        len(texts[f"long_title~{label}"].message.long_title) for label in ("min_len=200:outside", "max_len=210:at")
    ]
    assert sizes == [199, 210]
    lists = _of("rules.Collections")
    assert len(lists["tags~min_items=5:outside"].message.tags) == 4
    moments = _of("rules.Others")
    assert moments["pause~lt=-2s:outside"].message.pause.seconds == -2


def test_each_field_alone_each_message_empty_each_arm_and_none_each_enum_value() -> None:
    found = _of("kitchen.Everything")
    assert found["f_int32=max"].message == registry().message("kitchen.Everything")(f_int32=2**31 - 1)
    assert [field.name for field, _ in found["f_int32=max"].message.ListFields()] == ["f_int32"]
    assert found["f_message=empty"].message.HasField("f_message")
    assert found["f_message=empty"].kind == "present"
    assert {"f_enum=COLOR_RED", "f_enum=COLOR_NEGATIVE", "f_enum=6", "choice=none", "c_message=empty"} <= set(found)
    assert found["f_enum=6"].kind == "undeclared"
    assert found["o_int32=default"].message.HasField("o_int32")
    assert "f_message.deeper.big=max" in found
    assert found["w_timestamp=edge-3"].unusual
    assert not found["w_timestamp=edge-3"].valid


def test_closed_enums_have_no_undeclared_numbers() -> None:
    assert not [one for one in _of("legacy.Old").values() if one.kind == "undeclared" and one.path.startswith("level")]


def test_each_required_field_missing() -> None:
    badge = _of("required.Badge")
    assert badge["id=missing"].broken[0].rule == "proto.required"
    assert badge["inner=empty"].broken[0].path == "inner.id"
    assert _of("rules.Numbers")["needed=missing"].broken[0].rule == "required"


def test_a_message_of_two_hundred_fields_has_a_bounded_number() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="wide.proto", package="wide", syntax="proto3")
    message = file.message_type.add(name="Wide")
    for number in range(1, 201):
        message.field.add(name=f"f{number}", number=number, type=9 if number % 2 else 5, label=1)
    wide = Registry(descriptor_pb2.FileDescriptorSet(file=[file]))
    found = list(Generators(wide).of(wide.message("wide.Wide")).boundaries())
    assert {one.path for one in found} == {"", *(f"f{number}" for number in range(1, 201))}
    assert len(found) <= 800


def test_a_recursive_type_ends() -> None:
    found = _of("rules.Tree")
    assert len(found) < 100
    assert {"parent=empty", "children=many", "by_name=zero-key", "next=none"} <= set(found)
