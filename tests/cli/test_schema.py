from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_prints_a_schema_that_knows_the_methods(grpcmock: Callable[..., Any]) -> None:
    code, out, err = grpcmock("schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "user.UserService/GetUser" in out


def test_writes_a_file_and_says_how_editors_use_it(grpcmock: Callable[..., Any], project: Path) -> None:
    code, out, err = grpcmock("schema", "protos", "-o", "build/stubs.schema.json")
    assert (code, out) == (0, "")
    assert json.loads((project / "build" / "stubs.schema.json").read_text()) == json.loads(grpcmock("schema").out)
    assert "# yaml-language-server: $schema=" in err
    assert '"./build/stubs.schema.json"' in err
