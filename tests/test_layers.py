# mypy: disable-error-code="attr-defined"
"""The layers of ARCHITECTURE.md hold: a package imports only from those above it in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

import grpcmock
from grpcmock.mock import operators

ROOT = Path(grpcmock.__file__).parent

Layers = Sequence[set[str]]
"""From the top: what stands in one set may import from those above it, and within itself."""

LAYERS: Layers = (
    {"_version", "collector", "errors", "importing", "secret_keys", "status", "tree"},
    {"regex"},
    {"schema"},
    {"stubs"},
    {"synthesis"},
    {"matching"},
    {"responses"},
    {"engine"},
    {"lint"},
    {"importers"},
    {"drafting"},
    {"protocols"},
    {"openapi"},
    {"telemetry"},
    {"concurrency"},
    {"servers"},
    {"client"},
    {"config"},
    {"reports"},
    {"drift"},
    {"fuzz"},
    {"verify"},
    {"record"},
    {"mock"},
    {"contract"},
    {"testing"},
    {"pytest_plugin"},
    {"language_server"},
    {"assistants"},
    {"testcontainers"},
    {"cli"},
)

INNER_LAYERS: Mapping[str, Layers] = {
    "engine": (
        {"added_protos", "clock", "dropped", "expectation", "front", "whole_plan"},
        {"compiled_stub"},
        {"call_record", "compile"},
        {"given_answers", "steps"},
        {"error_replies", "method_table", "tally", "validation"},
        {"journal", "store"},
        {"session"},
        {"sessions"},
        {"environment", "faults", "incoming"},
        {"at_once", "plan_execution"},
        {"exchange", "fault_execution"},
        {"engine"},
    ),
    "fuzz": (
        {"model"},
        {"expectations"},
        {"generation"},
        {"wire"},
        {"resources"},
        {"checks"},
        {"learning"},
        {"execution"},
        {"phases"},
        {"shrinking"},
        {"coverage"},
        {"run"},
        {"replay"},
        {"reproducers"},
        {"reporting"},
    ),
    "protocols": (
        {"http", "interface"},
        {"compression", "cors", "pages", "status_json"},
        {"framing", "message_codec"},
        {"heads"},
        {"grpc"},
        {"connect", "grpc_web", "transcoding"},
        {"face"},
    ),
    "servers": (
        {"addresses", "credentials", "interceptors", "invocation", "services", "watch"},
        {"interpreter"},
        {"http_call"},
        {"aio", "asgi", "health", "native", "reflection", "reload"},
        {"transports"},
        {"listeners"},
        {"admin", "metrics"},
        {"host"},
    ),
}
"""The layers within packages that have some: of modules and folders."""

SANS_IO = ("schema", "stubs", "synthesis", "matching", "responses", "engine", "lint", "protocols", "openapi")

MODULES = sorted(ROOT.rglob("*.py"))


def _parts(module: Path) -> tuple[str, ...]:
    """The dotted name of a module, below grpcmock."""
    parts = module.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


@cache
def _exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def _home(name: str) -> str:
    """The module that stands behind a name of the whole package: a public name, or a part of it."""
    if name in operators.__all__:
        return operators.__name__
    return grpcmock._MODULES.get(name, f"grpcmock.{name}")


def imported(source: str) -> Iterator[str]:
    """Yield the modules of grpcmock that a source imports, anywhere in it; a public name stands for its module."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = [name.name for name in names]
            case ast.ImportFrom(module="grpcmock", level=0, names=names):
                found = [_home(name.name) for name in names]
            case ast.ImportFrom(module=str(module), level=0, names=names):
                found = [inner if _exists(inner := f"{module}.{name.name}") else module for name in names]
            case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[argument, *_]):
                # Of a string that is put together, the part that stands there: "grpcmock.fuzz.phases.".
                first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
                named = isinstance(first, ast.Constant) and isinstance(first.value, str)
                found = [first.value.rstrip(".")] if named else []  # type: ignore[union-attr, list-item, attr-defined]
            case _:
                found = []
        for name in found:
            assert name != "grpcmock", "a module that imports the whole package stands in no layer: import a part of it"
            if name.startswith("grpcmock."):
                yield name


def from_below(name: str, names: Iterator[str], layers: Layers) -> set[str]:
    """Choose those of *names* that stand below *name*."""
    level = {part: number for number, parts in enumerate(layers) for part in parts}
    assert name in level, f"{name} has no place in the table of layers"
    found = set(names)
    assert found <= level.keys(), f"{sorted(found - level.keys())} have no place in the table of layers"
    return {other for other in found if level[other] > level[name]}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_module_imports_only_from_the_layers_above_it(module: Path) -> None:
    parts = _parts(module)
    if parts in ((), ("__main__",)):
        return
    names = (name.split(".")[1] for name in imported(module.read_text()))
    below = from_below(parts[0], names, LAYERS)
    assert not below, f"{module.relative_to(ROOT)} imports from layers below it: {sorted(below)}"


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if len(_parts(module)) > 1 and _parts(module)[0] in INNER_LAYERS],
    ids=lambda module: str(module.relative_to(ROOT)),
)
def test_within_a_package_too(module: Path) -> None:
    package, part, *_ = _parts(module)
    split = (name.split(".") for name in imported(module.read_text()))
    names = (name[2] for name in split if name[1] == package and len(name) > 2)
    below = from_below(part, names, INNER_LAYERS[package])
    assert not below, f"{module.relative_to(ROOT)} imports from layers below it: {sorted(below)}"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import grpcmock.fuzz.run", ["grpcmock.fuzz.run"]),
        ("from grpcmock import MockServer", ["grpcmock.mock.server"]),
        ("from grpcmock import gt, Code", ["grpcmock.mock.operators", "grpcmock.status"]),
        ("from grpcmock import config", ["grpcmock.config"]),
        ("from grpcmock.schema import codec", ["grpcmock.schema.codec"]),
        ("from grpcmock.fuzz.run import session", ["grpcmock.fuzz.run.session"]),
        ("from grpcmock.schema import Method", ["grpcmock.schema"]),
        ("def f():\n    from grpcmock.cli.app import main", ["grpcmock.cli.app"]),
        ("import_module('grpcmock.cli.app')", ["grpcmock.cli.app"]),
        ("importlib.import_module(f'grpcmock.cli.{name}').command", ["grpcmock.cli"]),
        ("import_module(name)\nimport grpc", []),
    ],
)
def test_every_way_to_import_is_seen(source: str, names: list[str]) -> None:
    assert list(imported(source)) == names


def test_what_stands_below_is_found() -> None:
    assert from_below("schema", iter(["errors", "schema", "mock", "cli"]), LAYERS) == {"mock", "cli"}


@pytest.mark.parametrize("unknown", ["MockSever", "elsewhere"])
def test_what_has_no_place_is_no_hole(unknown: str) -> None:
    names = (name.split(".")[1] for name in imported(f"from grpcmock import {unknown}"))
    with pytest.raises(AssertionError, match="have no place in the table of layers"):
        from_below("schema", names, LAYERS)


def test_the_table_of_the_architecture_is_the_same() -> None:
    text = (ROOT.parent / "ARCHITECTURE.md").read_text()
    table = text[text.index("| package |") : text.index("\n\n", text.index("| package |"))]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert [set(re.findall(r"`(\w+)/?`", row)) for row in rows] == list(LAYERS)


@pytest.mark.parametrize("module", [module for module in MODULES if module.relative_to(ROOT).parts[0] in SANS_IO])
def test_the_engine_and_all_above_it_do_no_io_of_a_server(module: Path) -> None:
    """The engine is sans-IO: no socket, no loop. Reading the descriptors of a running server is the one exception."""
    if _parts(module)[:1] == ("schema",) and module.stem.startswith("reflection"):
        return
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    if _parts(module) == ("schema", "compiler"):
        names.discard("threading")  # a lock around protoc, which writes to the standard error of the process
    assert not names & {"asyncio", "socket", "grpc", "threading"}


def hands_names_on(node: ast.stmt) -> bool:
    """Whether a statement only hands names on: at once, or, told to type checkers apart, when they are asked for."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assign() | ast.Expr(value=ast.Constant()):
            return True
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.If(
            test=ast.Name(id="TYPE_CHECKING") | ast.UnaryOp(op=ast.Not(), operand=ast.Name(id="TYPE_CHECKING")),
            orelse=[],
        ):
            return all(map(hands_names_on, node.body))
        case _:
            return False


@pytest.mark.parametrize("package", [module for module in MODULES if module.name == "__init__.py"], ids=str)
def test_packages_only_hand_names_on(package: Path) -> None:
    if package.parent.name == "cli":
        return
    logic = [ast.unparse(node) for node in ast.parse(package.read_text()).body if not hands_names_on(node)]
    assert not logic


@pytest.mark.parametrize(
    "source",
    [
        "def __call__(): ...",
        "class Names: ...",
        "load()",
        "if DEBUG:\n    import a",
        "if TYPE_CHECKING:\n    load()",
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b",
    ],
)
def test_logic_is_told_from_names_handed_on(source: str) -> None:
    (node,) = ast.parse(source).body
    assert not hands_names_on(node)
