"""What is described reads, and compiles, like the proto that its author wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import support

from grpcmock.errors import SchemaError
from grpcmock.schema import Registry, sources
from grpcmock.schema.source_text import find, source_text, symbols

FILES = ("kitchen_sink.proto", "legacy.proto", "editions2023.proto", "user.proto", "rules.proto")


def test_a_service_is_shown_with_its_comments() -> None:
    registry = support.registry("user.proto")
    assert source_text(registry, find(symbols(registry), "UserService")).startswith(
        "// Users, by all four kinds of RPC.\n"
        "service UserService {\n"
        "  // Gives one user; NOT_FOUND if there is none with this id.\n"
        "  rpc GetUser(GetUserRequest) returns (UserResponse);\n"
    )


def _bare(registry: Registry, name: str) -> bytes:
    """The descriptor of a file, without what belongs to none of its symbols."""
    file = next(file for file in registry.files.file if file.name == name)
    copy = type(file).FromString(file.SerializeToString())
    for field in ("source_code_info", "options"):
        copy.ClearField(field)
    return bytes(copy.SerializeToString(deterministic=True))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("kitchen_sink.proto", 'syntax = "proto3";'),
        ("user.proto", 'syntax = "proto3";'),
        ("rules.proto", 'syntax = "proto3";'),
        ("editions2023.proto", 'edition = "2023";'),
    ],
)
def test_the_text_of_all_symbols_compiles_to_the_same_descriptors(name: str, head: str, tmp_path: Path) -> None:
    registry = support.registry(name)
    file = next(file for file in registry.files.file if file.name == name)
    lines = [head, f"package {file.package};", *(f'import "{imported}";' for imported in file.dependency)]
    for full_name, symbol in symbols(registry).items():
        if symbol.file.name == name and "." not in full_name.removeprefix(f"{file.package}."):
            lines.append(source_text(registry, symbol))
    (tmp_path / name).write_text("\n".join(lines))
    assert _bare(sources.load([tmp_path / name]), name) == _bare(registry, name)


@pytest.mark.parametrize("name", [*FILES, "editions2024.proto"])
def test_every_symbol_can_be_found_and_shown(name: str) -> None:
    registry = support.registry(name)
    known = symbols(registry)
    for full_name, symbol in known.items():
        assert find(known, full_name) is symbol
        text = source_text(registry, symbol)
        assert symbol.proto.name in text
        assert not text.endswith("\n")


@pytest.mark.parametrize(
    ("written", "full_name"),
    [
        ("user.UserService", "user.UserService"),
        ("UserService", "user.UserService"),
        ("user.UserService/GetUser", "user.UserService.GetUser"),
        ("/user.UserService/GetUser", "user.UserService.GetUser"),
        ("GetUser", "user.UserService.GetUser"),
        (".user.UserResponse", "user.UserResponse"),
    ],
)
def test_names_may_be_short(written: str, full_name: str) -> None:
    assert find(symbols(support.registry("user.proto")), written).full_name == full_name


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("user.UserResponze", "Did you mean 'user.UserResponse'?"),
        ("GetUsr", "Did you mean 'GetUser'?"),
        ("?", "The services are"),
    ],
)
def test_the_nearest_name_is_given(written: str, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        find(symbols(support.registry("user.proto")), written)
    assert said in str(caught.value)


def test_custom_options_are_shown() -> None:
    registry = support.registry("rules.proto")
    text = source_text(registry, find(symbols(registry), "Numbers"))
    assert "(buf.validate.field) = {int32 { const: 7 }}" in text
