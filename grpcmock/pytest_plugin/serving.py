"""The fixture that serves real servicers in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from grpcmock.pytest_plugin.proxies import past_proxies


class Serve(Protocol):
    """What the fixtures ``grpcmock_serve`` and ``grpcmock_serve_session`` give."""

    def __call__(
        self,
        *servicers: object,
        add: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
        asynchronous: bool | None = None,
        interceptors: Sequence[Any] = (),
        options: Sequence[tuple[str, Any]] = (),
        reflection: bool = False,
    ) -> str:
        """Serve instances of servicers, as :func:`grpcmock.serving` does; give the target."""


def _serving() -> Iterator[Serve]:
    with past_proxies(), ExitStack() as served:

        def serve(*servicers: object, **keywords: Any) -> str:
            from grpcmock.contract.serving import serving

            return served.enter_context(serving(*servicers, **keywords))

        yield serve


@pytest.fixture(name="grpcmock_serve")
def serve_fixture() -> Iterator[Serve]:
    """Serves servicers on free ports until the test ends."""
    yield from _serving()


@pytest.fixture(scope="session", name="grpcmock_serve_session")
def serve_session_fixture() -> Iterator[Serve]:
    """Serves servicers on free ports until all tests have ended, for fixtures of a wider scope."""
    yield from _serving()
