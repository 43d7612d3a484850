"""Generated Python code of any sort leads to the descriptors it was generated from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_tools import protoc

from grpcmock.errors import SchemaError
from grpcmock.schema import shipped
from grpcmock.schema.modules import registry_of


class Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """A user's own."""


@pytest.mark.parametrize(
    "generated",
    [
        health_pb2,
        health_pb2_grpc,
        health_pb2_grpc.HealthServicer,
        health_pb2_grpc.HealthStub,
        Servicer,
        Servicer(),
        health_pb2.HealthCheckRequest,
        health_pb2.DESCRIPTOR,
    ],
)
def test_the_services_behind_generated_code_are_found(generated: Any) -> None:
    registry = registry_of(generated)
    assert "/grpc.health.v1.Health/Check" in registry.methods
    assert registry.pool is not health_pb2.DESCRIPTOR.pool


def test_several_may_share_files() -> None:
    assert len(registry_of(health_pb2, Servicer).files.file) == 1


@pytest.fixture
def lonely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of a service that uses no message of its own file, and hence doesn't import it."""
    (tmp_path / "lonely_test.proto").write_text(
        'syntax = "proto3"; package lonely; import "google/protobuf/empty.proto";'
        "service Lonely { rpc Go(google.protobuf.Empty) returns (google.protobuf.Empty); }"
    )
    folder, builtin = str(tmp_path), str(shipped.builtin_root())
    assert not protoc.main(
        [
            "",
            f"-I{folder}",
            f"-I{builtin}",
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            f"{folder}/lonely_test.proto",
        ]
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("lonely_test_pb2_grpc")
    for name in ("lonely_test_pb2", "lonely_test_pb2_grpc"):
        sys.modules.pop(name, None)


def test_a_service_without_messages_of_its_own_is_found(lonely: ModuleType) -> None:
    for generated in (lonely, lonely.LonelyServicer):
        registry = registry_of(generated)
        assert list(registry.methods) == ["/lonely.Lonely/Go"]
        assert sorted(file.name for file in registry.files.file) == ["google/protobuf/empty.proto", "lonely_test.proto"]


@pytest.mark.parametrize("other", [sys, object, 5, "user_pb2", None, Path])
def test_what_is_not_generated_is_refused(other: Any) -> None:
    with pytest.raises(SchemaError, match=r"\*_pb2"):
        registry_of(other)


def test_a_module_without_its_messages_beside_it_is_told(lonely: ModuleType, tmp_path: Path) -> None:
    sys.modules.pop("lonely_test_pb2", None)
    (tmp_path / "lonely_test_pb2.py").unlink()
    (tmp_path / "lonely_test.proto").unlink()  # grpc_tools makes modules of the protos on the path
    importlib.invalidate_caches()
    with pytest.raises(SchemaError, match="needs lonely_test_pb2 beside it"):
        registry_of(lonely)
