"""Which stub holds?"""

from grpcmock.matching.call_context import CallContext
from grpcmock.matching.conditions import Conditions, Stage, compile_conditions
from grpcmock.matching.findings import Finding
from grpcmock.matching.index import Index
from grpcmock.matching.miss import Miss, NearMiss, explain_miss
from grpcmock.matching.patterns import Pattern, compile_pattern

__all__ = [
    "CallContext",
    "Conditions",
    "Finding",
    "Index",
    "Miss",
    "NearMiss",
    "Pattern",
    "Stage",
    "compile_conditions",
    "compile_pattern",
    "explain_miss",
]
