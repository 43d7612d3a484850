"""Inside of a package, too, imports go one way: each of its rooms imports only from those before it, types included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import grpcmock

ROOT = Path(grpcmock.__file__).parent

ROOMS = {
    "verify": (
        {"hooks", "fingerprints", "results"},
        {"requests", "expectations"},
        {"planning"},
        {"contracts", "running", "reporting", "baseline"},
    ),
    "drafting": (
        {"captured_call", "recorded_stub", "redaction"},
        {"assembly", "exactness", "timing", "naming", "request_metadata", "rehearsal", "repeats"},
        {"stub_writer", "rewriting"},
        {"draft"},
    ),
    "record": (
        {"capture"},
        {"writing"},
        {"summary"},
        {"recorder"},
        {"forwarding"},
        {"session"},
    ),
}
"""By package, from the first: folders and single modules. Those of one set know nothing of each other."""

MODULES = [module for package in ROOMS for module in sorted((ROOT / package).rglob("*.py"))]


def _room(module: Path) -> tuple[str, str]:
    package, room, *_ = (*module.relative_to(ROOT).with_suffix("").parts, "")
    return package, room


def _imported(module: Path, package: str) -> set[str]:
    """The rooms of its package that a module imports from, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name.split(".")[2] for name in names if name.startswith(f"grpcmock.{package}.")}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_room_imports_only_from_those_before_it(module: Path) -> None:
    package, room = _room(module)
    if room == "__init__":
        return
    level = {name: number for number, names in enumerate(ROOMS[package]) for name in names}
    assert room in level, f"{package}/{room} has no place among the rooms of {package}"
    after = {name for name in _imported(module, package) - {room} if level[name] >= level[room]}
    assert not after, f"{module.relative_to(ROOT)} imports from {sorted(after)}"


def test_no_two_modules_in_sight_of_each_other_have_nearly_one_name() -> None:
    for package in ROOMS:
        modules = [module for module in (ROOT / package).rglob("*.py") if module.stem != "__init__"]
        names = [module.stem for module in modules]
        folders = {folder.name for folder in (ROOT / package).iterdir() if folder.is_dir()}
        assert len({name.removesuffix("s") for name in names}) == len(names), sorted(names)
        assert not {name.removesuffix("s") for name in names} & {name.removesuffix("s") for name in folders}
