"""A descriptor set is known by what it holds, whatever it is called, and what it lacks is supplied."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcmock.errors import SchemaError
from grpcmock.schema import sources

FILE = {"name": "wallet/service.proto", "package": "wallet", "message_type": [{"name": "Wallet"}]}


def write_set(path: Path, *files: Any, compressed: bool = False) -> Path:
    data = FileDescriptorSet(file=files).SerializeToString()
    path.write_bytes(gzip.compress(data) if compressed else data)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["api.dsc", "api.bin", "api", "api.binpb.gz", "api.tar", "api.binpb"])
def test_any_name_will_do(tmp_path: Path, name: str, compressed: bool) -> None:
    assert sources.load([write_set(tmp_path / name, FILE, compressed=compressed)]).message_names() == ["wallet.Wallet"]


def test_unknown_fields_beside_the_files_are_passed_over(tmp_path: Path) -> None:
    path = write_set(tmp_path / "api.bin", FILE)
    path.write_bytes(path.read_bytes() + b"\x12\x01x")
    assert sources.load([path]).message_names() == ["wallet.Wallet"]


@pytest.mark.parametrize("name", ["notes.txt", "image.png", "api"])
@pytest.mark.parametrize(
    "data", [b"hello world", b"\x89PNG\r\n", b"\x1f\x8b\x08not gzip", b"\n\x7fshort", b"\n\xff\xff"]
)
def test_what_is_none_is_told(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    told = "this is not a descriptor set. Name a .proto file, a directory of them, or a descriptor set. Make one with"
    with pytest.raises(SchemaError) as raised:
        sources.load([path])
    assert str(raised.value).startswith(f"{path}: {told} protoc --include_imports")


LACKING = {**FILE, "dependency": ["wallet/errors.proto"]}


@pytest.mark.parametrize("place", ["wallet/errors.proto", "protos/wallet/errors.proto", "deep/er/wallet/errors.proto"])
def test_protos_fill_the_gaps_of_a_set(tmp_path: Path, place: str) -> None:
    (tmp_path / "set").mkdir()
    compiled = write_set(tmp_path / "set/api.binpb", LACKING)
    source = tmp_path / "source" / place
    source.parent.mkdir(parents=True)
    source.write_text('syntax = "proto3"; package wallet; message Error {}')
    root = source.parent.parent
    for given, roots in (([compiled], [root]), ([compiled, source], []), ([tmp_path / "source", compiled], [])):
        registry = sources.load(given, imports=roots)
        assert sorted(registry.message_names()) == ["wallet.Error", "wallet.Wallet"]
        assert registry.pool.FindFileByName("wallet/errors.proto").package == "wallet"


def test_a_proto_beside_the_set_fills_its_gap(tmp_path: Path) -> None:
    (tmp_path / "wallet").mkdir()
    (tmp_path / "wallet/errors.proto").write_text('syntax = "proto3"; package wallet; message Error {}')
    compiled = write_set(tmp_path / "api.binpb", LACKING)
    assert set(sources.load([compiled]).message_names()) == {"wallet.Error", "wallet.Wallet"}


def test_a_gap_is_told_with_the_remedy(tmp_path: Path) -> None:
    compiled = write_set(tmp_path / "api.binpb", LACKING)
    with pytest.raises(SchemaError) as raised:
        sources.load([compiled])
    assert str(raised.value) == (
        "wallet/service.proto imports 'wallet/errors.proto', which is in none of the descriptors given. "
        "Make the set with --include_imports, or add -I with the directory that holds the file."
    )
