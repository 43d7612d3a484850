"""The injection phase: texts that do something where they are run, in every place in which a text can stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from grpcmock.fuzz.expectations.side_effects import only_reads
from grpcmock.fuzz.generation.choices import RandomSource
from grpcmock.fuzz.generation.message_classes import bytes_of, message_of
from grpcmock.fuzz.model.cases import Case, Measure, Phase, call_of
from grpcmock.fuzz.phases.injection.probes import Probe, probes
from grpcmock.fuzz.phases.injection.string_places import string_places

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Call
    from grpcmock.fuzz.phases.injection.string_places import StringPlace
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

_MOST_PLACES = 60
"""Places of one method."""

_DEFAULT = "grpcmock"
"""What stands where nothing does."""


def parts(method: Method, plan: Plan) -> Iterator[Iterator[Case]]:
    """Yield the cases of one method: none while the other phases learn what a server takes, then the probes that tell
    the most, in all places, then the others."""
    yield iter(())
    for part in range(2):
        yield _cases(method, plan, part)


def notices(plan: Plan) -> Iterator[str]:
    """Yield nothing: this phase can always be made."""
    del plan
    return iter(())


def _cases(method: Method, plan: Plan, part: int) -> Iterator[Case]:
    places = list(string_places(method.input))[:_MOST_PLACES]
    for place in places:
        source = RandomSource(plan.seed, "injection", method.full_name, place.path)
        for number, probe in enumerate(list(probes(source.below))[part]):
            if (probe.check, method.full_name, place.path) in plan.proven:
                continue  # one proof is enough
            if not probe.reads_only or only_reads(method):
                yield _case(method, plan, place, probe, f"{probe.check}-{part}{number}")


def _case(method: Method, plan: Plan, place: StringPlace, probe: Probe, name: str) -> Case:
    # A request that the server is known to take leads furthest.
    base = plan.dictionary.accepted.get(method.path) or plan.simplest(method)

    def call(text: str) -> Call:
        message = message_of(method.request_class, base)
        before = place.text(message) or _DEFAULT
        place.put(message, text if probe.alone and text else before + text, plan.generators.minimal)
        return call_of(method, bytes_of(message))

    calls = tuple(map(call, probe.texts))
    case = Case(
        id=f"injection/{method.full_name}/{place.path}/{name}",
        phase=Phase.INJECTION,
        method=method,
        calls=calls,
        why=f"{place.path} holds {probe.why}",
        path=place.path,
        targets=frozenset({probe.check}),
        measures=frozenset({Measure.OUTPUT}) if probe.is_logged else frozenset(),
        compares_calls=True,
        shrinks_as_one=True,
    )
    if not probe.one_is_enough:
        return case
    control, *others = calls
    each = (replace(case, id=f"{case.id}.{number}", calls=(control, other)) for number, other in enumerate(others))
    return replace(case, sub_cases=tuple(each))
