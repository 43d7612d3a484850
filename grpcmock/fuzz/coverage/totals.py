"""The coverage of a contract in figures: so many of so many methods, fields, values, arms, rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.fuzz.coverage.collector import Coverage, MethodCoverage


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done} of {self.total}"

    @property
    def part(self) -> float:
        """Between 0 and 1; 1 where there is nothing to do."""
        return self.done / self.total if self.total else 1.0

    @classmethod
    def of(cls, seen: Iterable[object]) -> Share:
        """Count what is true."""
        flags = [bool(one) for one in seen]
        return cls(sum(flags), len(flags))

    def __add__(self, other: Share) -> Share:
        return Share(self.done + other.done, self.total + other.total)


WHAT = {
    "fields": "fields set and left out",
    "boundaries": "fields at their boundaries",
    "enum_values": "enum values",
    "oneof_arms": "oneof arms",
    "rules": "sides of rules",
    "lengths": "stream lengths",
}
"""What is counted of a method, and its name for people."""


def shares(method: MethodCoverage) -> dict[str, Share]:
    """Count what was exercised of one method, by the keys of :data:`WHAT`."""
    fields = list(method.seen.all_fields())
    sent, received = method.lengths
    return {
        "fields": Share.of(done for field in fields for done in (field.present, field.absent)),
        "boundaries": Share.of(field.path.replace("[]", "") in method.boundaries for field in fields),
        "enum_values": Share.of(done for field in fields for done in field.declared.values()),
        "oneof_arms": Share.of(done for _, arms in method.seen.all_oneofs() for done in arms.values()),
        "rules": Share.of(done for rule in method.rules for done in (rule.inside, rule.outside)),
        "lengths": Share.of([*(one in method.sent for one in sent), *(one in method.received for one in received)]),
    }


def totals(coverage: Coverage) -> dict[str, Share]:
    """Count what was exercised of the whole contract: the keys of :data:`WHAT`, and before them ``methods``."""
    found = dict.fromkeys(WHAT, Share(0, 0))
    for method in coverage.methods.values():
        for key, share in shares(method).items():
            found[key] += share
    return {"methods": Share.of(method.is_ok for method in coverage.methods.values()), **found}


def tree(coverage: Coverage) -> dict[str, Any]:
    """Give the coverage as plain values for JSON."""
    return {
        "totals": {key: _plain(share) for key, share in totals(coverage).items()},
        "methods": [_method(method) for method in coverage.methods.values()],
    }


def _plain(share: Share) -> dict[str, int]:
    return {"done": share.done, "total": share.total}


def _method(method: MethodCoverage) -> dict[str, Any]:
    return {
        "method": method.method.full_name,
        "kind": method.method.kind.value,
        "cases": method.cases,
        "calls": method.calls,
        "ok": method.is_ok,
        "why_never_ok": method.why_never_ok,
        "stopped": method.stopped,
        "statuses": dict(method.statuses.most_common()),
        "sent_lengths": sorted(method.sent),
        "received_lengths": sorted(method.received),
        "fields": [
            {
                "path": field.path,
                "set": field.present > 0,
                "unset": field.absent > 0,
                "boundary": field.path.replace("[]", "") in method.boundaries,
            }
            | ({"enum": field.declared, "undeclared": field.undeclared} if field.enum is not None else {})
            for field in method.seen.all_fields()
        ],
        "oneofs": dict(method.seen.all_oneofs()),
        "rules": [
            {"path": rule.path, "rule": rule.rule, "bound": rule.bound, "inside": rule.inside, "outside": rule.outside}
            for rule in method.rules
        ],
        "shares": {key: _plain(share) for key, share in shares(method).items()},
    }
