"""The public names of the package: one table of where they are, and the same for type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import grpcmock


def test_type_checkers_are_told_the_same_names_as_the_table_has() -> None:
    tree = ast.parse(Path(grpcmock.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.name == alias.asname, "only 'x as x' is exported to strict checkers"
            told[alias.name] = node.module
    assert told == grpcmock._MODULES


@pytest.mark.parametrize("name", grpcmock.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(grpcmock, name) is not None
    assert name in dir(grpcmock)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'grpcmock' has no attribute 'MockSever'"):
        _ = grpcmock.MockSever  # type: ignore[attr-defined]
