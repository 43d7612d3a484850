"""A mock server in a container, for tests that run their other services in containers, too.

It needs the extra ``testcontainers``, a Docker daemon, and the image (``docker build -t grpcmock .``). The fixture
``grpcmock_container`` is there after ``pytest_plugins = ["grpcmock.testcontainers"]`` in a ``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import pytest

from grpcmock.errors import MissingExtraError

try:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy
except ModuleNotFoundError as error:  # pragma: no cover
    raise MissingExtraError("grpcmock.testcontainers", "testcontainers") from error

__all__ = ["GrpcmockContainer", "grpcmock_container"]

PORT = 50051
ADMIN_PORT = 8080


class GrpcmockContainer(DockerContainer):
    """A container with a mock server, configured by its ``with_`` methods before it starts.

    >>> with GrpcmockContainer().with_protos("protos").with_stubs("stubs") as mock:  # doctest: +SKIP
    ...     channel = grpc.insecure_channel(mock.target)
    """

    def __init__(self, image: str = "grpcmock", **options: object) -> None:
        """Take *image*, and the *options* of ``DockerContainer``."""
        super().__init__(image, **options)  # type: ignore[arg-type]
        self._protos: list[str] = []
        self._serve: list[str] = []
        self.with_exposed_ports(PORT)
        self.waiting_for(LogMessageWaitStrategy(r"Serving .* on "))

    def with_protos(self, *paths: str | PathLike[str]) -> GrpcmockContainer:
        """Serve the methods of these ``.proto`` files, directories, or descriptor sets. They are copied."""
        self._protos += [self._copied(path, "protos") for path in paths]
        return self

    def with_stubs(self, *paths: str | PathLike[str]) -> GrpcmockContainer:
        """Answer from these stub files and directories. They are copied."""
        for path in paths:
            self._serve += ["--stubs", self._copied(path, "stubs")]
        return self

    def with_options(self, *words: str) -> GrpcmockContainer:
        """Add options of ``grpcmock serve``, such as ``--auto``."""
        self._serve += words
        return self

    def with_admin(self, token: str) -> GrpcmockContainer:
        """Offer the admin service, to those who have this *token*: from outside of a container nobody is local."""
        self.with_env("GRPCMOCK_SERVE_ADMIN_TOKEN", token)
        self.with_exposed_ports(ADMIN_PORT)
        return self.with_options("--admin", f"0.0.0.0:{ADMIN_PORT}")

    def start(self) -> GrpcmockContainer:
        """Start it, and wait until it answers."""
        self.with_command(["serve", *self._protos, "--listen", f"0.0.0.0:{PORT}", *self._serve])
        super().start()
        return self

    @property
    def target(self) -> str:
        """Where it answers, as ``host:port``."""
        return self._address(PORT)

    @property
    def admin_target(self) -> str:
        """Where the admin service is, as ``host:port``."""
        return self._address(ADMIN_PORT)

    def _address(self, port: int) -> str:
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(port)}"

    def _copied(self, path: str | PathLike[str], kind: str) -> str:
        """Have a file or folder copied, and give its path in the container."""
        source = Path(path).resolve(strict=True)
        folder = f"/work/{kind}-{len(self._transferable_specs)}"
        target = f"{folder}/{source.name}"
        # What is copied from a folder lands below its name; a file is the target itself.
        self.with_copy_into_container(source, folder if source.is_dir() else target)
        return target


@pytest.fixture(scope="session")
def grpcmock_container(pytestconfig: pytest.Config) -> Iterator[GrpcmockContainer]:
    """A mock server in a container, for the session: with ``protos/`` and ``stubs/`` of the project."""
    container = GrpcmockContainer()
    for name, add in (("protos", container.with_protos), ("stubs", container.with_stubs)):
        if (pytestconfig.rootpath / name).exists():
            add(pytestconfig.rootpath / name)
    with container:
        yield container
