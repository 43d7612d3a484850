"""Etags: who changes or deletes a thing as it was before, and says so by its etag, is refused (AIP-154)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcmock.fuzz.resources.fields import named
from grpcmock.status import Code

if TYPE_CHECKING:
    from collections.abc import Collection

    from grpcmock.fuzz.model.cases import Path
    from grpcmock.fuzz.resources.calls import ResourceCall
    from grpcmock.fuzz.resources.known_resources import KnownResource
    from grpcmock.fuzz.resources.resource import Operation, Resource

ETAG = "etag"
_REFUSALS = frozenset({Code.ABORTED, Code.FAILED_PRECONDITION})


def place_of(resource: Resource, operation: Operation) -> Path | None:
    """Return where a request says which state of a thing it means; None if it can't."""
    if named(operation.method.input, ETAG):
        return (ETAG,)
    if operation.given and named(resource.descriptor, ETAG):
        return (*operation.given, ETAG)
    return None


def is_stale(step: ResourceCall, known: KnownResource, documented: Collection[int]) -> bool:
    """Whether a request means a state that is past, for certain, and its server says that this matters: by annotations,
    by the codes in its comments, or by asking for the etag beside the thing."""
    place = place_of(step.resource, step.operation)
    etag = step.at(place)
    if not etag or place is None or known.message is None or not known.is_there:
        return False
    matters = step.resource.is_annotated or len(place) == 1 or not _REFUSALS.isdisjoint(documented)
    return matters and etag in known.past_etags and etag != etag_of(known.message)


def etag_of(message: Any) -> str:
    """Return the etag that a message shows; empty if it has none."""
    return str(getattr(message, ETAG)) if named(message.DESCRIPTOR, ETAG) else ""
