"""What the cases of the wire phase are made for."""

from __future__ import annotations

from dataclasses import dataclass

from grpcmock.fuzz.model.cases import Expect

COMPARING = frozenset({"request_count", "reserved_code", "size_limit", "compression", "tolerated_wire"})
"""Checks that judge a call by those before it."""

OPTIONAL = frozenset({"request_count", "compression", "unimplemented"})
"""Checks whose cases a server may answer with UNIMPLEMENTED."""


@dataclass(frozen=True, slots=True)
class Target:
    check: str
    group: str
    expect: Expect


MALFORMED = Target("malformed_wire", "malformed", Expect.UNDECODABLE)
TEXT = Target("utf8", "utf8", Expect.UNDECODABLE)
DEEP = Target("recursion_limit", "depth", Expect.UNDECODABLE)
FRAMING = Target("malformed_wire", "framing", Expect.UNDECODABLE)
GARBLED = Target("compression", "compression", Expect.UNDECODABLE)
