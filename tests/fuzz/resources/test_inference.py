"""What is told of resources from protos of several styles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import registry

from grpcmock.fuzz.expectations.naming import service_noun, singular, verb_and_noun
from grpcmock.fuzz.expectations.roles import Role
from grpcmock.fuzz.resources.inference import resources_of
from grpcmock.fuzz.resources.resource import Operation, Resource
from grpcmock.schema import Registry, sources


def only(protos: Registry, name: str) -> Resource:
    return resources_of(protos).by_name[name]


def operation(resource: Resource, role: Role) -> Operation:
    found = resource.operation(role)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("GetUser", (Role.GET, "User")),
        ("GetUserByEmail", (Role.GET, "User")),
        ("GetAllUsers", (Role.LIST, "Users")),
        ("BatchGetUsers", (Role.BATCH_GET, "Users")),
        ("BatchCreateUsers", (Role.IMPORT, "Users")),
        ("Create", (Role.CREATE, "")),
        ("Getaway", None),
        ("getaway", None),
        ("getUsers", (Role.GET, "Users")),
        ("addUser", (Role.CREATE, "User")),
        ("ViewUser", (Role.GET, "User")),
        ("Ping", None),
        ("UndeleteBook", (Role.UNDELETE, "Book")),
    ],
)
def test_names_of_methods_have_a_verb_and_a_noun(method: str, told: Any) -> None:
    assert verb_and_noun(method) == told


def test_one_of_many() -> None:
    words = {"Users": "User", "Categories": "Category", "Boxes": "Box", "Address": "Address", "Status": "Status"}
    assert {word: singular(word) for word in words} == words
    assert service_noun("shop.v1.OrderService") == service_noun("Orders") == "Order"


@pytest.mark.parametrize(
    ("comment", "is_fixed"),
    [("Output only. How often it was lent.", True), ("[Output Only] Since when.", True), ("Not output only.", False)],
)
def test_comments_say_what_only_the_server_sets(tmp_path: Path, comment: str, is_fixed: bool) -> None:
    file = tmp_path / "drills.proto"
    file.write_text(
        f"""syntax = "proto3"; package drills; import "google/api/field_behavior.proto";
        message Drill {{
          string name = 1 [(google.api.field_behavior) = IDENTIFIER];
          // {comment}
          int32 lent = 2;
        }}
        message GetDrillRequest {{ string name = 1; }}
        message CreateDrillRequest {{ Drill drill = 1; }}
        service Drills {{
          rpc GetDrill(GetDrillRequest) returns (Drill);
          rpc CreateDrill(CreateDrillRequest) returns (Drill);
        }}"""
    )
    assert ("drills.Drill.lent" in only(sources.load([file]), "Drill").fixed) is is_fixed


def test_annotated_resources_are_told_whole(directory: Registry) -> None:
    user, note = only(directory, "User"), only(directory, "Note")
    assert (user.key, user.type, note.parent) == ("name", "directory.example.com/User", "User")
    assert {one.role for one in user.operations} == set(Role) - {Role.UNDELETE, Role.EXPUNGE, Role.MOVE}
    create = operation(user, Role.CREATE)
    assert (create.given, create.own_id, create.shown, create.request_id) == (("user",), ("user_id",), (), "request_id")
    assert operation(note, Role.CREATE).parent == ("parent",)
    update = operation(note, Role.UPDATE)
    assert (update.key, update.mask) == (("note", "name"), "update_mask")
    pages = operation(user, Role.LIST)
    assert (pages.shown, pages.many, pages.is_paged, pages.filters) == (("users",), True, True, frozenset())
    assert operation(user, Role.BATCH_GET).key == ("names",)
    assert operation(user, Role.IMPORT).made == ("names",)
    assert operation(user, Role.LOOKUP).shown == ("user",)
    assert "directory.v1.User.password" in user.hidden
    assert "directory.v1.User.create_time" in user.fixed


def test_names_are_made_of_ids(directory: Registry) -> None:
    user, note = only(directory, "User"), only(directory, "Note")
    assert user.key_of("ann") == "users/ann"
    assert note.key_of("one", "users/ann") == "users/ann/notes/one"
    assert note.key_of("one") is None
    assert note.parent_of("users/ann/notes/one") == "users/ann"
    assert user.parent_of("users/ann") is None


def test_the_plain_user_service_is_made_sense_of() -> None:
    user = only(registry("user.proto"), "User")
    assert (user.key, user.is_annotated, user.descriptor.name) == ("id", False, "UserResponse")
    making = operation(user, Role.IMPORT)
    assert (making.made, making.given, making.own_id) == (("ids",), (), None)
    assert operation(user, Role.GET).key == ("id",)
    assert operation(user, Role.LIST).page == "page"


def test_names_alone_tell_of_resources(plain: Registry) -> None:
    customer, order = only(plain, "Customer"), only(plain, "Order")
    assert (customer.key, order.key, order.parent) == ("id", "id", "Customer")
    assert operation(customer, Role.GET).key == ("customer_id",)
    assert operation(customer, Role.GET).shown == ("customer",)
    assert operation(customer, Role.UPDATE).given == ()
    assert operation(customer, Role.UPDATE).key == ("id",)
    assert operation(customer, Role.DELETE).method.name == "RemoveCustomer"
    assert operation(customer, Role.LIST).page == "page"
    assert operation(order, Role.CREATE).parent == ("customer_id",)
    assert operation(order, Role.LIST).parent == ("customer_id",)
    assert "shop.Customer.created_at" in customer.fixed
    assert set(resources_of(plain).by_name) == {"Customer", "Order"}  # Bill isn't created by any name


@pytest.mark.parametrize("protos", ["kitchen_sink.proto", "legacy.proto", "rules.proto", "required.proto"])
def test_any_protos_are_read_without_complaint(protos: str) -> None:
    for resource in resources_of(registry(protos)).all:
        assert resource.key in resource.descriptor.fields_by_name
        assert resource.operations
