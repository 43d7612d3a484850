# mypy: disable-error-code="attr-defined"
"""The names of the package: what type checkers see is what there is, and no name costs more than it must."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import grpcmock
from grpcmock.mock import operators

SOURCE = Path(grpcmock.__file__)
TYPED = next(node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))


def test_type_checkers_see_each_name_where_it_is_found() -> None:
    typed = {}
    starred = []
    for node in TYPED.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            if alias.name == "*":
                starred.append(node.module)
            else:
                assert alias.name == alias.asname, "only 'x as x' is exported to strict checkers"
                typed[alias.name] = node.module
    assert typed == grpcmock._MODULES
    assert starred == [operators.__name__]


def test_every_name_leads_somewhere() -> None:
    assert len(grpcmock.__all__) == len(set(grpcmock.__all__))
    assert set(operators.__all__) < set(grpcmock.__all__) <= set(dir(grpcmock))
    found: dict[str, object] = {}
    exec("from grpcmock import *", found)
    assert set(grpcmock.__all__) <= found.keys()
    assert found["gt"] is operators.gt
    assert found["MockServer"].__module__ == "grpcmock.mock.server"


@pytest.mark.parametrize("name", ["MockSever", "nothing", "Operator", "Any", "FunctionType", "__wrapped__"])
def test_no_other_name_does(name: str) -> None:
    if name not in vars(grpcmock):
        with pytest.raises(AttributeError, match=f"module 'grpcmock' has no attribute '{name}'"):
            getattr(grpcmock, name)
    assert name not in grpcmock.__all__


def test_the_package_alone_imports_nothing_but_its_version() -> None:
    code = "import sys, grpcmock; print([name for name in sys.modules if name.startswith('grpcmock.')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "['grpcmock._version']\n"


@pytest.mark.parametrize("name", grpcmock.__all__)
def test_no_part_of_the_package_can_take_the_place_of_a_public_name(name: str) -> None:
    # To import a part sets an attribute of its name, and hides what was there.
    assert not (SOURCE.parent / name).exists()
    assert not (SOURCE.parent / f"{name}.py").exists()


def test_words_for_answers_stay_functions_when_all_is_imported() -> None:
    code = "import grpcmock.cli.serve, grpcmock.mock.server; from grpcmock import failure, replies, reply; "
    code += "print([word.__module__ for word in (failure, replies, reply)])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == f"{['grpcmock.mock.answer_builders'] * 3}\n"
