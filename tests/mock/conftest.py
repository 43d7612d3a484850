from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from grpc_tools import protoc

from grpcmock import MockServer

PROTOS = Path(__file__).parents[2] / "protos"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What unmodified grpcio-tools make of ``user.proto``: ``pb2`` and ``pb2_grpc``.

    The package and the names are those of the proto, but for a file name of its own.
    """
    folder = tmp_path_factory.mktemp("generated")
    (folder / "mock_user.proto").write_text(
        (PROTOS / "user.proto").read_text().replace("package user;", "package mockuser;")
    )
    arguments = ["", f"-I{folder}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert not protoc.main([*arguments, str(folder / "mock_user.proto")])
    sys.path.insert(0, str(folder))
    modules: dict[str, ModuleType] = {
        "pb2": importlib.import_module("mock_user_pb2"),
        "pb2_grpc": importlib.import_module("mock_user_pb2_grpc"),
    }
    yield SimpleNamespace(**modules, proto=folder / "mock_user.proto")
    sys.path.remove(str(folder))


@pytest.fixture
def mock(generated: Any) -> Iterator[MockServer]:
    """A mock that knows no protos before a test names a servicer's method."""
    with MockServer() as server:
        yield server


@pytest.fixture
def servicer(generated: Any) -> Any:
    return generated.pb2_grpc.UserServiceServicer


@pytest.fixture
def client(mock: MockServer, generated: Any) -> Any:
    return mock.client(generated.pb2_grpc.UserServiceStub)
