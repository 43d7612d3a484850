"""Check: load protos and stubs, and find all that is wrong with them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.engine.compile import compile_stubs
from grpcmock.errors import CompileError, Problem, Problems, StubError, in_order
from grpcmock.lint.rules import lint
from grpcmock.responses.faults import AIO_FAULTS
from grpcmock.schema import sources
from grpcmock.stubs import loader

if TYPE_CHECKING:
    from grpcmock.schema.remote import ProtoSource
    from grpcmock.schema.sources import AnyImports
    from grpcmock.stubs.model import Stub


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found, and how much it looked at."""

    problems: tuple[Problem, ...]
    stubs: int
    methods: int
    compiled: bool = True
    """Whether the protos could be compiled."""


def check(
    protos: Sequence[ProtoSource],
    stubs: Sequence[Path],
    imports: AnyImports = (),
    *,
    faults: frozenset[str] = AIO_FAULTS,
) -> Checked:
    """Load everything, and give all problems of all files, errors and warnings.

    *faults* names the faults that the server can put on the wire. Raises :class:`SchemaError` if there are no protos.
    """
    problems = Problems()
    registry = None
    try:
        registry = sources.load(protos, imports=imports)
    except CompileError as error:
        _take(problems, error.problems)
    loaded: list[Stub] = []
    try:
        loaded = loader.load(stubs, problems)
    except StubError as error:
        _take(problems, error.problems)
    if registry is not None:
        compiled = compile_stubs(loaded, registry, problems, faults=faults)
        _take(problems, lint(compiled, registry))
    if registry is None:
        return Checked(tuple(in_order(problems)), len(loaded), 0, compiled=False)
    return Checked(tuple(in_order(problems)), len(loaded), len(registry.methods))


def _take(problems: Problems, found: Iterable[Problem]) -> None:
    for problem in found:
        problems.add(problem)
