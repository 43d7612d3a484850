"""Messages made of decisions: fast from a seed, or by Hypothesis, which makes what fails small again."""

from grpcmock.fuzz.generation.choice_shrinking import Shrunk, shrink
from grpcmock.fuzz.generation.choices import RandomSource, ReplaySource, Source
from grpcmock.fuzz.generation.generator import Generator, Generators, boundaries, violations
from grpcmock.fuzz.generation.hints import Hints
from grpcmock.fuzz.generation.message_boundaries import Boundary
from grpcmock.fuzz.generation.violations import Violation

__all__ = [
    "Boundary",
    "Generator",
    "Generators",
    "Hints",
    "RandomSource",
    "ReplaySource",
    "Shrunk",
    "Source",
    "Violation",
    "boundaries",
    "shrink",
    "violations",
]
