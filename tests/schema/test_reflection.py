"""The descriptors of a running server are fetched, however sparing its reflection; failures are told in clear words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2
from reflecting import OPTIONS, V1, V1ALPHA, Fake, serving
from support import registry

from grpcmock.errors import SchemaError, TargetError
from grpcmock.schema import reflection

KITCHEN = registry()


@pytest.mark.parametrize("versions", [(V1,), (V1ALPHA,), (V1, V1ALPHA)])
@pytest.mark.parametrize("whole", [True, False])
async def test_the_descriptors_are_fetched_by_either_version(versions: tuple[str, ...], whole: bool) -> None:
    fake = Fake(KITCHEN.files.file, [*versions, "kitchen.KitchenService"], whole=whole)
    async with serving(fake.answer, *versions) as channel:
        found = await reflection.fetch(channel)
    assert list(found.methods) == list(KITCHEN.methods)
    assert sorted(found.message_names()) == sorted(KITCHEN.message_names())
    assert ("google/protobuf/any.proto" in fake.asked) is not whole


async def test_services_can_be_named() -> None:
    fake = Fake(KITCHEN.files.file, [])
    async with serving(fake.answer, V1) as channel:
        found = await reflection.fetch(channel, ["kitchen.KitchenService"])
        assert list(found.services) == ["kitchen.KitchenService"]
        assert "*" not in fake.asked
        with pytest.raises(SchemaError, match=r"can't describe the service 'no.Such': never heard of it"):
            await reflection.fetch(channel, ["no.Such"])


async def test_what_comes_along_is_supplied_where_the_server_lacks_it() -> None:
    fake = Fake([file for file in KITCHEN.files.file if file.package == "kitchen"], ["kitchen.KitchenService"])
    async with serving(fake.answer, V1) as channel:
        found = await reflection.fetch(channel)
    assert list(found.methods) == list(KITCHEN.methods)


def service_file(**more: Any) -> FileDescriptorProto:
    file = FileDescriptorProto(name="a.proto", package="a", **more)
    file.message_type.add(name="M")
    file.service.add(name="S").method.add(name="Get", input_type="M", output_type="M")
    return file


async def test_an_import_that_only_options_need_may_be_missing() -> None:
    fake = Fake(
        [service_file(dependency=["gone.proto", "google/protobuf/any.proto"], public_dependency=[0, 1])], ["a.S"]
    )
    async with serving(fake.answer, V1) as channel:
        found = await reflection.fetch(channel)
    assert list(found.methods) == ["/a.S/Get"]


async def test_an_import_that_is_needed_and_missing_is_named() -> None:
    field = {"name": "x", "number": 1, "type": 11, "label": 1, "type_name": ".gone.G"}
    file = service_file(dependency=["gone.proto"])
    file.message_type[0].field.add(**field)
    async with serving(Fake([file], ["a.S"]).answer, V1) as channel:
        with pytest.raises(SchemaError, match=r"doesn't give the imported files 'gone.proto' \(imported by a.proto\)"):
            await reflection.fetch(channel)


async def test_a_server_without_reflection_is_told() -> None:
    async with serving(None) as channel:
        with pytest.raises(TargetError, match=r"no reflection service. Give its \.proto files or a descriptor set"):
            await reflection.fetch(channel)


async def test_a_server_that_is_not_there_is_told(unused_tcp_port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}", options=OPTIONS) as channel:
        with pytest.raises(TargetError, match="can't be reached"):
            await reflection.fetch(channel)


async def hang(requests: Any, context: Any) -> AsyncIterator[Any]:
    await asyncio.Event().wait()
    yield


async def test_a_server_that_does_not_answer_is_told() -> None:
    async with serving(hang, V1) as channel:
        with pytest.raises(TargetError, match=r"didn't answer within 0.2 s"):
            await reflection.fetch(channel, timeout=0.2)


async def end_at_once(requests: Any, context: Any) -> AsyncIterator[Any]:
    return
    yield


async def refuse(requests: Any, context: Any) -> AsyncIterator[Any]:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "members only")
    yield


async def deny_the_list(requests: Any, context: Any) -> AsyncIterator[Any]:
    async for _ in requests:
        yield reflection_pb2.ServerReflectionResponse(error_response={"error_message": "no list"})


async def garble(requests: Any, context: Any) -> AsyncIterator[Any]:
    async for request in requests:
        response = reflection_pb2.ServerReflectionResponse()
        if request.WhichOneof("message_request") == "list_services":
            response.list_services_response.service.add(name="a.S")
        else:
            response.file_descriptor_response.file_descriptor_proto.append(b"\xff")
        yield response


async def garble_all(requests: Any, context: Any) -> AsyncIterator[Any]:
    async for _ in requests:
        yield b"\xff"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (garble_all, TargetError, "bytes that are no ServerReflectionResponse"),
        (end_at_once, TargetError, "ended the call before it had answered"),
        (refuse, TargetError, "failed with PERMISSION_DENIED: members only"),
        (deny_the_list, TargetError, "doesn't list its services by reflection: no list"),
        (garble, SchemaError, "in bytes that can't be read"),
    ],
)
async def test_what_goes_wrong_is_told(answer: Any, error: type[Exception], text: str) -> None:
    async with serving(answer, V1) as channel:
        with pytest.raises(error, match=text):
            await reflection.fetch(channel)


async def test_metadata_is_sent_along() -> None:
    seen: list[Any] = []

    async def answer(requests: Any, context: Any) -> AsyncIterator[Any]:
        seen.extend(context.invocation_metadata())
        async for response in Fake([service_file()], ["a.S"]).answer(requests, context):
            yield response

    async with serving(answer, V1) as channel:
        await reflection.fetch(channel, metadata=[("authorization", "Bearer x")])
    assert ("authorization", "Bearer x") in [tuple(pair) for pair in seen]


def test_a_write_that_finds_the_call_ended_tells_the_same_as_a_read() -> None:
    error = reflection._explained(grpc.StatusCode.OK, "", 1.0)
    assert str(error) == "The server's reflection service ended the call before it had answered."
