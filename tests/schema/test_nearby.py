"""Types in an ``Any`` that aren't loaded: the file that declares them is named, in stubs as in patterns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grpcmock.engine.engine import Engine
from grpcmock.errors import Problems, StubError
from grpcmock.schema import sources
from grpcmock.schema.any_types import AMONG_PROTOS
from grpcmock.stubs import loader

SERVICE = """
syntax = "proto3"; package svc; import "google/protobuf/any.proto";
message Box { google.protobuf.Any content = 1; } service Boxes { rpc Get(Box) returns (Box); }
"""
HEAD = 'syntax = "proto3";\n// Of clusters.\npackage'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "svc/svc.proto": SERVICE,
        "envoy/cluster/v3/other.proto": f"{HEAD} envoy.cluster.v3;\nmessage ClusterSet {{}}",
        "envoy/cluster/v3/cluster.proto": f"{HEAD} envoy.cluster.v3;\nmessage Cluster {{ message Lb {{}} }}",
        "elsewhere/odd_name.proto": f"{HEAD} odd.place;\nmessage Thing {{}}",
        "elsewhere/alike.proto": f"{HEAD} odd.place2;\nmessage Thing {{}}",
    }
    for name, text in files.items():
        (tmp_path / "api" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "api" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("key", ["request", "response"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("envoy.cluster.v3.Cluster", "api/envoy/cluster/v3/cluster.proto"),
        ("envoy.cluster.v3.Cluster.Lb", "api/envoy/cluster/v3/cluster.proto"),
        ("odd.place.Thing", "api/elsewhere/odd_name.proto"),
        ("envoy.cluster.v3.Cluser", None),
    ],
)
@pytest.mark.parametrize("imports", [[], ["api"]], ids=["found", "named"])
def test_the_file_is_named_below_the_roots(
    tree: Path, key: str, name: str, file: str | None, imports: list[str]
) -> None:
    registry = sources.load(["api/svc/svc.proto"], imports=imports)
    text = f"- {{method: svc.Boxes/Get, {key}: {{content: {{'@type': type.googleapis.com/{name}, a: 1}}}}}}"
    stubs = loader.load_text(text, "s.yaml", Problems())
    with pytest.raises(StubError) as caught:
        Engine(registry, stubs)
    assert f"There is no message type {name!r}." in str(caught.value)
    assert "Did you mean" not in str(caught.value)
    (problem,) = caught.value.problems
    if file is None:
        assert problem.hint == AMONG_PROTOS
        return
    assert problem.hint.endswith(f"{file} declares it; name that file, too.")
    (named,) = re.findall(r"\S+\.proto", problem.hint)
    assert registry.nearby is not None
    assert sources.load(["api/svc/svc.proto", named], imports=imports).message(name)
