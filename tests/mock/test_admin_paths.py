"""The admin service on the port of the mock: what isn't there."""

from __future__ import annotations

import pytest
from support import ROOT

from grpcmock import MockServer

httpx = pytest.importorskip("httpx")


@pytest.mark.parametrize(("path", "nearest"), [("/v1/stub", "GET /v1/stubs"), ("/v1/cals", "GET /v1/calls")])
def test_an_unknown_path_names_the_nearest_of_the_admin_service(path: str, nearest: str) -> None:
    with MockServer(ROOT / "protos", http="127.0.0.1:0", admin=True) as server:
        answer = httpx.get(f"{server.admin_url}{path}", trust_env=False)
    assert answer.status_code == 404
    assert answer.json()["message"] == f"There is no path {path} here. Did you mean {nearest}?"
