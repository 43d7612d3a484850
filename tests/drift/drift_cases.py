"""What changes between two versions of a proto, and what is to be said of it: data for several tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

ALL = "wire json source"
Told: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class Case:
    name: str
    old: str
    new: str
    told: tuple[Told, ...]
    """Rule, element, and whom it breaks; all that is found."""

    syntax: tuple[str, str] = ("proto3", "proto3")


def case(name: str, old: str, new: str, *told: Told, syntax: str = "proto3", becomes: str = "") -> Case:
    return Case(name, old, new, told, (syntax, becomes or syntax))


def _m(body: str) -> str:
    return f"message M {{ {body} }}"


def _s(body: str, more: str = "") -> str:
    return f"service S {{ {body} }} message A {{ int32 a = 1; }} message B {{ int32 a = 1; }} {more}"


GET = "rpc Get(A) returns (B);"
VALIDATE = 'import "buf/validate/validate.proto"; '
HTTP = 'import "google/api/annotations.proto"; '


def _rule(rules: str) -> str:
    return f"{VALIDATE} message M {{ string a = 1 [{rules}]; }}"


def _together(rules: str, of_oneof: str = "") -> str:
    return f"{VALIDATE} message M {{ {rules} int32 a = 1; int32 b = 2; oneof o {{ {of_oneof} int32 c = 3; }} }}"


def _http(path: str) -> str:
    option = f'{{ option (google.api.http) = {{ get: "{path}" }}; }}' if path else ";"
    return f"{HTTP} service S {{ rpc Get(A) returns (A) {option} }} message A {{ int32 a = 1; }}"


SERVICES = [
    case("service removed", _s(GET, "service T { rpc X(A) returns (B); }"), _s(GET), ("service-removed", "T", ALL)),
    case("service added", _s(GET), _s(GET, "service T { rpc X(A) returns (B); }"), ("service-added", "T", "")),
    case(
        "service renamed",
        _s(GET),
        _s(GET).replace("service S", "service Z"),
        ("service-renamed", "S", ALL),
    ),
    case("method removed", _s(GET + " rpc Put(B) returns (A);"), _s(GET), ("method-removed", "S/Put", ALL)),
    case("method added", _s(GET), _s(GET + " rpc Put(B) returns (A);"), ("method-added", "S/Put", "")),
    case("method renamed", _s(GET), _s("rpc Fetch(A) returns (B);"), ("method-renamed", "S/Get", ALL)),
    case(
        "two methods of one shape are not told apart",
        _s(GET + " rpc Put(A) returns (B);"),
        _s("rpc Fetch(A) returns (B);"),
        ("method-removed", "S/Get", ALL),
        ("method-removed", "S/Put", ALL),
        ("method-added", "S/Fetch", ""),
    ),
    case("kind: server", _s(GET), _s("rpc Get(A) returns (stream B);"), ("method-kind-changed", "S/Get", ALL)),
    case("kind: client", _s(GET), _s("rpc Get(stream A) returns (B);"), ("method-kind-changed", "S/Get", ALL)),
    case(
        "request type with the same fields",
        _s(GET),
        _s("rpc Get(B) returns (B);"),
        ("request-type-changed", "S/Get", "source"),
    ),
    case(
        "response type with other fields",
        _s(GET, "message C { string a = 1; }"),
        _s("rpc Get(A) returns (C);", "message C { string a = 1; }"),
        ("response-type-changed", "S/Get", "source"),
        ("type-changed", "B.a", ALL),
    ),
    case(
        "response becomes a well-known type",
        'import "google/protobuf/duration.proto";' + _s(GET),
        'import "google/protobuf/duration.proto";' + _s("rpc Get(A) returns (google.protobuf.Duration);"),
        ("response-type-changed", "S/Get", "json source"),
        ("field-renamed", "B.a", "json source"),
        ("type-changed", "B.a", "json source"),
        ("field-added", "google.protobuf.Duration.nanos", ""),
    ),
    case(
        "idempotency promised less",
        _s("rpc Get(A) returns (B) { option idempotency_level = NO_SIDE_EFFECTS; }"),
        _s("rpc Get(A) returns (B) { option idempotency_level = IDEMPOTENT; }"),
        ("idempotency-changed", "S/Get", "wire"),
    ),
    case(
        "idempotency promised more",
        _s(GET),
        _s("rpc Get(A) returns (B) { option idempotency_level = IDEMPOTENT; }"),
        ("idempotency-changed", "S/Get", ""),
    ),
    case("http rule changed", _http("/a"), _http("/b"), ("http-rule-changed", "S/Get", "json")),
    case("http rule removed", _http("/a"), _http(""), ("http-rule-changed", "S/Get", "json")),
    case("http rule added", _http(""), _http("/a"), ("http-rule-changed", "S/Get", "")),
    case(
        "deprecation",
        _s(GET),
        _s("option deprecated = true; rpc Get(A) returns (B) { option deprecated = true; }"),
        ("deprecation-changed", "S", ""),
        ("deprecation-changed", "S/Get", ""),
    ),
]

FIELDS = [
    case("field removed", _m("int32 a = 1; int32 b = 2;"), _m("int32 a = 1;"), ("field-removed", "M.b", ALL)),
    case(
        "field removed, number reserved",
        _m("int32 a = 1; int32 b = 2;"),
        _m("int32 a = 1; reserved 2;"),
        ("field-removed", "M.b", "json source"),
    ),
    case(
        "field removed, both reserved",
        _m("int32 a = 1; int32 b = 2;"),
        _m('int32 a = 1; reserved 2; reserved "b";'),
        ("field-removed", "M.b", "source"),
    ),
    case("field added", _m("int32 a = 1;"), _m("int32 a = 1; int32 b = 2;"), ("field-added", "M.b", "")),
    case(
        "field added with a reserved number and name",
        _m('int32 a = 1; reserved 2; reserved "b";'),
        _m("int32 a = 1; int32 b = 2;"),
        ("field-added", "M.b", ""),
        ("reserved-used", "M.b", "wire json"),
    ),
    case("field renumbered", _m("int32 a = 1;"), _m("int32 a = 2;"), ("field-renumbered", "M.a", "wire")),
    case(
        "fields swapped",
        _m("int32 a = 1; string b = 2;"),
        _m("int32 a = 2; string b = 1;"),
        ("field-renumbered", "M.a", "wire"),
        ("field-renumbered", "M.b", "wire"),
    ),
    case(
        "number taken over by another field",
        _m("int32 a = 1; int32 b = 2;"),
        _m("int32 b = 1;"),
        ("field-removed", "M.a", ALL),
        ("field-renumbered", "M.b", "wire"),
    ),
    case("field renamed", _m("int32 a = 1;"), _m("int32 b = 1;"), ("field-renamed", "M.a", "json source")),
    case(
        "field renamed, JSON name kept",
        _m("int32 a = 1;"),
        _m('int32 b = 1 [json_name = "a"];'),
        ("field-renamed", "M.a", "source"),
    ),
    case("JSON name", _m("int32 a = 1;"), _m('int32 a = 1 [json_name = "x"];'), ("json-name-changed", "M.a", "json")),
    case("list", _m("string a = 1;"), _m("repeated string a = 1;"), ("cardinality-changed", "M.a", "json source")),
    case("packed list", _m("int32 a = 1;"), _m("repeated int32 a = 1;"), ("cardinality-changed", "M.a", ALL)),
    case(
        "list not packed",
        _m("int32 a = 1;"),
        _m("repeated int32 a = 1 [packed = false];"),
        ("cardinality-changed", "M.a", "json source"),
    ),
    case(
        "packing",
        _m("repeated int32 a = 1;"),
        _m("repeated int32 a = 1 [packed = false];"),
        ("packing-changed", "M.a", ""),
    ),
    case(
        "a map is a list of entries",
        _m("map<string, int32> a = 1;"),
        _m("repeated E a = 1; message E { string key = 1; int32 value = 2; }"),
        ("cardinality-changed", "M.a", "json source"),
    ),
    case(
        "map's value",
        _m("map<string, int32> a = 1;"),
        _m("map<string, string> a = 1;"),
        ("type-changed", "M.AEntry.value", ALL),
    ),
    case("presence", _m("int32 a = 1;"), _m("optional int32 a = 1;"), ("presence-changed", "M.a", "source")),
    case(
        "presence by a feature",
        _m("int32 a = 1;"),
        _m("int32 a = 1 [features.field_presence = IMPLICIT];"),
        ("presence-changed", "M.a", "source"),
        syntax="2023",
    ),
    case(
        "required added",
        _m("optional int32 a = 1;"),
        _m("required int32 a = 1;"),
        ("required-added", "M.a", ALL),
        syntax="proto2",
    ),
    case(
        "required removed",
        _m("required int32 a = 1;"),
        _m("optional int32 a = 1;"),
        ("required-removed", "M.a", ALL),
        syntax="proto2",
    ),
    case(
        "required by a feature",
        _m("int32 a = 1;"),
        _m("int32 a = 1 [features.field_presence = LEGACY_REQUIRED];"),
        ("required-added", "M.a", ALL),
        syntax="2023",
    ),
    case("required field added", _m(""), _m("required int32 a = 1;"), ("field-added", "M.a", ALL), syntax="proto2"),
    case(
        "required field removed, reserved",
        _m("required int32 a = 1;"),
        _m('reserved 1; reserved "a";'),
        ("field-removed", "M.a", ALL),
        syntax="proto2",
    ),
    case(
        "default",
        _m("optional int32 a = 1 [default = 7];"),
        _m("optional int32 a = 1 [default = 8];"),
        ("default-changed", "M.a", ALL),
        syntax="proto2",
    ),
    case(
        "utf8",
        _m("string a = 1;"),
        _m("string a = 1 [features.utf8_validation = NONE];"),
        ("utf8-validation-changed", "M.a", "wire"),
        syntax="2023",
    ),
    case(
        "delimited",
        _m("M a = 1;"),
        _m("M a = 1 [features.message_encoding = DELIMITED];"),
        ("type-changed", "M.a", "wire"),
        syntax="2023",
    ),
    case("jstype", _m("int64 a = 1;"), _m("int64 a = 1 [jstype = JS_STRING];"), ("jstype-changed", "M.a", "source")),
    case("deprecated", _m("int64 a = 1;"), _m("int64 a = 1 [deprecated = true];"), ("deprecation-changed", "M.a", "")),
    case(
        "into a new oneof, alone",
        _m("optional int32 a = 1;"),
        _m("oneof o { int32 a = 1; }"),
        ("oneof-changed", "M.a", "source"),
    ),
    case(
        "two into a new oneof",
        _m("optional int32 a = 1; optional int32 b = 2;"),
        _m("oneof o { int32 a = 1; int32 b = 2; }"),
        ("oneof-changed", "M.a", ALL),
        ("oneof-changed", "M.b", ALL),
    ),
    case(
        "out of a oneof",
        _m("oneof o { int32 a = 1; int32 b = 2; }"),
        _m("oneof o { int32 a = 1; } optional int32 b = 2;"),
        ("oneof-changed", "M.b", ALL),
    ),
    case(
        "oneof renamed",
        _m("oneof o { int32 a = 1; int32 b = 2; }"),
        _m("oneof x { int32 a = 1; int32 b = 2; }"),
        ("oneof-renamed", "M", "source"),
    ),
    case(
        "member added to a oneof",
        _m("oneof o { int32 a = 1; }"),
        _m("oneof o { int32 a = 1; int32 b = 2; }"),
        ("field-added", "M.b", ""),
    ),
    case(
        "type renamed",
        _m("N a = 1; message N { int32 x = 1; }"),
        _m("O a = 1; message O { int32 x = 1; }"),
        ("type-renamed", "M.a", "source"),
    ),
    case(
        "type renamed, and changed inside",
        _m("N a = 1; message N { int32 x = 1; }"),
        _m("O a = 1; message O { int32 x = 2; }"),
        ("type-renamed", "M.a", "source"),
        ("field-renumbered", "M.N.x", "wire"),
    ),
]

MESSAGES = [
    case(
        "message removed",
        _m("int32 a = 1;") + "message N { M m = 1; message O {} }",
        _m("int32 a = 1;"),
        ("message-removed", "N", "source"),
    ),
    case("message added", _m(""), _m("") + "message N {}", ("message-added", "N", "")),
    case(
        "reserved removed",
        _m('reserved 2, 5 to 9; reserved "a", "b";'),
        _m('reserved 2, 6 to 8; reserved "b";'),
        ("reserved-removed", "M", "wire"),
        ("reserved-removed", "M", "json"),
    ),
    case(
        "extension range removed",
        _m("extensions 100 to 199;"),
        _m("extensions 100 to 149;"),
        ("extension-range-removed", "M", "source"),
        syntax="proto2",
    ),
    case(
        "message set",
        _m("option message_set_wire_format = true; extensions 4 to max;"),
        _m("extensions 4 to max;"),
        ("message-set-changed", "M", ALL),
        ("extension-range-removed", "M", "source"),
        syntax="proto2",
    ),
    case(
        "JSON format",
        _m(""),
        "message M { option features.json_format = LEGACY_BEST_EFFORT; }",
        ("json-format-changed", "M", "json"),
        syntax="2023",
    ),
    case(
        "extension removed",
        _m("extensions 100 to 199;") + "extend M { optional int32 x = 100; }",
        _m("extensions 100 to 199;"),
        ("extension-removed", "x", ALL),
        syntax="proto2",
    ),
    case(
        "extension added",
        _m("extensions 100 to 199;"),
        _m("extensions 100 to 199;") + "extend M { optional int32 x = 100; }",
        ("extension-added", "x", ""),
        syntax="proto2",
    ),
    case(
        "extension renamed, of another type",
        _m("extensions 100 to 199;") + "extend M { optional int32 x = 100; }",
        _m("extensions 100 to 199;") + "extend M { optional string y = 100; }",
        ("field-renamed", "x", "json source"),
        ("type-changed", "x", ALL),
        syntax="proto2",
    ),
    case(
        "rules tightened",
        _rule("(buf.validate.field).string.min_len = 1"),
        _rule("(buf.validate.field).string.min_len = 2"),
        ("rules-tightened", "M.a", "wire json"),
    ),
    case(
        "rules loosened",
        _rule("(buf.validate.field).string.max_len = 1, (buf.validate.field).required = true"),
        _rule("(buf.validate.field).string.max_len = 2"),
        ("rules-loosened", "M.a", ""),
    ),
    case(
        "rules added",
        _rule("deprecated = false"),
        _rule('(buf.validate.field).cel = {id: "x", expression: "size(this) > 0"}'),
        ("rules-tightened", "M.a", "wire json"),
    ),
    case(
        "rules of a message added",
        _together(""),
        _together('option (buf.validate.message).cel = {id: "x", expression: "this.a < this.b"};'),
        ("rules-tightened", "M", "wire json"),
    ),
    case(
        "one of several fields must be set",
        _together('option (buf.validate.message).oneof = {fields: ["a", "b"]};'),
        _together('option (buf.validate.message).oneof = {fields: ["a", "b"], required: true};'),
        ("rules-tightened", "M", "wire json"),
    ),
    case(
        "a oneof need not be set",
        _together("", "option (buf.validate.oneof).required = true;"),
        _together(""),
        ("rules-loosened", "M", ""),
    ),
    case(
        "rules of a message changed",
        _together('option (buf.validate.message).cel = {id: "x", expression: "this.a < this.b"};'),
        _together('option (buf.validate.message).cel = {id: "x", expression: "this.a <= this.b"};'),
        ("rules-changed", "M", ""),
    ),
    case(
        "rules changed, it can't be told how",
        _rule('(buf.validate.field).string.pattern = "a+"'),
        _rule('(buf.validate.field).string.pattern = "b+"'),
        ("rules-changed", "M.a", ""),
    ),
    case(
        "fewer values allowed",
        _rule('(buf.validate.field).string = {in: ["a", "b"], not_in: ["x", "y"]}'),
        _rule('(buf.validate.field).string = {in: ["a"], not_in: ["x"]}'),
        ("rules-tightened", "M.a", "wire json"),
    ),
]


def _e(body: str) -> str:
    return f"enum E {{ {body} }}"


ENUMS = [
    case("enum removed", _e("Z = 0;") + _m(""), _m(""), ("enum-removed", "E", "source")),
    case("enum added", _m(""), _e("Z = 0;") + _m(""), ("enum-added", "E", "")),
    case("value removed", _e("Z = 0; A = 1;"), _e("Z = 0;"), ("value-removed", "E.A", ALL)),
    case(
        "value removed, number reserved",
        _e("Z = 0; A = 1;"),
        _e("Z = 0; reserved 1;"),
        ("value-removed", "E.A", "json source"),
    ),
    case(
        "value removed, both reserved",
        _e("Z = 0; A = 1;"),
        _e('Z = 0; reserved 1; reserved "A";'),
        ("value-removed", "E.A", "source"),
    ),
    case("value added", _e("Z = 0;"), _e("Z = 0; A = 1;"), ("value-added", "E.A", "")),
    case(
        "value added with what was reserved",
        _e('Z = 0; reserved 1; reserved "A";'),
        _e("Z = 0; A = 1;"),
        ("value-added", "E.A", ""),
        ("reserved-used", "E.A", "wire json"),
    ),
    case("value renumbered", _e("Z = 0; A = 1;"), _e("Z = 0; A = 2;"), ("value-renumbered", "E.A", "wire")),
    case(
        "values swapped",
        _e("Z = 0; A = 1; B = 2;"),
        _e("Z = 0; A = 2; B = 1;"),
        ("value-renumbered", "E.A", "wire"),
        ("value-renumbered", "E.B", "wire"),
    ),
    case("value renamed", _e("Z = 0; A = 1;"), _e("Z = 0; B = 1;"), ("value-renamed", "E.A", "json source")),
    case(
        "alias added",
        _e("option allow_alias = true; Z = 0; Y = 0; A = 1;"),
        _e("option allow_alias = true; Z = 0; Y = 0; A = 1; B = 1;"),
        ("alias-added", "E.B", ""),
    ),
    case(
        "alias removed",
        _e("option allow_alias = true; Z = 0; Y = 0; A = 1; B = 1;"),
        _e("option allow_alias = true; Z = 0; Y = 0; A = 1;"),
        ("alias-removed", "E.B", "json source"),
    ),
    case(
        "alias takes the lead",
        _e("Z = 0; A = 1;"),
        _e("option allow_alias = true; Z = 0; B = 1; A = 1;"),
        ("alias-added", "E.B", ""),
        ("alias-order-changed", "E.A", "json"),
    ),
    case(
        "first value of a closed enum",
        _e("A = 1; B = 2;"),
        _e("B = 2; A = 1;"),
        ("first-value-changed", "E", ALL),
        syntax="proto2",
    ),
    case(
        "open or closed",
        _e("Z = 0;"),
        _e("option features.enum_type = CLOSED; Z = 0;"),
        ("enum-type-changed", "E", "source"),
        syntax="2023",
    ),
    case("reserved in an enum", _e("Z = 0; reserved 5;"), _e("Z = 0;"), ("reserved-removed", "E", "wire")),
    case(
        "enum renamed, and changed inside",
        _m("E e = 1;") + _e("Z = 0; A = 1;"),
        _m("F e = 1;") + "enum F { Z = 0; A = 2; }",
        ("type-renamed", "M.e", "source"),
        ("value-renumbered", "E.A", "wire"),
    ),
]

_PACKAGED = (
    'syntax = "proto3"; package p; service S { rpc Get(M) returns (M); } '
    "message M { int32 a = 1; E e = 2; } enum E { Z = 0; }"
)
FILES = [
    case(
        "option",
        'option java_package = "a";',
        'option java_package = "b";',
        ("file-option-changed", "p.proto", "source"),
    ),
    case("option set", "", "option java_multiple_files = true;", ("file-option-changed", "p.proto", "source")),
    case(
        "syntax, and what follows from it",
        _m("optional string a = 1; repeated int32 b = 2;") + _e("Z = 0;"),
        _m("optional string a = 1; repeated int32 b = 2;") + _e("Z = 0;"),
        ("syntax-changed", "p.proto", ""),
        ("utf8-validation-changed", "M.a", "wire"),
        ("packing-changed", "M.b", ""),
        ("enum-type-changed", "E", "source"),
        ("json-format-changed", "M", ""),
        ("json-format-changed", "E", ""),
        syntax="proto2",
        becomes="proto3",
    ),
    case(
        "proto3 as an edition changes nothing",
        _m("string a = 1; optional int32 b = 2; M m = 3; repeated int32 c = 4;") + _e("Z = 0;"),
        "option features.field_presence = IMPLICIT;"
        + _m("string a = 1; int32 b = 2 [features.field_presence = EXPLICIT]; M m = 3; repeated int32 c = 4;")
        + _e("Z = 0;"),
        ("syntax-changed", "p.proto", ""),
        syntax="proto3",
        becomes="2023",
    ),
    case(
        "package",
        _PACKAGED,
        _PACKAGED.replace("package p", "package q"),
        ("package-changed", "p.proto", "wire source"),
        ("service-renamed", "S", ALL),
        ("request-type-changed", "S/Get", "source"),
        ("response-type-changed", "S/Get", "source"),
        ("type-renamed", "M.e", "source"),
        syntax="",
    ),
]

_TYPES = ("int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64")
TYPES: dict[tuple[str, str], str] = {
    ("int32", "int64"): "json source",
    ("int32", "uint32"): "source",
    ("int32", "sint32"): "wire",
    ("int32", "bool"): "json source",
    ("int32", "fixed32"): "wire source",
    ("int32", "E"): "json source",
    ("bool", "E"): ALL,
    ("sint32", "sint64"): "json source",
    ("fixed32", "sfixed32"): "source",
    ("fixed64", "sfixed64"): "source",
    ("fixed32", "fixed64"): ALL,
    ("fixed32", "float"): ALL,
    ("float", "double"): "wire source",
    ("int64", "double"): ALL,
    ("int32", "string"): ALL,
    ("string", "M"): ALL,
    ("E", "string"): ALL,
}
"""Whom a change of type breaks, either way."""

ONE_WAY: dict[tuple[str, str], str] = {
    ("string", "bytes"): "json source",
    ("bytes", "string"): ALL,
    ("M", "bytes"): "json source",
    ("bytes", "M"): ALL,
}

CASES = [*SERVICES, *FIELDS, *MESSAGES, *ENUMS, *FILES]
