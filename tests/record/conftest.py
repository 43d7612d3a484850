from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpcmock.servers.transports import has_native

sys.path.insert(0, str(Path(__file__).parent))

NATIVE = pytest.param("native", marks=pytest.mark.skipif(not has_native(), reason="the native transport isn't built"))


@pytest.fixture(scope="module", params=["aio", NATIVE])
def transport(request: pytest.FixtureRequest) -> Iterator[str]:
    """What recordings listen with that don't say so."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "aio":
            patch.setattr("grpcmock.servers.transports.has_native", lambda: False)
        yield request.param


@pytest.fixture(scope="module", params=["a handler of grpc.aio", "aio", NATIVE])
def passing_on(request: pytest.FixtureRequest) -> str:
    """What passes calls on: a proxy by itself, or as the forwarder of an engine on each transport."""
    return str(request.param)
