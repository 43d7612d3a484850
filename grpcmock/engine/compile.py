"""Compile stubs against the registry: a stub as written becomes conditions and plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from grpcmock.collector import full_collections_paused
from grpcmock.engine.compiled_stub import CompiledStub, Layer
from grpcmock.errors import Problems, UnknownMethodError
from grpcmock.matching.conditions import compile_conditions
from grpcmock.matching.patterns import compile_pattern
from grpcmock.responses.compile import compile_answer

if TYPE_CHECKING:
    from grpcmock.schema import Registry
    from grpcmock.stubs.model import Stub


def compile_stub(
    stub: Stub, registry: Registry, problems: Problems, *, layer: Layer, order: int, faults: frozenset[str]
) -> CompiledStub | None:
    """Compile one stub. What is wrong goes to *problems*; None if anything is.

    *faults* names the faults that the server's transport can put on the wire.
    """
    try:
        method = registry.method(stub.method)
    except UnknownMethodError as error:
        where = stub.method_location or stub.location
        problems.error(str(error), where, "method", stub=stub.name, rule="unknown-method")
        return None
    before = len(problems.errors) if len(problems) else 0
    conditions = compile_conditions(stub, method, registry, problems)
    plans = tuple(compile_answer(answer, stub, method, registry, problems, faults=faults) for answer in stub.answers)
    if stub.verify.response is not None:
        # Only who verifies needs it; but what is wrong with it is told by all who load the stub.
        compile_pattern(stub.verify.response, method.output, registry, problems, "verify.response", stub=stub.name)
    if len(problems) and len(problems.errors) > before:
        return None
    return CompiledStub(stub, method, conditions, plans, layer, order)


def compile_stubs(
    stubs: Iterable[Stub],
    registry: Registry,
    problems: Problems,
    *,
    layer: Layer = Layer.FILE,
    orders: Iterator[int] | None = None,
    faults: frozenset[str],
    progress: Callable[[int], None] = lambda _: None,
) -> list[CompiledStub]:
    """Compile many stubs, in order. *progress* is told how many are done, now and then."""
    orders = orders or count()
    compiled = []
    with full_collections_paused():
        for number, stub in enumerate(stubs, 1):
            entry = compile_stub(stub, registry, problems, layer=layer, order=next(orders), faults=faults)
            if entry is not None:
                compiled.append(entry)
            if not number % 1_000:
                progress(number)
    return compiled
