"""What is expected of a real server in one call: messages, metadata, and the status, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.status import Code

if TYPE_CHECKING:
    from grpcmock.matching.patterns import Pattern


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """One message that is expected: a response, or a detail of the status."""

    path: str
    """The path inside the stub: ``response``, ``script[2].send``."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class ExpectedMetadata:
    """Headers or trailers that are expected, by key: the values, or None where any will do."""

    path: str
    values: tuple[tuple[str, tuple[str | bytes, ...] | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedStatus:
    """The status that is expected."""

    code: Code = Code.OK
    message: str | None = None
    """None if the stub doesn't say; empty for any, but one."""

    details: tuple[ExpectedMessage, ...] = ()
    trailers: tuple[ExpectedMetadata, ...] = ()
