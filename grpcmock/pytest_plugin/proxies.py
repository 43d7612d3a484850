"""Keeps the tested code's channels from going to servers of this machine by way of a proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NO_PROXY = "no_grpc_proxy"


@contextmanager
def past_proxies() -> Iterator[None]:
    """Keep the channels of the tested code from going to the mock through a proxy, whatever ``http_proxy`` says.

    Only gRPC reads this variable, and processes that a test starts inherit it.
    """
    before = os.environ.get(_NO_PROXY)
    also = before if before is not None else os.environ.get("no_proxy", "")
    os.environ[_NO_PROXY] = ",".join(filter(None, (also, "127.0.0.1", "localhost", "::1")))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_NO_PROXY, None)
        else:
            os.environ[_NO_PROXY] = before
