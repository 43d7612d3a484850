"""The container of a mock: what it is started with; where a daemon is, that it answers."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from support import ROOT, registry

pytest.importorskip("testcontainers", reason="the extra testcontainers isn't installed")

from testcontainers.core import container as core
from testcontainers.core.transferable import build_transfer_tar

from grpcmock.testcontainers import GrpcmockContainer


class _Docker:
    """What a container asks of Docker's client, noted."""

    def __init__(self, **_: Any) -> None:
        self.created: dict[str, Any] = {}

    def create(self, image: str, **options: Any) -> Any:
        self.created = {"image": image, **options}
        return type("Made", (), {"short_id": "1", "put_archive": lambda *_, **__: True})()

    def start(self, _: Any) -> None: ...


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> GrpcmockContainer:
    monkeypatch.setattr(core, "DockerClient", _Docker)
    monkeypatch.setattr(core.c, "ryuk_disabled", True)
    made = GrpcmockContainer()
    made._wait_strategy = None
    return made


def test_it_serves_what_was_copied(container: GrpcmockContainer, tmp_path: Path) -> None:
    one = tmp_path / "one.yaml"
    one.write_text("[]\n")
    container.with_protos(ROOT / "protos").with_stubs(ROOT / "stubs", one).with_admin("secret").with_options("--auto")
    container.start()
    created = container.get_docker_client().created  # type: ignore[attr-defined]
    command = created["command"]
    assert created["image"] == "grpcmock"
    assert command[:3] == ["serve", "/work/protos-0/protos", "--listen"]
    assert command[3:] == [
        *("0.0.0.0:50051", "--stubs", "/work/stubs-1/stubs", "--stubs", "/work/stubs-2/one.yaml"),
        *("--admin", "0.0.0.0:8080", "--auto"),
    ]
    assert created["environment"] == {"GRPCMOCK_SERVE_ADMIN_TOKEN": "secret"}
    assert set(created["ports"]) == {"50051", "8080"}
    copied: set[str] = set()
    for spec in container._transferable_specs:
        with tarfile.open(fileobj=BytesIO(build_transfer_tar(*spec))) as archive:
            copied |= {f"/{name.lstrip('/')}" for name in archive.getnames()}
    assert {"/work/protos-0/protos/user.proto", "/work/stubs-1/stubs/01-unary.yaml", "/work/stubs-2/one.yaml"} <= copied


def test_what_isnt_there_is_told_before_anything_starts(container: GrpcmockContainer) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        container.with_stubs("nowhere")


def _has_image() -> bool:
    docker = shutil.which("docker")
    inspect = [docker or "", "image", "inspect", "grpcmock"]
    return docker is not None and subprocess.run(inspect, capture_output=True, check=False, timeout=30).returncode == 0


@pytest.mark.skipif(not _has_image(), reason="there is no Docker daemon with the image grpcmock")
def test_it_answers() -> None:
    method = registry("user.proto").method("GetUser")
    request: Any = method.request_class(id=1)
    with (
        GrpcmockContainer().with_protos(ROOT / "protos").with_stubs(ROOT / "stubs") as mock,
        grpc.insecure_channel(mock.target) as channel,
    ):
        answer = channel.unary_unary(method.path)(request.SerializeToString(), timeout=20)
    assert "Alice" in str(method.response_class.FromString(answer))
