"""What is left out of a tree: patterns fit names, folders and paths, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from grpcmock.errors import CompileError, SchemaError
from grpcmock.schema import sources
from grpcmock.schema.excluding import Excluded
from grpcmock.schema.sources import Imports

TREE = Path("/work/tree")
"""A directory that was named."""


@pytest.mark.parametrize(
    ("pattern", "path", "held"),
    [
        ("vendor", "vendor/a.proto", True),
        ("vendor", "deep/vendor/er/a.proto", True),
        ("vendor/", "deep/vendor/er/a.proto", True),
        ("vendor", "vendored/a.proto", False),
        ("vend*", "vendored/a.proto", True),
        ("a.proto", "deep/a.proto", True),
        ("*_internal.proto", "deep/a_internal.proto", True),
        ("lib/api", "lib/api/a.proto", True),
        ("lib/api/**", "lib/api/a.proto", True),
        ("lib/*/proto", "lib/a/b/proto/a.proto", True),
        ("./lib/api", "lib/api/a.proto", True),
        ("lib/api", "other/lib/api/a.proto", False),
        ("lib/api", "lib/apis/a.proto", False),
        ("/work/tree/lib", "lib/api/a.proto", True),
        ("tree", "lib/a.proto", False),  # what is above the directory isn't looked at
    ],
)
def test_patterns(pattern: str, path: str, held: bool) -> None:
    assert Excluded([pattern], [TREE]).holds(TREE / path) is held


def test_a_path_may_be_seen_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Excluded(["tree/lib"], [tmp_path / "tree"]).holds(tmp_path / "tree/lib/a.proto")
    assert not Excluded(["tree/lib"], [tmp_path / "tree"]).holds(tmp_path / "tree/a.proto")


def test_what_is_excluded_is_neither_loaded_nor_imported(tmp_path: Path) -> None:
    for folder in ("app", "old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.proto").write_text(f'syntax = "proto3"; package {folder}; message A {{}}')
    (tmp_path / "b.proto").write_text('syntax = "proto3"; import "old/a.proto"; message B { old.A a = 1; }')
    assert sources.load([tmp_path]).message_names() == ["old.A", "B", "app.A"]
    with pytest.raises(CompileError, match=r'b\.proto:1:20: "old/a.proto" is not found'):
        sources.load([tmp_path], imports=Imports(exclude=["old"]))
    without = Imports(exclude=["old", "b.proto"])
    assert sources.load([tmp_path], imports=without).message_names() == ["app.A"]
    assert set(sources.places([tmp_path], imports=without)) == {"app/a.proto"}
    with pytest.raises(SchemaError, match=r"holds no .proto file that isn't excluded"):
        sources.load([tmp_path], imports=Imports(exclude=["*.proto"]))
