"""Makes a test of pytest for each method out of a function with an argument ``case``, driven by Hypothesis."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import Phase as Step
from hypothesis import strategies as st

from grpcmock.contract.case import ContractCase
from grpcmock.contract.errors import ContractError, joined
from grpcmock.contract.strategies import FIXED, drawn, fixed
from grpcmock.errors import ConfigError
from grpcmock.fuzz.generation.hypothesis_source import HypothesisSource
from grpcmock.fuzz.model.cases import Phase

if TYPE_CHECKING:
    from grpcmock.contract.case_runner import CaseRunners, Expectations
    from grpcmock.fuzz.phases.plan import Plan
    from grpcmock.schema import Method

F = TypeVar("F", bound=Callable[..., Any])

CASE = "case"
"""The argument of a test function that takes the case."""

CASE_RUNNERS = "grpcmock_case_runners"
"""The fixture of the plugin that makes the calls of one test item."""

_METHOD, _SOURCE = "grpcmock_method", "grpcmock_source"

_MOST = 5
"""So many failures of the fixed cases of one method are told at once."""


class _Drawing:
    """Stands for a case until the method is known: Hypothesis draws it then."""

    def __init__(self, draw: Any = None) -> None:
        self.draw = draw

    def __repr__(self) -> str:
        return "…"


_FIXED = _Drawing()
"""Stands for all the fixed cases."""


@st.composite
def _drawings(draw: st.DrawFn) -> _Drawing:
    return _Drawing(draw)


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Gives a test function its cases."""

    expectations: Expectations
    plan: Plan
    phases: tuple[Phase, ...]

    def of(self, name: str, drawing: _Drawing, runners: CaseRunners) -> Iterator[ContractCase]:
        method = self.plan.registry.method(name)
        if drawing is _FIXED:
            for case in fixed(method, self.plan, self.phases):
                yield ContractCase(case, self.expectations, runners, shrunk=True)
        elif Phase.RANDOM in self.phases:
            case = drawn(method, self.plan, HypothesisSource(drawing.draw))
            yield ContractCase(case, self.expectations, runners, shrunk=False)


class _Failures:
    """Collects what fails over several cases, as long as it is the server that fails."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], ContractError] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if not isinstance(error, ContractError) or not error.failures:
            return False
        self._found[tuple(failure.id for failure in error.failures)] = error
        return not error.is_final and len(self._found) < _MOST

    def raise_all(self) -> None:
        __tracebackhide__ = True
        if self._found:
            raise joined(tuple(self._found.values()))


def parametrized(
    function: F, cases: Cases, methods: Sequence[Method], configured: settings, forced_seed: int | None
) -> F:
    """Make the test of a *function*, with one item for each of the *methods*."""
    signature = _signature(function)

    def arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Iterator[ContractCase], dict[str, Any]]:
        given_arguments = dict(signature.bind(*args, **kwargs).arguments)
        name, drawing = given_arguments.pop(_METHOD), given_arguments.pop(_SOURCE)
        return cases.of(name, drawing, given_arguments.pop(CASE_RUNNERS)), given_arguments

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def test(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            made, others = arguments(args, kwargs)
            failures = _Failures()
            for case in made:
                with failures:
                    await function(**others, case=case)
            failures.raise_all()

    else:

        @functools.wraps(function)
        def test(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            made, others = arguments(args, kwargs)
            failures = _Failures()
            for case in made:
                with failures:
                    function(**others, case=case)
            failures.raise_all()

    test.__signature__ = signature  # type: ignore[attr-defined]
    put_in_place_of(function, test)
    driven: Any = given(**{_SOURCE: _drawings()})(test)
    if any(phase in FIXED for phase in cases.phases):
        driven = example(**{_SOURCE: _FIXED})(driven)
    driven = settings(configured)(driven)
    if forced_seed is not None:
        driven = seed(forced_seed)(driven)
    marked: F = pytest.mark.parametrize(_METHOD, [method.full_name for method in methods])(driven)
    return marked


def put_in_place_of(function: Callable[..., Any], test: Any) -> None:
    """Let a traceback show the user's function where it would show ours."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None:
        test.__code__ = test.__code__.replace(co_filename=code.co_filename, co_firstlineno=code.co_firstlineno)


def configure(parent: settings | None, max_examples: int | None, phases: tuple[Phase, ...]) -> settings:
    """Give Hypothesis' settings for tests that ask a server: those of the profile but for what can't be so.

    There is no deadline for a single example: the calls have their own. A fixture of the test's scope is fine: what it
    gives is the server, and servers keep their state from call to call, as in life.
    """
    base = parent if parent is not None else settings.default
    assert base is not None
    most = base.max_examples if max_examples is None else max_examples
    steps = [step for step in base.phases if step is not Step.explain]  # it would name lines of ours
    health = {HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.differing_executors}
    return settings(
        base,
        max_examples=most if Phase.RANDOM in phases else 1,
        phases=steps,
        deadline=None,
        suppress_health_check=health | set(base.suppress_health_check),
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Give the parameters that pytest and Hypothesis see: those of the function, and ours in place of the case."""
    signature = inspect.signature(function)
    if CASE not in signature.parameters:
        name = getattr(function, "__name__", str(function))
        raise ConfigError(f"{name}() has no argument {CASE!r}, and so can take no case. Write def {name}({CASE}, …).")
    kept = [parameter for parameter in signature.parameters.values() if parameter.name != CASE]
    own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in (_METHOD, CASE_RUNNERS, _SOURCE)]
    return signature.replace(parameters=[*kept, *own])
