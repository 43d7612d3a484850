"""What stands beside the package: the site, the chart, the image, the extension of an editor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
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


def versions(root: Path) -> set[str]:
    locked = tomllib.loads((root / "native/Cargo.lock").read_text())["package"]
    chart = yaml.safe_load((root / "charts/grpcmock/Chart.yaml").read_text())
    return {
        tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"],
        (root / "grpcmock/_version.py").read_text().rpartition(" = ")[2].strip().strip('"'),
        tomllib.loads((root / "native/Cargo.toml").read_text())["package"]["version"],
        *(package["version"] for package in locked if package["name"] == "grpcmock-native"),
        chart["version"],
        chart["appVersion"],
        json.loads((root / "editors/vscode/package.json").read_text())["version"],
    }


def test_all_have_the_version_of_the_package() -> None:
    assert versions(ROOT) == {__version__}


def test_a_new_version_is_written_everywhere(tmp_path: Path) -> None:
    files = ("pyproject.toml", "grpcmock/_version.py", "native/Cargo.toml", "native/Cargo.lock",
             "charts/grpcmock/Chart.yaml", "editors/vscode/package.json", "scripts/version")  # fmt: skip
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)

    def version(*words: str) -> subprocess.CompletedProcess[str]:
        done = [sys.executable, str(tmp_path / "scripts" / "version"), *words]
        return subprocess.run(done, capture_output=True, text=True, check=False)

    assert version().stdout == f"{__version__}\n"
    assert version("--is", f"v{__version__}").returncode == 0
    assert version("12.34.56").returncode == 0
    assert versions(tmp_path) == {"12.34.56"}
    assert version("--is", "native-v12.34.56").returncode == 0
    wrong = version("--is", "v12.34.57")
    assert wrong.returncode == 1
    assert "native/Cargo.toml has 12.34.56, the tag is v12.34.57." in wrong.stderr
    assert version("soon").returncode == 2


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
