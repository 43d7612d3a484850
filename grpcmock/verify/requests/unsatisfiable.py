"""Patterns that no request satisfies: which condition it is, and where it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpcmock.errors import Location, Problem
from grpcmock.matching.findings import cut

if TYPE_CHECKING:
    from grpcmock.engine.compiled_stub import CompiledStub
    from grpcmock.tree import Node


class UnsatisfiableError(Exception):
    """There is nothing that a client could say for the stub to answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def problem_of(stub: CompiledStub, refused: Sequence[tuple[str, str]]) -> Problem:
    """Return the problem that no request was found for a stub.

    *refused* are paths and what was expected there, the innermost first.
    """
    path, expected = refused[0] if refused else ("", "")
    if path.startswith("metadata."):
        path = path.partition("[")[0]
    if not refused and stub.stub.when is not None:
        path, expected = "when", str(stub.stub.when.value)
    elif not refused and stub.stub.where is not None:
        path, expected = "where", str(stub.stub.where)
    said = f": expected {cut(expected)}" if expected else ""
    return Problem(
        f"no request was found that satisfies the stub {stub.stub.name!r}{said}.",
        place_of(stub, path),
        path,
        stub.stub.name,
        "Fix the pattern, write a value that fits, or leave the stub to the mock alone with verify: false.",
        "unsatisfiable",
    )


def place_of(stub: CompiledStub, path: str) -> Location | None:
    """Find where a condition was written, as near as its path leads."""
    root, *rest = path.replace("[", ".[").split(".")
    node: Node | None = (
        getattr(stub.stub, root, None) if root in ("request", "requests", "metadata", "deadline") else None
    )
    if root == "when":
        node = stub.stub.when
    if node is None:
        return stub.stub.location
    for part in rest:
        node = _below(node, part)
    return node.location


def _below(node: Node, part: str) -> Node:
    if node.is_list and part.startswith("["):
        number = part.strip("[]")
        return node.value[int(number)] if number.isdecimal() and int(number) < len(node.value) else node
    if node.is_mapping:
        for name in (part, part.strip('[]"')):
            if name in node.value:
                below: Node = node.value[name]
                return below
        for key, child in node.value.items():
            if isinstance(key, str) and key.startswith("$") and child.is_mapping and part in child.value:
                found: Node = child.value[part]
                return found
    return node
