from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from admin_mock import PATIENCE, STUBS, Mock

from grpcmock.concurrency.loop_thread import LoopThread
from grpcmock.servers.admin.options import AdminOptions


@pytest.fixture
def mocked(tmp_path: Path) -> Iterator[Callable[..., Mock]]:
    """Serve a mock with the admin service, as the options say; by default that has a listener of its own."""
    (tmp_path / "a.yaml").write_text(STUBS)
    loop = LoopThread()
    mocks: list[Mock] = []

    def start(admin: AdminOptions | None = None, **options: Any) -> Mock:
        mocks.append(Mock(loop, tmp_path / "a.yaml", admin or AdminOptions(apart=True), **options))
        return mocks[-1]

    yield start
    for mock in mocks:
        mock.close()
        loop.run(mock.host.stop(), PATIENCE)
    loop.close()
