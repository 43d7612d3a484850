"""Is the real server true to the contract, whatever is sent to it?

What is named here is for users: strategies of messages, and what checks of one's own are made of.
"""

from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.generation.messages import messages

if TYPE_CHECKING:
    from grpcmock.fuzz.checks.custom import check
    from grpcmock.fuzz.generation.choice_shrinking import shrink
    from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource
    from grpcmock.fuzz.generation.generator import Generators, boundaries, violations
    from grpcmock.fuzz.model.cases import Call, Case, Expect, Phase
    from grpcmock.fuzz.model.findings import Finding, Severity
    from grpcmock.fuzz.model.results import CaseResult, Reply

__all__ = [
    "Call",
    "Case",
    "CaseResult",
    "Expect",
    "Finding",
    "Generators",
    "Phase",
    "RandomSource",
    "ReplaySource",
    "Reply",
    "Severity",
    "boundaries",
    "check",
    "messages",
    "shrink",
    "violations",
]

_HOMES = {
    "Call": "model.cases",
    "Case": "model.cases",
    "CaseResult": "model.results",
    "Expect": "model.cases",
    "Finding": "model.findings",
    "Generators": "generation.generator",
    "Phase": "model.cases",
    "RandomSource": "generation.choices",
    "ReplaySource": "generation.choices",
    "Reply": "model.results",
    "Severity": "model.findings",
    "boundaries": "generation.generator",
    "check": "checks.custom",
    "shrink": "generation.choice_shrinking",
    "violations": "generation.generator",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: ``st.from_type`` reaches this package in every test run, and needs none of it."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
