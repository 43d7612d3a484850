"""What mutation operators make of a node of a syntax tree: each way to change it, and nothing of where it stands."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_LARGEST_BOUND = 10**10


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an operator may know of the function that a node stands in."""

    fields: Mapping[str, tuple[str, ...]]
    """The attributes that the function reads of each name, such as ``request``, in the order of the alphabet."""


Operator = Callable[[ast.AST, Surroundings], Iterator[ast.AST | None]]
"""Gives what takes the place of a node, once for each way; None if it is deleted."""


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    made = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _comparison(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """``<`` becomes ``<=``, ``==`` becomes ``!=``, ``in`` becomes ``not in``, and the other way round."""
    if isinstance(node, ast.Compare):
        for index, one in enumerate(node.ops):
            ops = [*node.ops[:index], _COMPARISONS[type(one)](), *node.ops[index + 1 :]]
            yield _changed(node, ops=ops)


def _bound(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """A whole number becomes the next one, and the one before."""
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value < _LARGEST_BOUND:
        yield _changed(node, value=node.value + 1)
        yield _changed(node, value=node.value - 1)


def _condition(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """A condition is turned over; ``and`` becomes ``or``; one part of either is left out."""
    if isinstance(node, ast.If | ast.IfExp):
        yield _changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for index in range(len(node.values)):
            left = node.values[:index] + node.values[index + 1 :]
            yield left[0] if len(left) == 1 else _changed(node, values=left)
    elif isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            yield _changed(node, ifs=node.ifs[:index] + node.ifs[index + 1 :])


def _deleted(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """A statement that does something is left out: a call, an error, a deletion, what is stored."""
    if isinstance(node, ast.Expr):
        if not isinstance(node.value, ast.Constant | ast.Yield):
            yield None
    elif isinstance(node, ast.Raise | ast.Delete | ast.AugAssign | ast.Continue):
        yield None
    elif isinstance(node, ast.Assign):
        if all(isinstance(one, ast.Attribute | ast.Subscript) for one in node.targets):
            yield None
    elif isinstance(node, ast.If):
        yield None


def _arguments(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """The first two arguments change places."""
    if (
        isinstance(node, ast.Call)
        and len(node.args) >= 2
        and not any(isinstance(one, ast.Starred) for one in node.args)
    ):
        yield _changed(node, args=[node.args[1], node.args[0], *node.args[2:]])


def _off_by_one(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """A slice begins or ends one later; plus becomes minus, times becomes divided by."""
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(node, name)
            if bound is not None and not isinstance(bound, ast.Constant):
                yield _changed(node, **{name: ast.BinOp(bound, ast.Add(), ast.Constant(1))})
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield _changed(node, op=_ARITHMETIC[type(node.op)]())


def _element(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """One element of a display of several is left out, or one argument that is given by its name."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        if len(node.elts) > 2:
            for index in range(len(node.elts)):
                yield _changed(node, elts=node.elts[:index] + node.elts[index + 1 :])
    elif isinstance(node, ast.Dict):
        for index in range(len(node.keys)):
            keys, values = node.keys[:index] + node.keys[index + 1 :], node.values[:index] + node.values[index + 1 :]
            yield _changed(node, keys=keys, values=values)
    elif isinstance(node, ast.Call):
        for index in range(len(node.keywords)):
            yield _changed(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


def _field(node: ast.AST, around: Surroundings) -> Iterator[ast.AST | None]:
    """Another field of the same thing is read, the next one of those that the function reads anyway."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
        known = around.fields.get(node.value.id, ())
        if node.attr in known and len(known) > 1:
            yield _changed(node, attr=known[(known.index(node.attr) + 1) % len(known)])


def _constant(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """True becomes False, a text becomes empty, and what is returned becomes nothing of its kind."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _changed(node, value=not node.value)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Name | ast.BoolOp | ast.Compare):
        yield _changed(node, value=ast.Constant(None))


def _loop(node: ast.AST, _: Surroundings) -> Iterator[ast.AST | None]:
    """A loop ends after its first turn; what would go on with the next one ends it."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield _changed(node, body=[*node.body, ast.Break()])
    elif isinstance(node, ast.Continue):
        yield ast.Break()


OPERATORS: Mapping[str, Operator] = {
    "comparison": _comparison,
    "bound": _bound,
    "condition": _condition,
    "deleted": _deleted,
    "arguments": _arguments,
    "off_by_one": _off_by_one,
    "element": _element,
    "field": _field,
    "constant": _constant,
    "loop": _loop,
}
"""Those that change one node; ``early_return`` changes a function, see ``mutations``."""
