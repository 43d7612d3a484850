# mypy: disable-error-code="arg-type, attr-defined"
from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from grpcmock.schema import Registry, sources
from grpcmock.schema.modules import registry_of
from grpcmock.servers.health import Health
from grpcmock.servers.reflection import SERVICES, Reflection

BASE = """
    syntax = "proto2";
    package base;
    // Extended by others.
    message Open { optional string name = 1; extensions 100 to 200; }
    enum Level { LOW = 1; HIGH = 2; }
"""
SHOP = """
    syntax = "proto2";
    package shop;
    import "base.proto";
    import "google/protobuf/timestamp.proto";
    extend base.Open { optional int32 weight = 120; }
    message Order {
        optional base.Open open = 1;
        optional google.protobuf.Timestamp when = 2;
        oneof paid { string card = 3; int64 cash = 4; }
        message Line { optional string text = 1; }
        enum State { NEW = 0; }
        extend base.Open { optional string label = 110; }
    }
    service Orders { rpc Place(Order) returns (Order); }
"""


def compiled(folder: Path, **texts: str) -> Registry:
    for name, text in texts.items():
        (folder / f"{name}.proto").write_text(dedent(text))
    return sources.load([folder])


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return compiled(tmp_path, base=BASE, shop=SHOP)


@pytest.fixture
def reflection(registry: Registry) -> Reflection:
    return Reflection(lambda: registry, [registry_of(Health.DESCRIPTOR)])


Ask = Callable[..., reflection_pb2.ServerReflectionResponse]


@pytest.fixture
def ask(reflection: Reflection) -> Ask:
    def answer(**request: Any) -> reflection_pb2.ServerReflectionResponse:
        return reflection.answer(reflection_pb2.ServerReflectionRequest(**request))

    return answer


def names(response: reflection_pb2.ServerReflectionResponse) -> list[str]:
    files = response.file_descriptor_response.file_descriptor_proto
    return [descriptor_pb2.FileDescriptorProto.FromString(data).name for data in files]


SHOP_CLOSURE = ["shop.proto", "base.proto", "google/protobuf/timestamp.proto"]


@pytest.mark.parametrize(
    ("symbol", "files"),
    [
        ("shop.Orders", SHOP_CLOSURE),
        ("shop.Orders.Place", SHOP_CLOSURE),
        ("shop.Order", SHOP_CLOSURE),
        (".shop.Order", SHOP_CLOSURE),
        ("shop.Order.open", SHOP_CLOSURE),
        ("shop.Order.paid", SHOP_CLOSURE),
        ("shop.Order.Line.text", SHOP_CLOSURE),
        ("shop.Order.State", SHOP_CLOSURE),
        ("shop.Order.NEW", SHOP_CLOSURE),
        ("shop.weight", SHOP_CLOSURE),
        ("shop.Order.label", SHOP_CLOSURE),
        ("base.Level", ["base.proto"]),
        ("base.HIGH", ["base.proto"]),
        ("grpc.health.v1.Health.Watch", ["grpc_health/v1/health.proto"]),
        ("grpc.reflection.v1.ServerReflection", ["grpc/reflection/v1/reflection.proto"]),
        ("grpc.reflection.v1.ErrorResponse", ["grpc/reflection/v1/reflection.proto"]),
        ("grpc.reflection.v1alpha.ServerReflection", ["grpc_reflection/v1alpha/reflection.proto"]),
    ],
)
def test_the_file_of_a_symbol_comes_with_all_it_needs_and_first(ask: Ask, symbol: str, files: list[str]) -> None:
    assert names(ask(file_containing_symbol=symbol)) == files


@pytest.mark.parametrize("symbol", ["google.rpc.DebugInfo", "google.rpc.Status", "google.rpc.RetryInfo"])
def test_what_the_server_sends_of_itself_is_described_though_no_proto_has_it(ask: Ask, symbol: str) -> None:
    [file] = names(ask(file_containing_symbol=symbol))[:1]
    assert file.startswith("google/rpc/")


def test_a_file_is_found_by_its_name(ask: Ask) -> None:
    assert names(ask(file_by_filename="shop.proto")) == SHOP_CLOSURE


def test_extensions_are_found_by_number(ask: Ask) -> None:
    wanted = {"containing_type": "base.Open", "extension_number": 120}
    assert names(ask(file_containing_extension=wanted)) == SHOP_CLOSURE
    numbers = ask(all_extension_numbers_of_type="base.Open").all_extension_numbers_response
    assert numbers.base_type_name == "base.Open"
    assert list(numbers.extension_number) == [110, 120]
    assert not ask(all_extension_numbers_of_type="shop.Order").all_extension_numbers_response.extension_number


@pytest.mark.parametrize(
    "request_",
    [
        {"file_by_filename": "none.proto"},
        {"file_containing_symbol": "shop.None"},
        {"file_containing_symbol": "shop.Orders.None"},
        {"file_containing_symbol": ""},
        {"file_containing_symbol": "shop"},
        {"file_containing_extension": {"containing_type": "base.Open", "extension_number": 199}},
        {"file_containing_extension": {"containing_type": "base.None", "extension_number": 1}},
        {"file_containing_extension": {"containing_type": "base.Open", "extension_number": -5}},
        {"all_extension_numbers_of_type": "base.None"},
    ],
)
def test_what_there_is_not_is_not_found(ask: Ask, request_: dict[str, Any]) -> None:
    response = ask(**request_, host="h")
    assert response.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert "There is no" in response.error_response.error_message
    assert response.original_request == reflection_pb2.ServerReflectionRequest(**request_, host="h")
    assert response.valid_host == "h"


def test_a_request_for_nothing_is_invalid(ask: Ask) -> None:
    assert ask().error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_all_services_are_listed_the_servers_own_too(ask: Ask) -> None:
    listed = [service.name for service in ask(list_services="").list_services_response.service]
    assert listed == ["grpc.health.v1.Health", *SERVICES, "shop.Orders"]


def test_a_reload_shows_at_once(tmp_path: Path, registry: Registry) -> None:
    current = registry
    reflection = Reflection(lambda: current)
    symbol = reflection_pb2.ServerReflectionRequest(file_containing_symbol="base.Late")
    assert reflection.answer(symbol).HasField("error_response")
    (tmp_path / "shop.proto").unlink()
    current = compiled(tmp_path, base=BASE + "message Late {}")
    assert names(reflection.answer(symbol)) == ["base.proto"]
    gone = reflection_pb2.ServerReflectionRequest(file_by_filename="shop.proto")
    assert reflection.answer(gone).HasField("error_response")


def test_the_users_declaration_goes_before_the_servers_own(tmp_path: Path) -> None:
    source = """
        syntax = "proto3";
        package grpc.health.v1;
        message Mine {}
        service Health { rpc Check(Mine) returns (Mine); }
    """
    registry = compiled(tmp_path, mine=source)
    reflection = Reflection(lambda: registry, [registry_of(Health.DESCRIPTOR)])
    wanted = reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health")
    assert names(reflection.answer(wanted)) == ["mine.proto"]
    services = reflection.answer(reflection_pb2.ServerReflectionRequest(list_services=""))
    assert [s.name for s in services.list_services_response.service].count("grpc.health.v1.Health") == 1


class TestHugeFiles:
    """A client takes 4 MiB by default: what is more is left out in two steps."""

    @staticmethod
    def answer(comment: int, names_: int) -> list[descriptor_pb2.FileDescriptorProto]:
        base = descriptor_pb2.FileDescriptorProto(name="base.proto", package="base")
        base.message_type.add(name="M")
        base.source_code_info.location.add(leading_comments="c" * comment, span=[0, 0, 1])
        for number in range(names_):
            base.message_type.add(name=f"M{number}_" + "x" * 1000)
        top = descriptor_pb2.FileDescriptorProto(name="top.proto", dependency=["base.proto"])
        registry = Registry(descriptor_pb2.FileDescriptorSet(file=[top, base]))
        wanted = reflection_pb2.ServerReflectionRequest(file_by_filename="top.proto")
        response = Reflection(lambda: registry).answer(wanted)
        assert response.ByteSize() < 4 << 20
        files = response.file_descriptor_response.file_descriptor_proto
        return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in files]

    def test_comments_are_given_where_they_fit(self) -> None:
        assert self.answer(comment=100, names_=0)[1].source_code_info.location[0].leading_comments == "c" * 100

    def test_comments_are_left_out_first(self) -> None:
        files = self.answer(comment=4 << 20, names_=0)
        assert [file.name for file in files] == ["top.proto", "base.proto"]
        assert not files[1].HasField("source_code_info")

    def test_dependencies_are_left_out_then(self) -> None:
        assert [file.name for file in self.answer(comment=0, names_=4000)] == ["top.proto"]


@pytest.mark.parametrize("service", SERVICES)
async def test_both_versions_answer_many_requests_on_one_stream(
    reflection: Reflection,
    serve: Callable[..., Awaitable[str]],
    connect: Callable[[str], grpc.aio.Channel],
    service: str,
) -> None:
    target = await serve(reflection.handlers())
    call = connect(target).stream_stream(
        f"/{service}/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    assert (await call.read()).list_services_response.service
    await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol="shop.Order"))
    assert names(await call.read()) == SHOP_CLOSURE
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


def test_the_v1_messages_are_those_of_v1alpha_under_another_name(reflection: Reflection) -> None:
    pool = descriptor_pool.DescriptorPool()
    wanted = reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.reflection.v1.ServerReflection")
    for data in reflection.answer(wanted).file_descriptor_response.file_descriptor_proto:
        assert b"v1alpha" not in data
        pool.AddSerializedFile(data)
    v1 = pool.FindServiceByName("grpc.reflection.v1.ServerReflection")
    alpha = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
    for side in ("input_type", "output_type"):
        new = getattr(v1.methods[0], side)
        old = getattr(alpha.methods[0], side)
        assert [(f.name, f.number, f.type) for f in new.fields] == [(f.name, f.number, f.type) for f in old.fields]


async def test_the_client_of_grpcio_reflection_is_content(
    reflection: Reflection, serve: Callable[..., Awaitable[str]]
) -> None:
    import asyncio

    target = await serve(reflection.handlers())

    def client() -> tuple[list[str], str]:
        with grpc.insecure_channel(target, options=(("grpc.enable_http_proxy", 0),)) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = descriptor_pool.DescriptorPool(database)
            service = pool.FindServiceByName("shop.Orders")
            return list(database.get_services()), service.methods_by_name["Place"].input_type.full_name

    services, input_type = await asyncio.to_thread(client)
    assert "shop.Orders" in services
    assert input_type == "shop.Order"
