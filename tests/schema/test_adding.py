"""Files added to those that are served."""

from __future__ import annotations

import pytest
from support import ROOT, registry

from grpcmock.errors import CompileError, SchemaError
from grpcmock.schema import Registry, adding

USERS = registry("user.proto")
USER_TEXT = (ROOT / "protos" / "user.proto").read_text()


def served() -> Registry:
    return Registry(USERS.files)


def added(base: Registry, **files: str) -> Registry:
    texts = {f"{name.replace('_', '/')}.proto": text for name, text in files.items()}
    return adding.including(base, adding.compiled(texts, base))


HEAD = 'syntax = "proto3"; package user; '


def test_what_is_not_there_yet_is_there_afterwards_and_may_import_what_is_served() -> None:
    base = served()
    made = added(
        base,
        teams_v1="""
            syntax = "proto3";
            import "user.proto";
            service Teams { rpc Lead(user.GetUserRequest) returns (user.UserResponse); }
        """,
    )
    method = made.method("Teams/Lead")
    assert method.request_class is base.method("GetUser").request_class
    assert "Teams" not in base.services


def test_files_import_each_other_and_what_comes_along() -> None:
    made = added(
        served(),
        a_one="""
            syntax = "proto3";
            package a;
            import "google/protobuf/timestamp.proto";
            message M { google.protobuf.Timestamp at = 1; }
        """,
        b='syntax = "proto3"; import "a/one.proto"; service B { rpc Do(a.M) returns (a.M); }',
    )
    assert made.method("B/Do").input.full_name == "a.M"


def test_the_same_again_changes_nothing() -> None:
    base = served()
    assert added(base, user=USER_TEXT) is base
    assert added(base, elsewhere_user=USER_TEXT) is base


def test_a_newer_version_adds_what_it_has_besides() -> None:
    base = served()
    more = (
        USER_TEXT + "message Extra { UserResponse user = 1; } service More { rpc Do(Extra) returns (GetUserRequest); }"
    )
    made = added(base, user=more, z='syntax = "proto3"; import "user.proto"; message Z { user.Extra extra = 1; }')
    assert made.method("More/Do").response_class is base.method("GetUser").request_class
    assert made.message("Z")
    assert added(made, user=more) is made


def test_what_contradicts_is_told_with_what_differs() -> None:
    text = USER_TEXT.replace("int32 id = 1;\n}", "string id = 1;\n}", 1).replace("rpc GetUser(", "rpc FetchUser(")
    with pytest.raises(adding.ContradictionError) as refused:
        added(served(), user=text)
    said = str(refused.value)
    assert "The message user.GetUserRequest is declared otherwise already, in user.proto:" in said
    assert "\n  - int32 id = 1;\n  + string id = 1;" in said
    assert "- rpc GetUser(GetUserRequest)" in said
    assert "+ rpc FetchUser(GetUserRequest)" in said


def test_a_name_of_another_kind_contradicts() -> None:
    with pytest.raises(adding.ContradictionError, match=r"user\.UserResponse is something else already"):
        added(served(), other=HEAD + "enum UserResponse { ZERO = 0; }")


def test_a_clash_of_values_of_enums_is_told() -> None:
    base = added(served(), one=HEAD + "enum One { SAME = 0; }")
    with pytest.raises(SchemaError, match=r"user\.SAME"):
        added(base, two=HEAD + "enum Two { SAME = 0; }")


def test_what_doesnt_compile_is_placed_in_the_text() -> None:
    with pytest.raises(CompileError) as refused:
        added(served(), a_bad='syntax = "proto3";\nmessage M { Nope n = 1; }')
    (problem,) = refused.value.problems
    assert problem.location is not None
    assert (problem.location.file, problem.location.line) == ("a/bad.proto", 2)
    assert "grpcmock-" not in str(refused.value)


@pytest.mark.parametrize("name", ["../up", "/etc/abs", "a//b", "./a"])
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match="is no path by which a proto is imported"):
        adding.compiled({f"{name}.proto": ""}, served())


def test_a_missing_import_is_told() -> None:
    with pytest.raises(CompileError, match=r"lost\.proto"):
        added(served(), a='syntax = "proto3"; import "lost.proto";')


def test_a_set_may_leave_out_what_is_served() -> None:
    text = {"t.proto": 'syntax = "proto3"; import "user.proto"; message T { user.UserResponse user = 1; }'}
    files = adding.compiled(text, served())
    assert [file.name for file in files] == ["t.proto"]
    assert adding.including(served(), files).message("T")
