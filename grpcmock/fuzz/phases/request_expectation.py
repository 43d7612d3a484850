"""What the contract says of a generated request: to be taken, to be refused, or nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from grpcmock.fuzz.model.cases import Expect

if TYPE_CHECKING:
    from grpcmock.fuzz.generation.violation import Violation
    from grpcmock.schema import Method

_CHANGING = re.compile(r"(Batch)?(Update|Patch|Modify|Edit|Change|Set)")


def expectation(method: Method, broken: Collection[Violation], *, unusual: bool = False) -> Expect:
    """Tell what is expected of a request that breaks these rules.

    Where a method changes part of something, a field of it that must be set may be missing (AIP-134, AIP-203).
    """
    if not broken:
        return Expect.ANY if unusual else Expect.ACCEPTED
    if _CHANGING.match(method.name) and any(
        violation.rule == "google.api.field_behavior" and "." in violation.path for violation in broken
    ):
        return Expect.ANY
    return Expect.REFUSED
