from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from grpcmock.schema import admin


def test_prints_a_document(grpcmock: Callable[..., Any], project: Path) -> None:
    code, out, err = grpcmock("openapi", "--title", "Users", "--api-version", "2", "--server", "http://localhost:8080")
    assert (code, err) == (0, "")
    tree = json.loads(out)
    assert tree["info"] == {"title": "Users", "version": "2"}
    assert tree["servers"] == [{"url": "http://localhost:8080"}]
    assert "/user.UserService/GetUser" in tree["paths"]


@pytest.mark.parametrize(("file", "args"), [("api.yaml", []), ("a/api.yml", []), ("api.txt", ["--format", "yaml"])])
def test_writes_yaml(grpcmock: Callable[..., Any], project: Path, file: str, args: list[str]) -> None:
    assert grpcmock("openapi", "--output", file, *args) == (0, "", "")
    text = (project / file).read_text()
    assert text.startswith("openapi: 3.1.0\n")
    assert "&id" not in text
    assert yaml.safe_load(text) == json.loads(grpcmock("openapi").out)


def test_warns_of_what_is_left_out(grpcmock: Callable[..., Any], project: Path) -> None:
    (project / "protos" / "link.proto").write_text(
        'syntax = "proto3"; package link; import "google/api/annotations.proto"; message M {}'
        ' service S { rpc A(M) returns (M) { option (google.api.http) = {custom: {kind: "LINK" path: "/a"}}; } }'
    )
    code, _, err = grpcmock("openapi")
    assert code == 0
    assert "link.S/A: OpenAPI has no HTTP method 'LINK'" in err


def test_prints_the_admin_proto(grpcmock: Callable[..., Any], project: Path) -> None:
    code, out, _ = grpcmock("admin-proto")
    assert (code, out) == (0, (admin.ROOT / admin.FILE).read_text())
    assert 'option go_package = "' in out
    assert grpcmock("admin-proto", "-o", "a/admin.proto") == (0, "", "")
    assert (project / "a" / "admin.proto").read_text() == out
    assert grpcmock("admin-proto", "--path").out == f"{admin.ROOT}\n"
    assert grpcmock("admin-proto", "--path", "-o", "x").code == 2
