"""The HTTP service that Schemathesis is measured on."""

from __future__ import annotations

import json
import urllib.request

from benchmarks.fuzz_rate import HTTP_SERVER, OPENAPI, _seen, _serving


def test_it_answers_and_counts() -> None:
    with _serving("-c", HTTP_SERVER, json.dumps(OPENAPI)) as address:
        with urllib.request.urlopen(f"http://{address}/openapi.json") as response:
            assert json.load(response) == OPENAPI
        for number in range(2):
            request = urllib.request.Request(f"http://{address}/GetUser", json.dumps({"id": number}).encode())
            with urllib.request.urlopen(request) as response:
                assert json.load(response) == {"id": 1, "name": "Alice"}
        assert len(_seen(address)) == 2
