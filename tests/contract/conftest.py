"""Generated code of the user service, imported once, and servers for it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The modules of a proto of their own name, so that they are in nobody's way."""
    folder = tmp_path_factory.mktemp("generated")
    text = (ROOT / "protos" / "user.proto").read_text().replace("package user;", "package held;")
    (folder / "held.proto").write_text(text)
    arguments = [f"-I{folder}", f"--python_out={folder}", f"--grpc_python_out={folder}", "held.proto"]
    assert protoc.main(["protoc", *arguments]) == 0
    sys.path.insert(0, str(folder))
    try:
        messages: ModuleType = importlib.import_module("held_pb2")
        services: ModuleType = importlib.import_module("held_pb2_grpc")
    finally:
        sys.path.remove(str(folder))
    return SimpleNamespace(pb2=messages, grpc=services)
