"""A case as plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.model.call_values import read_call, written_call
from grpcmock.fuzz.model.cases import Case, Expect, Measure, Phase

if TYPE_CHECKING:
    from grpcmock.schema import Registry

_FLAGS = ("compares_calls", "shrinks_as_one", "may_be_unimplemented", "mostly_idle")
"""Written only where they are true."""


def written_case(case: Case) -> dict[str, Any]:
    """Return a case as plain values, without the cases that it stands for, and without how its messages were made."""
    return {
        "id": case.id,
        "phase": case.phase.value,
        "method": case.method.full_name,
        "why": case.why,
        "expect": case.expect.value,
        "path": case.path,
        "rule": case.rule,
        "targets": sorted(case.targets),
        "measures": sorted(measure.value for measure in case.measures),
        "pair": case.pair,
        "repeat": case.repeat,
        "concurrent": case.concurrent,
        "setup": case.setup,
        "cleanup": case.cleanup,
        **({"together": case.together} if case.together else {}),
        **{name: True for name in _FLAGS if getattr(case, name)},
        "calls": [written_call(call) for call in case.calls],
    }


def read_case(keys: Mapping[str, Any], registry: Registry) -> Case:
    """Read a case against the contract.

    Raises ``LookupError``, ``TypeError`` and ``ValueError`` if they aren't those of a case, and
    :class:`UnknownMethodError` if the contract no longer has the method.
    """
    return Case(
        id=keys["id"],
        phase=Phase(keys["phase"]),
        method=registry.method(keys["method"]),
        calls=tuple(read_call(call, registry) for call in keys["calls"]),
        why=keys["why"],
        expect=Expect(keys["expect"]),
        path=keys["path"],
        rule=keys["rule"],
        targets=frozenset(keys["targets"]),
        measures=frozenset(map(Measure, keys["measures"])),
        pair=keys["pair"],
        repeat=keys["repeat"],
        concurrent=keys["concurrent"],
        together=keys.get("together", 0),
        setup=keys.get("setup", 0),
        cleanup=keys.get("cleanup", 0),
        **{name: keys[name] for name in _FLAGS if name in keys},
    )
