"""The layers of ARCHITECTURE.md hold: a package imports only from those above it in the table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import grpcmock

ROOT = Path(grpcmock.__file__).parent

LAYERS = (
    {"errors", "importing", "status", "tree"},
    {"schema"},
    {"stubs"},
    {"matching"},
    {"replies"},
    {"engine"},
    {"servers"},
    {"client"},
    {"config"},
    {"reports"},
    {"fuzz"},
    {"verify"},
    {"record"},
    {"drift"},
    {"mock"},
    {"contract"},
    {"pytest_plugin"},
    {"cli"},
)
"""From the top: what stands in one set may import from those above it, and within itself."""

LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
MODULES = sorted(ROOT.rglob("*.py"))


def _package(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def _imported(module: Path) -> set[str]:
    """The packages of grpcmock that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(name), level=0, names=names):
                found |= {f"{name}.{alias.name}" for alias in names} if name == "grpcmock" else {name}
    return {name.split(".")[1] for name in found if name.startswith("grpcmock.")}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_module_imports_only_from_the_layers_above_it(module: Path) -> None:
    package = _package(module)
    if package in ("__init__", "__main__"):
        return
    assert package in LEVEL, f"{package} has no place in the table of layers"
    below = {name for name in _imported(module) if LEVEL.get(name, 0) > LEVEL[package]}
    assert not below, f"{module.relative_to(ROOT)} imports from layers below it: {sorted(below)}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.parts[-2] in {"schema", "stubs", "matching", "replies", "engine"}]
)
def test_the_engine_and_all_above_it_do_no_io_of_a_server(module: Path) -> None:
    """The engine is sans-IO: no socket, no loop. Reading the descriptors of a running server is the one exception."""
    if module.name == "reflection.py":
        return
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    if module.name == "compiler.py" and module.parent.name == "schema":
        names.discard("threading")  # a lock around protoc, which writes to the standard error of the process
    assert not names & {"asyncio", "socket", "grpc", "threading"}


def test_packages_only_hand_names_on() -> None:
    for module in ROOT.rglob("__init__.py"):
        if module.parent == ROOT or module.parent.name == "cli":
            continue
        for node in ast.parse(module.read_text()).body:
            assert isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)), f"{module} holds logic"
