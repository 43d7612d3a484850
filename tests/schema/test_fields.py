"""A field is found by every name that ProtoJSON has for it, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from support import registry

from grpcmock.schema import codec

EVERYTHING: Any = registry().message("kitchen.Everything").DESCRIPTOR
OLD: Any = registry("legacy.proto").message("legacy.Old").DESCRIPTOR


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("f_int32", "f_int32"),
        ("fInt32", "f_int32"),
        ("another-name", "renamed"),
        ("renamed", "renamed"),
        ("camelCase", "camelCase"),
        ("Leading", "_leading"),
        ("_leading", "_leading"),
        ("class", "class"),
        ("F_INT32", None),
        ("f_int", None),
        ("", None),
        ("[kitchen.nope]", None),
    ],
)
def test_fields_are_found_by_their_names(written: str, name: str | None) -> None:
    found = codec.find_field(EVERYTHING, written)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("[legacy.nickname]", "legacy.nickname"),
        ("[legacy.Scope.scoped]", "legacy.Scope.scoped"),
        ("[legacy.none]", None),
        ("legacy.nickname", None),
    ],
)
def test_extensions_are_found_in_brackets(written: str, name: str | None) -> None:
    found = codec.find_field(OLD, written)
    assert (found.full_name if found else None) == name


def test_an_extension_of_another_type_is_not_found() -> None:
    required = registry("legacy.proto").message("legacy.Required").DESCRIPTOR
    assert codec.find_field(required, "[legacy.nickname]") is None  # type: ignore[arg-type]


def test_names_for_hints_hold_extensions_too() -> None:
    names = codec.field_names(OLD)
    assert names[0] == "count"
    assert {"[legacy.nickname]", "[legacy.Scope.scoped]"} <= set(names)
    assert codec.field_names(EVERYTHING)[0] == "f_double"
