"""OpenAPI documents of protos: paths, parameters, bodies, schemas; and a public validator's word on whole APIs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.longrunning import operations_pb2
from support import registry as registry_for

from grpcmock.errors import SchemaError
from grpcmock.openapi.document import Described, document
from grpcmock.openapi.paths import path_text
from grpcmock.protocols.transcoding import templates
from grpcmock.schema import Registry, admin, sources
from grpcmock.schema.modules import registry_of

SHOP = """
syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "buf/validate/validate.proto";

// Sells things.
service Shop {
  // Gives one order. And more.
  rpc Get(GetRequest) returns (Order) {
    option (google.api.http) = {
      get: "/v1/{name=shops/*/orders/*}"
      additional_bindings {get: "/v1/orders/{name}"}
    };
  }
  rpc Change(ChangeRequest) returns (Order) {
    option (google.api.http) = {patch: "/v1/orders/{order.name}" body: "order"};
  }
  rpc Watch(GetRequest) returns (stream Order) {
    option (google.api.http) = {get: "/v1/orders/{name}:watch"};
  }
  rpc Upload(stream Order) returns (Order) {
    option (google.api.http) = {post: "/v1/orders:upload" body: "*"};
  }
  rpc Picture(GetRequest) returns (google.api.HttpBody) {
    option (google.api.http) = {get: "/v1/orders/{name}/picture"};
    option deprecated = true;
  }
  rpc Link(GetRequest) returns (Order) {
    option (google.api.http) = {custom: {kind: "LINK" path: "/v1/link"}};
  }
  rpc Plain(Order) returns (Order);
  rpc Stream(stream Order) returns (stream Order);
}
message GetRequest {
  string name = 1;
  // How to show it.
  View view = 2;
  Page page = 3;
  repeated string tags = 4;
  google.protobuf.Timestamp since = 5;
  map<string, string> labels = 6;
  google.protobuf.BoolValue all = 7;
}
message Page { int32 size = 1; string token = 2 [deprecated = true]; Page inner = 3; }
message ChangeRequest { Order order = 1; string update_mask = 2; }
// How to show.
enum View {
  // As is.
  VIEW_UNSPECIFIED = 0;
  FULL = 1;
}
// An order.
message Order {
  string name = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
  int64 total_cents = 2 [(google.api.field_behavior) = REQUIRED];
  uint32 count = 3 [(buf.validate.field).uint32 = {gte: 1, lt: 100}];
  bytes data = 4;
  double weight = 5;
  bool open = 6;
  oneof payment {
    string card = 7;
    string cash = 8;
  }
  optional string note = 9 [(buf.validate.field).string = {min_len: 2, max_len: 9}];
  repeated Order parts = 10 [(buf.validate.field).repeated.max_items = 3];
  map<int32, View> views = 11;
  google.protobuf.Duration wait = 12;
  google.protobuf.Any any = 13;
  google.protobuf.Value value = 14;
  google.protobuf.Int64Value maybe = 15;
  string mail = 16 [(buf.validate.field).string.email = true, (google.api.field_behavior) = INPUT_ONLY];
  google.protobuf.NullValue nothing = 17;
}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.proto").write_text(SHOP)
    return document(sources.load([folder])).tree


ORDER = {
    "name": {"type": "string", "readOnly": True},
    "totalCents": {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    "count": {"type": "integer", "format": "uint32", "minimum": 1, "exclusiveMaximum": 100},
    "data": {"type": "string", "format": "byte", "contentEncoding": "base64"},
    "weight": {"type": "number", "format": "double"},
    "open": {"type": "boolean"},
    "card": {"type": "string", "description": "At most one of this and cash is set."},
    "cash": {"type": "string", "description": "At most one of this and card is set."},
    "note": {"type": "string", "minLength": 2, "maxLength": 9},
    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/shop.v1.Order"}, "maxItems": 3},
    "views": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/shop.v1.View"}},
    "wait": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["1.5s"]},
    "any": {"type": "object", "properties": {"@type": {"type": "string"}}, "additionalProperties": True},
    "value": {},
    "maybe": {"type": ["string", "null"], "format": "int64", "pattern": "^-?[0-9]+$"},
    "mail": {"type": "string", "format": "email", "writeOnly": True},
    "nothing": {"type": "null"},
}


@pytest.mark.parametrize("name", list(ORDER))
def test_a_field_is_described_as_proto_json_writes_it(shop: dict[str, Any], name: str) -> None:
    assert shop["components"]["schemas"]["shop.v1.Order"]["properties"][name] == ORDER[name]


def test_a_message_says_what_is_required_and_what_excludes_each_other(shop: dict[str, Any]) -> None:
    order = shop["components"]["schemas"]["shop.v1.Order"]
    assert order["description"] == "An order."
    assert order["required"] == ["totalCents"]
    assert order["not"] == {"anyOf": [{"required": ["card", "cash"]}]}
    assert set(order["properties"]) == set(ORDER)


def test_an_enum_is_its_names_with_their_comments(shop: dict[str, Any]) -> None:
    assert shop["components"]["schemas"]["shop.v1.View"] == {
        "type": "string",
        "enum": ["VIEW_UNSPECIFIED", "FULL"],
        "description": "How to show.\n- VIEW_UNSPECIFIED: As is.",
    }


def test_the_paths_are_those_of_the_annotations_and_the_rest_is_connects(shop: dict[str, Any]) -> None:
    found = {f"{verb} {path}": one["operationId"] for path, item in shop["paths"].items() for verb, one in item.items()}
    assert found == {
        "get /v1/shops/{shop}/orders/{order}": "Shop_Get",
        "get /v1/orders/{name}": "Shop_Get_2",
        "patch /v1/orders/{name}": "Shop_Change",
        "get /v1/orders/{name}:watch": "Shop_Watch",
        "post /v1/orders:upload": "Shop_Upload",
        "get /v1/orders/{name}/picture": "Shop_Picture",
        "post /shop.v1.Shop/Plain": "Shop_Plain",
        "post /shop.v1.Shop/Stream": "Shop_Stream",
    }


def test_what_the_path_does_not_say_stands_in_the_query(shop: dict[str, Any]) -> None:
    operation = shop["paths"]["/v1/orders/{name}"]["get"]
    assert (operation["summary"], operation["tags"]) == ("Gives one order", ["shop.v1.Shop"])
    parameters = {one["name"]: one for one in operation["parameters"]}
    assert list(parameters) == ["name", "view", "page.size", "page.token", "tags", "since", "all"]
    assert (parameters["name"]["in"], parameters["name"]["required"]) == ("path", True)
    assert parameters["view"]["description"] == "How to show it."
    assert parameters["page.token"]["deprecated"] is True
    assert parameters["tags"]["schema"] == {"type": "array", "items": {"type": "string"}}
    assert parameters["since"]["schema"]["format"] == "date-time"
    assert parameters["all"]["schema"] == {"type": "boolean"}


def test_segments_of_one_field_say_what_they_are_a_part_of(shop: dict[str, Any]) -> None:
    first, second, *_ = shop["paths"]["/v1/shops/{shop}/orders/{order}"]["get"]["parameters"]
    assert first["description"] == second["description"] == "A part of `name`, which is `shops/{shop}/orders/{order}`."


def test_bodies(shop: dict[str, Any]) -> None:
    change = shop["paths"]["/v1/orders/{name}"]["patch"]
    assert change["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/shop.v1.Order"
    }
    assert [one["name"] for one in change["parameters"]] == ["name", "updateMask"]
    upload = shop["paths"]["/v1/orders:upload"]["post"]["requestBody"]["content"]
    assert upload["application/x-ndjson"]["x-itemSchema"] == {"$ref": "#/components/schemas/shop.v1.Order"}
    picture = shop["paths"]["/v1/orders/{name}/picture"]["get"]
    assert picture["responses"]["200"]["content"] == {"*/*": {}}
    assert picture["deprecated"] is True


def test_streams_and_errors(shop: dict[str, Any]) -> None:
    watch = shop["paths"]["/v1/orders/{name}:watch"]["get"]["responses"]
    assert set(watch["200"]["content"]) == {"text/event-stream", "application/x-ndjson"}
    status = {"$ref": "#/components/schemas/google.rpc.Status"}
    assert watch["default"]["content"]["application/json"]["schema"] == status
    connect = shop["paths"]["/shop.v1.Shop/Plain"]["post"]["responses"]["default"]["content"]
    assert connect["application/json"]["schema"] == {"$ref": "#/components/schemas/connect.Error"}
    assert "application/connect+json" in shop["paths"]["/shop.v1.Shop/Stream"]["post"]["requestBody"]["content"]


def test_what_cannot_be_said_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(SHOP)
    (problem,) = document(sources.load([tmp_path])).problems
    assert problem == "shop.v1.Shop/Link: OpenAPI has no HTTP method 'LINK', so LINK /v1/link is left out."


@pytest.mark.parametrize(
    ("template", "text", "fields"),
    [
        ("/v1/users", "/v1/users", []),
        ("/v1/users/{id}", "/v1/users/{id}", ["id"]),
        ("/v1/{name=users/*}:lend", "/v1/users/{user}:lend", ["name"]),
        ("/v1/{name=shops/*/books/*}", "/v1/shops/{shop}/books/{book}", ["name", "name"]),
        ("/v1/{parent=a/*}/a/{id}/{name=a/*}", "/v1/a/{a}/a/{id}/a/{a_2}", ["parent", "id", "name"]),
        ("/v1/files/{path=**}", "/v1/files/{path}", ["path"]),
        ("/v1/{name=operations/**}", "/v1/operations/{operation}", ["name"]),
        ("/v1/users/*/mails/{mail.id}", "/v1/users/{user}/mails/{mail.id}", ["", "mail.id"]),
        ("/*", "/{segment}", [""]),
    ],
)
def test_templates_become_paths_of_single_segments(template: str, text: str, fields: list[str]) -> None:
    found = path_text(templates.parse(template))
    assert (found.text, [one.field for one in found.parameters]) == (text, fields)


def test_protos_without_a_service_have_no_document() -> None:
    with pytest.raises(SchemaError, match="declare no service"):
        document(registry_of(operations_pb2.google_dot_rpc_dot_status__pb2.DESCRIPTOR))


def registries() -> dict[str, Registry]:
    return {
        "admin": admin.registry(),
        "longrunning": registry_of(operations_pb2.DESCRIPTOR),
        **{name: registry_for(f"{name}.proto") for name in ("user", "library", "kitchen_sink", "depot", "rules")},
    }


@pytest.mark.parametrize("name", ["admin", "longrunning", "user", "library", "kitchen_sink", "depot", "rules"])
def test_a_public_validator_takes_it(name: str) -> None:
    validate = pytest.importorskip("openapi_spec_validator").validate
    made = document(registries()[name], Described("An API", "1", ["http://localhost"], has_token=True)).tree
    validate(made)
    assert (made["info"], made["servers"]) == ({"title": "An API", "version": "1"}, [{"url": "http://localhost"}])


def test_the_shop_is_valid_too(shop: dict[str, Any]) -> None:
    pytest.importorskip("openapi_spec_validator").validate(shop)
