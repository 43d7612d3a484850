"""What stands beside the package: the site, the chart, the image, the extension of an editor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT

from grpcmock import __version__

CHART = ROOT / "charts" / "grpcmock"


def _pages(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from _pages(list(entry.values()))
    else:
        for one in entry:
            yield from _pages(one)


def test_each_page_has_its_place_in_the_site_and_in_the_index() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    nav = list(_pages(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))
    assert sorted(nav) == sorted(pages)
    index = (ROOT / "docs" / "index.md").read_text()
    assert {page for page in pages if f"]({page})" not in index} == {"index.md"}


def test_each_value_of_the_chart_is_in_its_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def missing(value: Any, schema: Any, path: str) -> Iterator[str]:
        known = schema.get("properties")
        if isinstance(value, dict) and known is not None:
            for key, inner in value.items():
                yield from missing(inner, known[key], f"{path}.{key}") if key in known else [f"{path}.{key}"]

    assert list(missing(values, schema, "")) == []


def test_all_have_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert __version__ == version
    assert tomllib.loads((ROOT / "native/Cargo.toml").read_text())["package"]["version"] == version
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version
    assert json.loads((ROOT / "editors/vscode/package.json").read_text())["version"] == version


@pytest.mark.skipif(shutil.which("helm") is None, reason="helm isn't installed")
@pytest.mark.parametrize("values", sorted(path.name for path in (CHART / "ci").glob("*.yaml")))
def test_the_chart_renders(values: str) -> None:
    words = ["helm", "template", "--kube-version", "1.32", "mock", str(CHART), "--values", str(CHART / "ci" / values)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert all(document["kind"] for document in yaml.safe_load_all(done.stdout) if document)


def test_the_image_copies_what_it_is_made_of() -> None:
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == kept
    assert all((ROOT / name).exists() for name in kept)


def test_workflows_are_yaml_with_jobs() -> None:
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        assert yaml.safe_load(path.read_text())["jobs"], path.name


@pytest.mark.skipif(shutil.which("node") is None, reason="node isn't installed")
def test_the_extension_of_visual_studio_code(tmp_path: Path) -> None:
    words = ["node", "--test", str(ROOT / "editors" / "vscode" / "test" / "extension.test.js")]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
