"""A refusal is a failure only where the contract speaks of the very thing that the server objected to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from grpcmock.fuzz.checks.objections import Refusal, refusal
from grpcmock.fuzz.expectations.documented_codes import documented
from grpcmock.fuzz.expectations.expectations import Expectations
from grpcmock.fuzz.expectations.field_paths import named_in, resolve
from grpcmock.fuzz.model.cases import call_of
from grpcmock.fuzz.model.results import Reply, Termination
from grpcmock.schema import Registry, sources
from grpcmock.status import DETAILS_KEY, Code

PROTO = """\
syntax = "proto3";
package cellar.v1;

import "buf/validate/validate.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";

service Cellar {
  rpc CreateWine(CreateWineRequest) returns (Wine);
  rpc GetWine(GetWineRequest) returns (Wine);
  rpc UpdateWine(UpdateWineRequest) returns (Wine);
  rpc DeleteWine(GetWineRequest) returns (Wine);
  rpc BatchGetWines(BatchGetWinesRequest) returns (BatchGetWinesResponse);
  // Says INVALID_ARGUMENT for what doesn't go together.
  rpc Pair(Wine) returns (Wine);
  rpc Taste(Wine) returns (Wine);
  // What lies on a shelf stays cold.
  rpc Store(Wine) returns (Wine);
  rpc Correct(CorrectRequest) returns (Wine);
}
enum Color { COLOR_UNSPECIFIED = 0; RED = 1; WHITE = 2; }
message Wine {
  option (google.api.resource) = {type: "cellar.example.com/Wine", pattern: "wines/{wine}"};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  string title = 2 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).string.max_len = 30];
  string grape = 3 [(google.api.field_behavior) = REQUIRED];
  int32 year = 4 [(buf.validate.field).int32 = {gte: 1800, lte: 2100}];
  int32 bottles = 5 [(buf.validate.field).int32.gte = 0];
  Color color = 6 [(buf.validate.field).enum.defined_only = true];
  repeated string tags = 7 [(buf.validate.field).repeated.max_items = 5];
  repeated string notes = 8 [(buf.validate.field).repeated.items.string.max_len = 20];
  map<string, string> labels = 9;
  Maker maker = 10;
  google.protobuf.Timestamp opened = 11;
  string code = 12 [(buf.validate.field).string.pattern = "^[A-Z]{2}$"];
  // Magnums hold more.
  int32 liters = 13 [(buf.validate.field).int32 = {gte: 1, lte: 90}];
  repeated string sorts = 14 [(buf.validate.field).repeated.unique = true];
}
message Maker { string title = 1; string town = 2 [(buf.validate.field).string.min_len = 1]; }
message CreateWineRequest {
  string wine_id = 1;
  Wine wine = 2;
  string request_id = 3 [(buf.validate.field).string.uuid = true];
}
message CorrectRequest {
  Wine wine = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS];
  Wine other = 2;
}
message GetWineRequest { string name = 1 [(google.api.resource_reference).type = "cellar.example.com/Wine"]; }
message UpdateWineRequest { Wine wine = 1; google.protobuf.FieldMask update_mask = 2; }
message BatchGetWinesRequest {
  repeated string names = 1 [(google.api.resource_reference).type = "cellar.example.com/Wine"];
}
message BatchGetWinesResponse { repeated Wine wines = 1; }
"""


@pytest.fixture(scope="module")
def cellar(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file: Path = tmp_path_factory.mktemp("cellar") / "cellar.proto"
    file.write_text(PROTO)
    return sources.load([file])


def violation(*fields: str) -> tuple[tuple[str, bytes], ...]:
    bad = error_details_pb2.BadRequest()
    for field in fields:
        bad.field_violations.add(field=field, description="no")
    status = status_pb2.Status(code=3)
    status.details.add().Pack(bad)
    return ((DETAILS_KEY, status.SerializeToString()),)


def reply_to(registry: Registry, name: str, request: Any, text: str, fields: tuple[str, ...] = ()) -> Reply:
    method = registry.method(f"cellar.v1.Cellar/{name}")
    data = json_format.ParseDict(request, method.request_class()).SerializeToString()
    return Reply(
        call=call_of(method, data),
        termination=Termination.SERVER,
        code=Code.INVALID_ARGUMENT,
        message=text,
        trailers=violation(*fields) if fields else (),
    )


UUID = "6f1c1a9e-5d0b-4c3a-9a57-0d1e5c7ab000"
NONE, UNSTATED, CONTRADICTION = Refusal.NONE, Refusal.UNSTATED, Refusal.CONTRADICTION


@pytest.mark.parametrize(
    ("name", "request_", "text", "path", "expected"),
    [
        # a rule on the very field
        ("Taste", {"title": "Old vine"}, "title: too long", "title", CONTRADICTION),
        ("Taste", {"title": "Domaine d'Or"}, "the title is wrong", "title", CONTRADICTION),
        ("Taste", {"year": 1800}, "year must be greater than 1800", "year", CONTRADICTION),
        ("Taste", {"year": 2100}, "wine.year is bad", "", CONTRADICTION),
        ("Taste", {"notes": ["a", "b"]}, "notes[1]: no", "notes", CONTRADICTION),
        ("Taste", {"tags": ["a", "b", "c", "d", "e"]}, "too many tags", "tags", CONTRADICTION),
        ("Taste", {"color": "WHITE"}, "color: only red", "color", CONTRADICTION),
        ("Taste", {"maker": {"town": "Nantes"}}, "town is too short", "maker.town", CONTRADICTION),
        ("Taste", {"tags": ["a", "b", "c", "d", "e"]}, "tags: at most 4 are allowed", "tags", CONTRADICTION),
        ("Taste", {"code": "AB"}, "code must match [A-Z]{2}", "code", CONTRADICTION),
        ("Taste", {"sorts": ["a", "b"]}, "sorts has duplicates", "sorts", CONTRADICTION),
        ("Taste", {"maker": {"town": "Nantes"}}, "maker.town is required", "maker.town", CONTRADICTION),
        ("Taste", {"title": "é" * 16}, "the title has more than 30 letters", "title", CONTRADICTION),
        # a rule, but another property of it
        ("Taste", {"maker": {"town": "Nantes"}}, "town is not served", "maker.town", UNSTATED),
        ("Taste", {"title": "Old vine"}, "title must begin with a capital", "title", UNSTATED),
        ("Taste", {"title": "Old vine"}, "title is taken already", "title", UNSTATED),
        ("Taste", {"title": "Old vine"}, "title must not be blank", "title", UNSTATED),
        ("Taste", {"title": "Old vine"}, "title must differ from code", "title", UNSTATED),
        ("Taste", {"year": 1900}, "year must be even", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year must be a multiple of 25", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year is no year of the calendar", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year is more than 5 above the last one", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year must not be lower than the last value", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year overlaps with another wine", "year", UNSTATED),
        ("Taste", {"year": 1900}, "year: there was no harvest", "year", UNSTATED),
        ("Taste", {"tags": ["a", "a"]}, "tags must be sorted", "tags", UNSTATED),
        ("Taste", {"tags": ["a", "a"]}, "tags has duplicates", "tags", UNSTATED),
        ("Taste", {"color": "WHITE"}, "color doesn't exist any more", "color", UNSTATED),
        # a rule that doesn't hold there
        ("Correct", {"wine": {"year": 1900}}, "wine.year must be greater than 1900", "wine.year", UNSTATED),
        ("Correct", {"other": {"year": 1900}}, "other.year must be greater than 1900", "other.year", CONTRADICTION),
        # which the comment speaks of, in other words
        ("Taste", {"liters": 7}, "liters: too small for magnums", "liters", UNSTATED),
        ("Taste", {"liters": 7}, "liters is too small", "liters", CONTRADICTION),
        ("Store", {"liters": 7}, "liters is too small for a cold shelf", "liters", UNSTATED),
        ("Taste", {"liters": 7}, "liters is too small for a cold shelf", "liters", CONTRADICTION),
        # another field than was varied, of which the value was chosen at will
        ("Taste", {"title": "b", "year": 1900}, "year is not one of ours", "title", UNSTATED),
        ("Taste", {"title": "b", "year": 1900}, "year is wrong", "title", UNSTATED),
        ("Taste", {"title": "b", "year": 1900}, "year must be at least 1950", "title", CONTRADICTION),
        ("Taste", {"title": "b", "maker": {"town": "Nantes"}}, "maker.town is wrong", "maker", CONTRADICTION),
        # a rule, but about something else of it
        ("Taste", {"title": "a\x00b"}, "title: control characters", "title", UNSTATED),
        ("Taste", {"title": "../../etc"}, "title: no paths", "title", UNSTATED),
        ("Taste", {"title": " "}, "title is blank", "title", UNSTATED),
        ("Taste", {"bottles": 2147483647}, "bottles: too many", "bottles", UNSTATED),
        ("Taste", {"tags": [""]}, "tags[0] is empty", "tags", UNSTATED),
        ("Taste", {"color": "COLOR_UNSPECIFIED"}, "color must be said", "color", UNSTATED),
        # whether it was seen before, only the server knows
        ("CreateWine", {"requestId": UUID}, "request_id was used for another request", "request_id", UNSTATED),
        # REQUIRED is no rule about values, and one on a field none about others
        ("Taste", {"grape": "a", "title": "b"}, "grape: unknown", "grape", UNSTATED),
        ("Taste", {"title": "b"}, "opened must be set", "title", UNSTATED),
        ("Taste", {"labels": {"a": "b"}, "title": "b"}, "labels: no", "labels", UNSTATED),
        ("Taste", {"title": "b"}, "this is not what we sell", "title", UNSTATED),
        # who says INVALID_ARGUMENT beforehand
        ("Pair", {"title": "b"}, "title: no", "title", UNSTATED),
        # numbers that nobody declared
        ("Taste", {"color": 9}, "color: 9 is not known", "color", NONE),
        # keys, and ids that users choose
        ("GetWine", {}, "name: wines/ID is expected", "", NONE),
        ("GetWine", {"name": "wines/a"}, "name: 3 to 60 characters", "name", UNSTATED),
        ("DeleteWine", {"name": ""}, "bad request", "", NONE),
        ("UpdateWine", {"wine": {"title": "a"}}, "name: wines/ID is expected", "wine.title", NONE),
        ("CreateWine", {"wineId": "/", "wine": {"title": "a"}}, "wine_id: a-z, 0-9 and - only", "wine_id", UNSTATED),
        ("CreateWine", {"wineId": "A" * 65, "wine": {}}, "bad id", "wine_id", UNSTATED),
        ("BatchGetWines", {"names": [""]}, "names[0]: wines/ID is expected", "names", UNSTATED),
        # a mask is the server's to judge
        ("UpdateWine", {"wine": {"name": "wines/a"}, "updateMask": "title"}, "title: no", "", NONE),
    ],
)
def test_what_a_refusal_means(
    cellar: Registry, name: str, request_: Any, text: str, path: str, expected: Refusal
) -> None:
    expectations = Expectations(registry=cellar, documented=documented(cellar))
    assert refusal(reply_to(cellar, name, request_, text), expectations, path) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("year",), CONTRADICTION),
        (("year", "grape"), UNSTATED),
        (("wine.nobody",), UNSTATED),
        (("",), UNSTATED),
    ],
)
def test_what_details_name_goes_before_the_words(cellar: Registry, fields: tuple[str, ...], expected: Refusal) -> None:
    expectations = Expectations(registry=cellar, documented=documented(cellar))
    reply = reply_to(cellar, "Taste", {"year": 1900, "grape": "a"}, "title: no", fields)
    assert refusal(reply, expectations, "year") is expected


@pytest.mark.parametrize(
    ("other", "code", "expected"),
    [
        ({"title": "c", "year": 1900}, Code.OK, CONTRADICTION),
        ({"title": "c", "year": 1900}, Code.INVALID_ARGUMENT, UNSTATED),
        ({"title": "c", "year": 1901}, Code.OK, UNSTATED),
    ],
)
def test_a_value_that_was_taken_elsewhere_is_none_to_refuse(
    cellar: Registry, other: Any, code: Code, expected: Refusal
) -> None:
    reply = reply_to(cellar, "Taste", {"title": "b", "year": 1900}, "year is wrong")
    elsewhere = replace(reply_to(cellar, "Taste", other, ""), code=code)
    assert refusal(reply, Expectations(registry=cellar), "title", (elsewhere, reply)) is expected


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("", ""),
        ("wine", "wine"),
        ("wine.title", "wine.title"),
        ("wineId", "wine_id"),
        ("wine-id", "wine_id"),
        ("WineId", "wine_id"),
        ("CreateWineRequest.wine.title", "wine.title"),
        ("wine.tags[3]", "wine.tags"),
        ("wine.tags.3", "wine.tags"),
        ("wine.tags[]", "wine.tags"),
        ('wine.labels["a"]', "wine.labels"),
        ("wine.labels[a]", "wine.labels"),
        ("wine.labels.a", "wine.labels"),
        ("wine.labels[" + "a" * 190, "wine.labels"),
        ("wine.maker.tow", "wine.maker"),  # cut
        ("wine.title.first", "wine.title"),
        ("wine.maker.country", None),
        ("vintage", None),
        ("wine_.title", None),
        ("$.wine", None),
    ],
)
def test_a_path_that_begins_like_a_field_names_it(cellar: Registry, path: str, fields: str | None) -> None:
    found = resolve(cellar.method("cellar.v1.Cellar/CreateWine").input, path)
    assert (None if found is None else ".".join(field.name for field in found)) == fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("wine id: letters only", {"wine_id"}),
        ("wine.maker.town is missing", {"wine.maker.town"}),
        ("`wineId` is taken", {"wine_id"}),
        ("something is wrong", set()),
        ("title is too long", {"wine.title", "wine.maker.title"}),
        ("untitled", set()),
    ],
)
def test_words_name_fields(cellar: Registry, text: str, fields: set[str]) -> None:
    found = named_in(text, cellar.method("cellar.v1.Cellar/CreateWine").input)
    assert {".".join(field.name for field in way) for way in found} == fields
