"""All operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcmock.matching.operators import collections, encoded, general, messages, scalars

if TYPE_CHECKING:
    from grpcmock.matching.operators.spec import OperatorSpec

OPERATORS: Final[dict[str, OperatorSpec]] = {
    spec.name: spec for spec in (*general.SPECS, *scalars.SPECS, *encoded.SPECS, *collections.SPECS, *messages.SPECS)
}
"""By their names. Patterns, errors and the JSON Schema of stub files know an operator from here."""
