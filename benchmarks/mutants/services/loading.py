"""A service in Python as a module of its own, as it stands or with a bug in its source."""

from __future__ import annotations

import ast
import sys
from types import CodeType, ModuleType
from typing import Any

from benchmarks.mutants.services.definition import Definition
from benchmarks.mutants.services.environment import Environment


def module(definition: Definition, changed: ast.Module | str | None = None) -> ModuleType:
    """The service as a new module, of its own source or of the one given, as a text or a tree."""
    if changed is None:
        changed = definition.source.read_text()
    code: CodeType = compile(changed, str(definition.source), "exec", dont_inherit=True)
    made = ModuleType(definition.module)
    made.__file__ = str(definition.source)
    sys.modules[made.__name__] = made  # where dataclasses look for the names of types
    exec(code, made.__dict__)
    return made


def served(made: ModuleType, environment: Environment | None = None) -> Any:
    """The object that has the handlers, as it is when the service starts."""
    return made.Server(environment or Environment())
