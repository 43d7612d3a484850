# mypy: disable-error-code="attr-defined, list-item"
"""Reflection that is broken in part, and types that no file of a service imports."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from reflecting import V1, Whole, serving

from grpcmock.errors import SchemaError
from grpcmock.schema import Registry, reflected, reflection

MESSAGE = {"number": 1, "type": 11, "label": 1}


def file(name: str, *imports: str, service: str = "", uses: str = "", syntax: str = "proto3") -> FileDescriptorProto:
    """Describe a file whose package is its name, with a message, which may use another, and maybe a service."""
    package = name.removesuffix(".proto").replace("/", "_")
    made = FileDescriptorProto(name=name, package=package, dependency=imports, syntax=syntax)
    message = made.message_type.add(name="M")
    if uses:
        message.field.add(name="x", type_name=uses, **MESSAGE)
    if service:
        made.service.add(name=service).method.add(name="Get", input_type=f".{package}.M", output_type=f".{package}.M")
    return made


GOOD = file("good.proto", service="S")
BAD = file("bad.proto", "gone.proto", service="B", uses=".gone.G")
BELOW = file("below.proto", "bad.proto", service="C", uses=".bad.M")


async def test_a_service_that_can_not_be_described_is_left_out_with_a_word() -> None:
    said: list[str] = []
    async with serving(Whole([GOOD, BAD, BELOW], ["good.S", "bad.B", "below.C", "no.Such"]).answer, V1) as channel:
        found = await reflection.fetch(channel, left_out=said.append)
    assert list(found.methods) == ["/good.S/Get"]
    assert [text.partition(":")[0] for text in sorted(said)] == [
        "The service bad.B is left out",
        "The service below.C is left out",
        "The service no.Such is left out",
    ]
    assert "doesn't give the imported files 'gone.proto' (imported by bad.proto)" in min(said)
    assert "can't describe the service 'no.Such': never heard of it" in sorted(said)[2]


@pytest.mark.parametrize("services", [["bad.B"], ["no.Such"], ["bad.B", "no.Such"]])
async def test_where_no_service_is_left_it_is_an_error(services: list[str]) -> None:
    async with serving(Whole([GOOD, BAD], services).answer, V1) as channel:
        with pytest.raises(SchemaError, match=r"gone\.proto|no\.Such"):
            await reflection.fetch(channel, left_out=pytest.fail)


async def test_a_service_that_can_be_described_need_not_be_one_of_several() -> None:
    async with serving(Whole([GOOD, BAD], ["good.S", "bad.B"]).answer, V1) as channel:
        found = await reflection.fetch(channel, ["good.S"])
        assert list(found.methods) == ["/good.S/Get"]
        with pytest.raises(SchemaError, match=r"gone\.proto"):
            await reflection.fetch(channel)


@pytest.mark.parametrize("placeholder", [True, False])
async def test_an_import_by_another_path_is_found_by_the_types_that_come_from_it(placeholder: bool) -> None:
    """As servers in Go have it: for an unknown path they send a file that says nothing, and know the right one."""
    shared = file("shared/types.proto", "deeper.proto", uses=".deeper.M")
    user = file("user.proto", "other/shared/types.proto", service="S", uses=".shared_types.M")
    files = [shared, user, file("deeper.proto")]
    if placeholder:
        files.append(FileDescriptorProto(name="other/shared/types.proto", syntax="<unknown:0>"))
    async with serving(Whole(files, ["user.S"]).answer, V1) as channel:
        found = await reflection.fetch(channel)
    method = found.method("user.S/Get")
    assert method.request_class(x={"x": {}}).x.x.DESCRIPTOR.full_name == "deeper.M"


async def test_a_placeholder_for_what_is_nowhere_is_told_as_missing() -> None:
    placeholder = FileDescriptorProto(name="gone.proto", syntax="<unknown:0>")
    async with serving(Whole([BAD, placeholder], ["bad.B"]).answer, V1) as channel:
        with pytest.raises(
            SchemaError, match=r"doesn't give the imported files 'gone.proto' \(imported by bad.proto\)"
        ):
            await reflection.fetch(channel)


# Types by their names ---------------------------------------------------------------------------------------------


async def with_types(names: list[str], *files: FileDescriptorProto, known: Registry | None = None) -> Registry:
    known = known or Registry(FileDescriptorSet(file=[GOOD]))
    async with serving(Whole([*files], []).answer, V1) as channel:
        return await reflection.with_types(channel, known, names)


async def test_types_are_added_with_all_that_they_need() -> None:
    known = Registry(FileDescriptorSet(file=[GOOD]))
    found = await with_types(["a.M"], file("a.proto", "b.proto", uses=".b.M"), file("b.proto"), known=known)
    assert found.message("a.M")(x={}).x.DESCRIPTOR.full_name == "b.M"  # type: ignore[call-arg, attr-defined]
    assert list(found.methods) == ["/good.S/Get"]
    assert known.message("a.M") is found.message("a.M"), "messages made before can hold it, too"


@pytest.mark.parametrize(
    "files",
    [
        [],
        [file("a.proto", "gone.proto", uses=".gone.G")],
        [file("a.proto", uses=".gone.G")],
        [FileDescriptorProto(name="good.proto", package="a", message_type=[{"name": "M"}])],
    ],
)
async def test_a_type_that_can_not_be_had_changes_nothing(files: list[FileDescriptorProto]) -> None:
    found = await with_types(["a.M"], *files)
    assert found.message_names() == ["good.M"]
    with pytest.raises(SchemaError):
        found.message("a.M")


async def test_one_type_that_can_not_be_had_leaves_the_others() -> None:
    found = await with_types(["a.M", "b.M"], file("a.proto", uses=".gone.G"), file("b.proto"))
    assert sorted(found.message_names()) == ["b.M", "good.M"]


async def test_no_names_ask_nothing() -> None:
    known = Registry(FileDescriptorSet(file=[GOOD]))
    nowhere: Any = None
    assert await reflection.with_types(nowhere, known, []) is known


def test_what_files_declare_and_use_is_told_by_full_names() -> None:
    nested = FileDescriptorProto(name="n.proto", package="n", enum_type=[{"name": "E"}])
    outer = nested.message_type.add(name="Outer", enum_type=[{"name": "Kind"}], nested_type=[{"name": "Inner"}])
    outer.nested_type[0].field.add(name="x", type_name=".other.T", **MESSAGE)
    outer.extension.add(name="y", extendee=".other.Base", type_name=".n.E")
    assert sorted(reflected.declared([nested])) == ["n.E", "n.Outer", "n.Outer.Inner", "n.Outer.Kind"]
    assert reflected.used(nested) == {"other.T", "other.Base", "n.E"}
    assert reflected.used(GOOD) == {"good.M"}
