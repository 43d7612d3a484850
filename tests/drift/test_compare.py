"""Each sort of difference is found, and told with whom it breaks; and nothing else is."""

from __future__ import annotations

import pytest
from drift_cases import CASES, ONE_WAY, TYPES, Case
from drift_versions import compiled, differences, told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change(case: Case) -> None:
    before, after = case.syntax
    found = differences(compiled(case.old, before), compiled(case.new, after))
    assert told(found) == set(case.told)
    for one in found:
        assert one.message.endswith(".")
        assert one.why.endswith(".")
        assert one.hint.endswith(".") or one.hint == ""
        assert one.hint or not one.breaks or one.rule.endswith("-removed")


BOTH_WAYS = TYPES | {(new, old): breaks for (old, new), breaks in TYPES.items()} | ONE_WAY


@pytest.mark.parametrize(("types", "breaks"), BOTH_WAYS.items(), ids=str)
def test_a_change_of_type(types: tuple[str, str], breaks: str) -> None:
    old, new = (compiled(f"message M {{ {type_} a = 1; }} enum E {{ Z = 0; }}") for type_ in types)
    assert told(differences(old, new)) == {("type-changed", "M.a", breaks)}


def test_what_moves_to_another_file() -> None:
    body = 'syntax = "proto3"; package p; message M { int32 a = 1; }'
    old, new = compiled(body, "", "a.proto"), compiled(body, "", "b.proto")
    [one] = differences(old, new)
    assert (one.rule, one.element, len(one.breaks)) == ("file-moved", "a.proto", 1)
    assert "p.M" in one.message
    assert "b.proto" in one.message


def test_a_server_may_name_its_files_and_set_their_options_as_it_likes() -> None:
    body = 'syntax = "proto3"; package p; {} service S {{ rpc Get(M) returns (M); }} message M {{ int32 a = 1; }}'
    old = compiled(body.format('option java_package = "a";'), "", "a.proto")
    for name in ("a.proto", "b.proto"):
        new = compiled(body.format('option java_package = "b";'), "", name)
        assert differences(old, new)
        assert not [one for one in differences(old, new, live=True) if one.breaks]


def test_of_a_server_only_what_the_methods_need_is_compared() -> None:
    served = "service S { rpc Get(M) returns (M); } message M { N n = 1; } message N { int32 a = 1; } "
    old = compiled(served + "message Unused { int32 a = 1; } enum Idle { Z = 0; }")
    assert differences(old, compiled(served), live=True) == []
    new = compiled(served.replace("int32 a", "int64 a") + "message Unused { string a = 1; }")
    assert told(differences(old, new, live=True)) == {("type-changed", "N.a", "json source")}


def test_types_that_come_along_are_not_compared() -> None:
    body = 'import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp at = 1; }'
    old, new = compiled(body), compiled(body + " ")
    new.files.file[0].message_type[0].field[0].json_name = "other"
    assert differences(old, new) == []
