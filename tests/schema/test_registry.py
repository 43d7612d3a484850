"""A registry knows every service, method and message of its files, in a pool of its own."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from support import registry

from grpcmock.errors import SchemaError, UnknownMethodError
from grpcmock.schema import MethodKind, Registry

KITCHEN = registry()


def make(*files: Any) -> Registry:
    return Registry(FileDescriptorSet(file=files))


def test_every_method_is_known_by_its_path_with_its_kind() -> None:
    assert {path: method.kind for path, method in KITCHEN.methods.items()} == {
        "/kitchen.KitchenService/Unary": MethodKind.UNARY,
        "/kitchen.KitchenService/ServerStream": MethodKind.SERVER_STREAMING,
        "/kitchen.KitchenService/ClientStream": MethodKind.CLIENT_STREAMING,
        "/kitchen.KitchenService/Bidi": MethodKind.BIDI_STREAMING,
        "/kitchen.KitchenService/Nothing": MethodKind.UNARY,
    }
    assert list(KITCHEN.services) == ["kitchen.KitchenService"]
    method = KITCHEN.methods["/kitchen.KitchenService/Unary"]
    assert (method.full_name, str(method), method.path) == (
        "kitchen.KitchenService/Unary",
        "kitchen.KitchenService/Unary",
        "/kitchen.KitchenService/Unary",
    )
    assert method.input is method.output is KITCHEN.message("kitchen.Everything").DESCRIPTOR


@pytest.mark.parametrize(
    ("kind", "client", "server"),
    [
        (MethodKind.UNARY, False, False),
        (MethodKind.SERVER_STREAMING, False, True),
        (MethodKind.CLIENT_STREAMING, True, False),
        (MethodKind.BIDI_STREAMING, True, True),
    ],
)
def test_kinds_know_who_streams(kind: MethodKind, client: bool, server: bool) -> None:
    assert (kind.client_streams, kind.server_streams) == (client, server)


@pytest.mark.parametrize(
    "written",
    [
        "kitchen.KitchenService/Unary",
        "/kitchen.KitchenService/Unary",
        "kitchen.KitchenService.Unary",
        "KitchenService/Unary",
        "KitchenService.Unary",
        "Unary",
    ],
)
def test_methods_are_found_as_users_write_them(written: str) -> None:
    assert KITCHEN.method(written).path == "/kitchen.KitchenService/Unary"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("kitchen.KitchenService/Unry", "Did you mean 'kitchen.KitchenService/Unary'?"),
        ("Service/Unary", "There is no method 'Service/Unary'."),
        ("chen.KitchenService/Unary", "There is no method"),
        ("Unry", "There is no method 'Unry'. Did you mean 'kitchen.KitchenService/Unary'?"),
        ("Other", "The methods are: kitchen.KitchenService/Bidi,"),
        ("", "The methods are: "),
        ("/", "The methods are: "),
        ("/Unary", "The methods are: "),
    ],
)
def test_a_method_that_is_not_there_is_told_with_the_nearest(written: str, text: str) -> None:
    with pytest.raises(UnknownMethodError) as raised:
        KITCHEN.method(written)
    assert text in str(raised.value)


def _with_get(package: str) -> dict[str, Any]:
    method = {"name": "Get", "input_type": "M", "output_type": "M"}
    service = {"name": "S", "method": [method]}
    return {"name": f"{package}.proto", "package": package, "message_type": [{"name": "M"}], "service": [service]}


@pytest.mark.parametrize("own", ["grpc.health.v1", "grpc.reflection.v1"])
def test_a_bare_name_is_no_method_of_the_services_that_servers_have_besides(own: str) -> None:
    assert make(_with_get(own), _with_get("a")).method("Get").service == "a.S"
    assert make(_with_get(own)).method("Get").service == f"{own}.S", "unless no other has it"
    with pytest.raises(UnknownMethodError, match="fits more than one"):
        make(_with_get(own), _with_get("a")).method("S/Get")


def test_a_name_that_fits_two_services_lists_them() -> None:
    both = make(_with_get("a"), _with_get("b.a"))
    with pytest.raises(UnknownMethodError, match=r"fits more than one method: a\.S/Get, b\.a\.S/Get\. Write more"):
        both.method("S/Get")
    with pytest.raises(UnknownMethodError, match=r"'Get' fits .* b\.a\.S/Get\. Write the service, too\."):
        both.method("Get")
    assert both.method("a.S/Get").service == "a.S"


def test_messages_are_found_by_name_with_the_nearest_if_not() -> None:
    assert KITCHEN.message("kitchen.Nested.Deeper").DESCRIPTOR.full_name == "kitchen.Nested.Deeper"
    with pytest.raises(
        SchemaError, match=r"There is no message type 'kitchen.Nestde'. Did you mean 'kitchen.Nested'\?"
    ):
        KITCHEN.message("kitchen.Nestde")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("kitchn.Everything", "kitchen.Everything"),
        ("Everything", "kitchen.Everything"),
        ("kitchen.Everythin", "kitchen.Everything"),
        ("kitchen.config.v3.Cluster", None),
        ("kitchin.Everythin", None),
    ],
)
def test_a_type_is_guessed_only_where_it_is_near(written: str, meant: str | None) -> None:
    with pytest.raises(SchemaError) as caught:
        KITCHEN.message(written)
    assert str(caught.value).partition(". ")[2] == (f"Did you mean {meant!r}?" if meant else "")


def test_message_names_leave_map_entries_out() -> None:
    names = [name for name in KITCHEN.message_names() if name.startswith("kitchen.")]
    assert names == ["kitchen.Everything", "kitchen.Nested", "kitchen.Nested.Deeper"]


@pytest.mark.parametrize(
    "name", ["google.rpc.BadRequest", "google.rpc.Status", "google.protobuf.Duration", "google.protobuf.Type"]
)
def test_what_any_may_hold_everywhere_is_always_there(name: str) -> None:
    bare = make({"name": "a.proto"})
    assert bare.message(name).DESCRIPTOR.full_name == name
    assert bare.message(name) is bare.message(name)
    assert bare.message_names() == []


def test_a_type_of_the_user_goes_before_one_that_comes_along() -> None:
    own = make({"name": "mine.proto", "package": "google.rpc", "message_type": [{"name": "Status"}]})
    assert not own.message("google.rpc.Status").DESCRIPTOR.fields
    with pytest.raises(SchemaError, match=r"google\.rpc\.NoSuch"):
        own.message("google.rpc.NoSuch")


def test_two_versions_of_one_proto_live_in_one_process() -> None:
    one = make({"name": "a.proto", "message_type": [{"name": "A"}]})
    two = make(
        {
            "name": "a.proto",
            "message_type": [{"name": "A", "field": [{"name": "x", "number": 1, "type": 9, "label": 1}]}],
        }
    )
    assert [len(one.message("A").DESCRIPTOR.fields), len(two.message("A").DESCRIPTOR.fields)] == [0, 1]


def test_the_order_of_files_does_not_matter() -> None:
    files = list(KITCHEN.files.file)
    assert list(make(*reversed(files)).methods) == list(KITCHEN.methods)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            [{"name": "a.proto", "dependency": ["b.proto"]}],
            "a.proto imports 'b.proto', which is in none of the descriptors",
        ),
        (
            [{"name": "a.proto", "dependency": ["b.proto"]}, {"name": "b.proto", "dependency": ["a.proto"]}],
            "which imports it in turn",
        ),
        ([{"name": "a.proto", "dependency": ["a.proto"]}], "which imports it in turn"),
        (
            [
                {"name": "a.proto", "message_type": [{"name": "A"}]},
                {"name": "b.proto", "message_type": [{"name": "A"}]},
            ],
            "b.proto and a.proto don.t go together: both define A",
        ),
        (
            [
                {
                    "name": "a.proto",
                    "message_type": [
                        {"name": "A", "field": [{"name": "x", "number": 1, "type": 11, "label": 1, "type_name": ".No"}]}
                    ],
                }
            ],
            "a.proto can't be used",
        ),
    ],
)
def test_files_that_do_not_fit_together_are_told(files: Any, text: str) -> None:
    with pytest.raises(SchemaError, match=text):
        make(*files)


def test_an_empty_registry_has_nothing() -> None:
    empty = Registry(descriptor_pb2.FileDescriptorSet())
    assert (dict(empty.methods), dict(empty.services), empty.message_names()) == ({}, {}, [])
    with pytest.raises(UnknownMethodError, match=r"There is no method 'a/b'\.$"):
        empty.method("a/b")
