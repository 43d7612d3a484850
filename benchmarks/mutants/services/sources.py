"""The source of a service with a bug: one that was written for it, or one that an operator makes."""

from __future__ import annotations

import ast

from benchmarks.mutants.generated.mutations import mutation
from benchmarks.mutants.services.definition import Definition
from grpcmock.errors import did_you_mean

CLEAN = "clean"
"""The name of no bug at all."""


def mutated(definition: Definition, bug: str) -> str | ast.Module:
    """What is served: ``clean``, ``blind/NAME`` or ``generated/NAME``. Raises LookupError, with the nearest name."""
    source = definition.source.read_text()
    kind, _, name = bug.partition("/")
    if bug == CLEAN:
        return source
    if kind == "blind":
        known = definition.blind()
        if name not in known:
            raise LookupError(f"{definition.name} has no bug {name!r}. {did_you_mean(name, known)}".rstrip())
        return known[name].applied(source)
    if kind == "generated":
        return mutation(source, name)
    raise LookupError(f"{bug!r} is no bug: clean, blind/NAME and generated/NAME are.")
