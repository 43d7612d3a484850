"""The admin service by clients of its OpenAPI document: httpx, and one that a public generator writes."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from admin_mock import BOB, PATIENCE, Mock

httpx = pytest.importorskip("httpx")

ARGUMENTS = {"name": "alice", "id": "1"}
WATCH = "/v1/calls:watch"
NOT_YET = frozenset((501,))
"""What methods answer that nothing carries out."""


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb, operation


def test_httpx_calls_every_path_and_gets_what_the_document_says(mocked: Callable[..., Mock]) -> None:
    validator = pytest.importorskip("openapi_schema_validator").OAS31Validator
    mock = mocked()
    mock.call(1)
    with httpx.Client(base_url=f"http://{mock.address}", timeout=PATIENCE, trust_env=False) as client:
        document = client.get("/openapi.json").json()
        called = []
        for path, verb, operation in operations(document):
            if path == WATCH:
                continue
            url = path.format(**ARGUMENTS)
            body = {"json": {}} if "requestBody" in operation else {}
            answer = client.request(verb, url, **body)
            assert answer.status_code not in (404, 405, 415, 500) or "no path" not in answer.text, (verb, url)
            assert answer.status_code < 500 or answer.status_code in NOT_YET, (verb, url, answer.text)
            kind = "200" if answer.status_code == 200 else "default"
            schema = operation["responses"][kind]["content"]["application/json"]["schema"]
            validator({**schema, "components": document["components"]}).validate(answer.json())
            called.append((path, verb))
        assert len(called) == sum(1 for _ in operations(document)) - 1
        with client.stream("GET", WATCH) as watch:
            assert watch.headers["content-type"] in document["paths"][WATCH]["get"]["responses"]["200"]["content"]
        answer = client.post("/v1/stubs", content=BOB, headers={"content-type": "application/yaml"})
        assert answer.json() == {"names": ["bob"]}


def test_a_generated_client_calls_every_path(
    mocked: Callable[..., Mock], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openapi_python_client")
    mock = mocked()
    document = mock.ask("GET", "/openapi.json").json
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    package = tmp_path / "grpcmock_admin_client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", str(tmp_path / "openapi.json"), "--output-path", str(package)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    monkeypatch.syspath_prepend(str(tmp_path))
    client_class = importlib.import_module("grpcmock_admin_client.client").Client
    api = importlib.import_module("grpcmock_admin_client.api.grpcmock_admin_v_1_admin_service")
    modules = [importlib.import_module(f"{api.__name__}.{found.name}") for found in pkgutil.iter_modules(api.__path__)]
    assert len(modules) == sum(1 for _ in operations(document))
    client = client_class(base_url=f"http://{mock.address}", timeout=httpx.Timeout(PATIENCE))
    with client:
        for module in modules:
            if module.__name__.endswith("_watch_calls"):
                continue
            response = module.sync_detailed(client=client, **_arguments(module.sync_detailed))
            assert response.status_code < 500 or response.status_code in NOT_YET, module.__name__
            assert response.parsed is not None
        mock.call(1)
        watch = next(module for module in modules if module.__name__.endswith("_watch_calls"))
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(watch.sync_detailed(client=client, replay=True)))
        thread.start()
        while not mock.host.engine.journal._listeners:
            mock.ask("GET", "/v1/status")
        mock.drain()
        thread.join(PATIENCE)
        assert b"id: 1\n" in found[0].content


def _arguments(function: Any) -> dict[str, Any]:
    """Make what a generated function needs: names and ids from the path, an empty body."""
    hints = typing.get_type_hints(function)
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "client" or (parameter.default is not inspect.Parameter.empty and name != "body"):
            continue
        found[name] = ARGUMENTS.get(name)
        if name == "body":
            kind = next(one for one in typing.get_args(hints[name]) or (hints[name],) if hasattr(one, "to_dict"))
            found[name] = kind()
    return found
