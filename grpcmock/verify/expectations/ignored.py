"""What ``verify: {ignore: …}`` leaves out of a comparison: fields of responses, and parts of the answer around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.errors import did_you_mean
from grpcmock.schema import codec, values

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcmock.responses.templates import Scope

_WITHOUT_FIELDS = (
    "google.protobuf.Any",
    "google.protobuf.Struct",
    "google.protobuf.Value",
    "google.protobuf.ListValue",
)
"""Types of which only the message that comes says what it holds."""

_MESSAGE = ("error", "message")
_DETAILS = ("error", "details")
_METADATA = ("headers", "trailers")

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IgnoredPaths:
    """Fields by the names on the way to them; what is below them counts, too."""

    listed: tuple[Steps, ...] = ()

    def cover(self, steps: Sequence[str]) -> bool:
        """Whether a field is ignored, or stands inside of one that is."""
        return any(len(steps) >= len(path) and tuple(steps[: len(path)]) == path for path in self.listed)


@dataclass(frozen=True, slots=True)
class Ignored:
    """All that one stub has left out."""

    responses: IgnoredPaths = IgnoredPaths()
    details: IgnoredPaths = IgnoredPaths()
    """Inside of the messages that are details of a status."""

    metadata: frozenset[Steps] = frozenset()
    """``("headers", KEY)`` and ``("trailers", KEY)``."""

    message: bool = False
    """Whether the message of a status is left out."""


def read(scope: Scope) -> Ignored:
    """Understand the paths of a stub; those that lead nowhere are noted.

    A path is that of a field of the response. Where its type has no field of that name, ``error.message``,
    ``error.details.FIELD``, ``headers.KEY`` and ``trailers.KEY`` name the other parts of an answer.
    """
    responses, details, metadata, message = [], [], set(), False
    output = scope.method.output
    for path in scope.stub.verify.ignore:
        steps = _steps(path.removeprefix("response."))
        if path.startswith("response.") or not steps or codec.find_field(output, steps[0]) is not None:
            responses.append(_resolved(steps, scope))
        elif steps == _MESSAGE:
            message = True
        elif steps[:2] == _DETAILS and len(steps) > 2:
            details.append(steps[2:])
        elif steps[0] in _METADATA and len(steps) > 1:
            metadata.add((steps[0], path.partition(".")[2].lower()))
        else:
            responses.append(_resolved(steps, scope))
    return Ignored(IgnoredPaths(tuple(responses)), IgnoredPaths(tuple(details)), frozenset(metadata), message)


def _steps(path: str) -> Steps:
    """Read ``users[0].email`` as the fields ``users`` and ``email``: what holds for one element holds for all."""
    return tuple(part.partition("[")[0] for part in path.split(".") if part)


def _resolved(steps: Steps, scope: Scope) -> Steps:
    """Return a path by the fields' own names; one that the responses don't have is noted."""
    descriptor: Descriptor | None = scope.method.output
    found: list[str] = []
    for step in steps:
        if descriptor is None or descriptor.full_name in _WITHOUT_FIELDS:
            break
        field = codec.find_field(descriptor, step)
        if field is None:
            text = f"{descriptor.full_name} has no field {step!r}, so it can't be ignored."
            hint = did_you_mean(step, codec.field_names(descriptor), known="Its fields")
            stub = scope.stub
            scope.problems.error(text, stub.location, "verify.ignore", stub=stub.name, hint=hint, rule="unknown-field")
            break
        found.append(field.name)
        descriptor = None if values.is_map(field) else field.message_type
    return (*found, *steps[len(found) :])
