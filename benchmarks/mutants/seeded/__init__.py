"""The bugs, by what they have to do with. Importing this enters them all into the catalogue."""

from __future__ import annotations

from benchmarks.mutants.catalogue import MUTANTS
from benchmarks.mutants.seeded import access, answers, crashes, resources, rules, statuses, streams, wire

__all__ = ["MUTANTS", "access", "answers", "crashes", "resources", "rules", "statuses", "streams", "wire"]
