"""What a script says of a resource that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.resources.resource import Resource


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """A resource that a script makes."""

    resource: Resource
    source: Path | None
    """Where the response of ``call`` has its key; None if nowhere."""

    call: int
    key: Any = None
    """What the key will be, if the client chose it."""

    parent: Handle | None = None
