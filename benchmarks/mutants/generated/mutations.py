"""Where operators can change a source, and the source with one such change.

A mutation has a name such as ``comparison:UpdateBook:3``: the operator, the function, and which of its places there.
"""

from __future__ import annotations

import ast
import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.mutants.generated.operators import OPERATORS, Surroundings
from grpcmock.errors import did_you_mean

Function = ast.FunctionDef | ast.AsyncFunctionDef

_NO_VALUES = ("self", "pb", "grpc", "context", "dt")
"""Names of modules, and of what is no message."""

_MODULE = "module"
"""Where constants stand that belong to no function."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a source."""

    operator: str
    function: str
    number: int
    line: int
    parent: ast.AST
    field: str
    index: int | None
    """Where in the list of the field, if that is one."""

    replacement: object
    """A node, a list of statements, or None for a statement that is left out."""

    @property
    def name(self) -> str:
        return f"{self.operator}:{self.function}:{self.number}"

    @property
    def before(self) -> Any:
        value = getattr(self.parent, self.field)
        return value if self.index is None else value[self.index]

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """Change the tree within the block; it can be compiled there."""
        before = self.before
        put = ast.Pass() if self.replacement is None else self.replacement
        if isinstance(put, ast.AST):
            put = ast.fix_missing_locations(
                ast.copy_location(put, before if hasattr(before, "lineno") else self.parent)
            )
        self._put(put)
        try:
            yield
        finally:
            self._put(before)

    def _put(self, value: object) -> None:
        if self.index is None:
            setattr(self.parent, self.field, value)
        else:
            getattr(self.parent, self.field)[self.index] = value

    def told(self) -> str:
        """What becomes of what, in Python."""
        if self.operator == "early_return":
            return f"{_text(self.replacement)} at once"
        after = _text(self.replacement) if self.replacement is not None else "nothing"
        return f"{_text(self.before)} → {after}"


def mutations(source: str) -> tuple[ast.Module, list[Mutation]]:
    """The tree of a source, and all changes of it that the operators can make."""
    tree = ast.parse(source)
    return tree, list(_changes(tree))


def mutation(source: str, name: str) -> ast.Module:
    """The tree of the source with the change of this name. Raises LookupError, with the nearest name."""
    tree, found = mutations(source)
    for one in found:
        if one.name == name:
            with one.made():
                return copy.deepcopy(tree)
    raise LookupError(
        f"No operator makes {name!r} of this source. {did_you_mean(name, [m.name for m in found])}".rstrip()
    )


def _changes(tree: ast.Module) -> Iterator[Mutation]:
    for function, name in _functions(tree):
        counts: dict[str, int] = {}
        around = Surroundings(_fields(function))
        for parent, field, index in _places(function):
            node = getattr(parent, field) if index is None else getattr(parent, field)[index]
            for operator, change in OPERATORS.items():
                for replacement in change(node, around):
                    number = counts[operator] = counts.get(operator, -1) + 1
                    line = getattr(node, "lineno", getattr(parent, "lineno", 0))
                    yield Mutation(operator, name, number, line, parent, field, index, replacement)
        if isinstance(function, Function):
            for number, (line, body) in enumerate(_early_returns(function)):
                yield Mutation("early_return", name, number, line, function, "body", None, body)


def _text(node: object) -> str:
    """The first line of what a node stands for."""
    if isinstance(node, list):
        return next(_text(one) for one in node if isinstance(one, ast.Return))
    if isinstance(node, ast.comprehension):
        return " if ".join(["for …", *(ast.unparse(one) for one in node.ifs)])
    assert isinstance(node, ast.AST)
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).partition("\n")[0]


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The constants of the module, then its functions and those of its classes; a function has those inside of it."""
    constants: list[ast.stmt] = [one for one in tree.body if isinstance(one, ast.Assign) and _is_constant(one)]
    yield ast.Module(constants, []), _MODULE
    for one in tree.body:
        if isinstance(one, Function):
            yield one, one.name
        elif isinstance(one, ast.ClassDef):
            for method in one.body:
                if isinstance(method, Function):
                    yield method, method.name if one.name == "Server" else f"{one.name}.{method.name}"


def _is_constant(statement: ast.Assign) -> bool:
    names = [one.id for one in statement.targets if isinstance(one, ast.Name)]
    return all(name.isupper() for name in names) and names != ["SERVICES"]


_Place = tuple[ast.AST, str, int | None]


def _places(root: ast.AST) -> Iterator[_Place]:
    """The places below a function, in the order of the source, without those of its head and of what errors say."""
    if isinstance(root, ast.Raise | ast.JoinedStr):
        return
    for field, value in ast.iter_fields(root):
        if (isinstance(root, Function) and field != "body") or field == "annotation":
            continue
        for index, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(node, ast.expr | ast.stmt | ast.comprehension | ast.keyword | ast.Slice | ast.ExceptHandler):
                yield root, field, index
                yield from _places(node)


def _fields(function: ast.AST) -> dict[str, tuple[str, ...]]:
    """The attributes that are read of each name, without methods that are called, and without those of modules."""
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    found: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and id(node) not in called:
            found.setdefault(node.value.id, set()).add(node.attr)
    for name in _NO_VALUES:
        found.pop(name, None)
    return {name: tuple(sorted(attributes)) for name, attributes in found.items()}


def _early_returns(function: Function) -> Iterator[tuple[int, list[ast.stmt]]]:
    """What a function returns at its end is returned before one of the statements, if all that it takes is there."""
    body = function.body
    last = body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        return
    needed = {node.id for node in ast.walk(last.value) if isinstance(node, ast.Name)}
    stores = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    assigned = {node.id: node.lineno for node in stores}
    for index, statement in enumerate(body[:-1]):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if not any(assigned.get(name, 0) >= statement.lineno for name in needed):
            yield statement.lineno, [*body[:index], last, *body[index:]]
