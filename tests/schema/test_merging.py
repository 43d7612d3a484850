"""Sources are put together: files of one name that differ get another, and what can't be together is told."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from grpcmock.errors import SchemaError
from grpcmock.schema import merging, protoc


def file(name: str, package: str, *imports: str, **more: Any) -> FileDescriptorProto:
    message = {"name": "M"}
    return FileDescriptorProto(name=name, package=package, dependency=imports, **{"message_type": [message], **more})


def added(present: list[FileDescriptorProto], files: list[FileDescriptorProto]) -> dict[str, list[str]]:
    new = merging.added({one.name: one for one in present}, files, "two")
    return {one.name: list(one.dependency) for one in new}


def test_files_of_other_names_are_added_as_they_are() -> None:
    assert added([file("a.proto", "a")], [file("b.proto", "b", "a.proto")]) == {"b.proto": ["a.proto"]}


def test_the_same_file_is_not_added_again_whatever_its_comments() -> None:
    commented = file("a.proto", "a", source_code_info={"location": [{"leading_comments": "x"}]})
    assert added([file("a.proto", "a")], [commented, file("b.proto", "b", "a.proto")]) == {"b.proto": ["a.proto"]}


def test_a_file_of_a_name_that_is_taken_is_renamed_with_all_who_import_it() -> None:
    present = [file("common.proto", "a"), file("service.proto", "a.s", "common.proto")]
    files = [
        file("service.proto", "b.s", "common.proto"),
        file("own.proto", "b.o", "common.proto"),
        file("common.proto", "b"),
    ]
    assert added(present, files) == {
        "two/common.proto": [],
        "two/service.proto": ["two/common.proto"],
        "own.proto": ["two/common.proto"],
    }
    assert files[0].dependency == ["common.proto"], "what was given isn't changed"


def test_a_name_that_is_taken_again_gets_a_number() -> None:
    present = [file("a.proto", "a"), file("two/a.proto", "b")]
    assert added(present, [file("a.proto", "c")]) == {"two2/a.proto": []}


@pytest.mark.parametrize(
    "other",
    [
        file("a.proto", "a", "google/protobuf/any.proto"),
        file("a.proto", "a", message_type=[{"name": "Other"}, {"name": "M"}]),
        file("a.proto", "", message_type=[], enum_type=[{"name": "a"}], service=[{"name": "a.M"}]),
    ],
)
def test_what_declares_the_same_is_told(other: FileDescriptorProto) -> None:
    with pytest.raises(SchemaError, match=r"^a.proto is there twice, and its two versions differ: both define a\.M\."):
        added([file("a.proto", "a")], [other])


def test_values_of_enums_stand_beside_their_enum() -> None:
    values = {"message_type": [], "enum_type": [{"name": "E", "value": [{"name": "RED", "number": 0}]}]}
    assert list(merging.symbols(file("a.proto", "p", **values))) == ["p.E", "p.RED"]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300), max_size=5))
def test_a_set_is_split_into_its_files(names: list[str]) -> None:
    files = [FileDescriptorProto(name=name) for name in names]
    data = merging.as_set(files).SerializeToString()
    assert data == FileDescriptorSet(file=files).SerializeToString()
    assert list(protoc.split(data)) == files


@given(st.binary(max_size=40))
def test_bytes_are_split_as_they_are_parsed(data: bytes) -> None:
    try:
        whole = list(FileDescriptorSet.FromString(data).file)
    except DecodeError:
        with pytest.raises(DecodeError):
            list(protoc.split(data))
    else:
        assert list(protoc.split(data)) == whole
