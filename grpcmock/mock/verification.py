"""The verification of a mock: calls that nothing answered, handlers that failed, stubs that nobody called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.mock.handle import StubHandle

Unused = Literal["declared", "all", "none"]

_SHOWN = 5
"""Calls whose whole explanation a failure shows."""

_KEPT = 1_000
"""Findings kept of snapshots that have ended."""


class VerificationError(AssertionError):
    """A mock was not used as declared. ``str()`` tells everything that is wrong."""


@dataclass(slots=True)
class Findings:
    """What is wrong, or may be: each in words."""

    unmatched: list[str] = field(default_factory=list)
    errors: list[tuple[str, BaseException]] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Stubs that the test declared."""

    unused_others: list[str] = field(default_factory=list)
    """Stubs that it loaded."""

    @classmethod
    def of(cls, calls: Iterable[CallRecord], handles: Iterable[StubHandle[Any]]) -> Findings:
        found = cls()
        for call in calls:
            if call.miss is not None:
                found.unmatched.append(call.miss.text)
            elif call.error is not None:
                found.errors.append((_failed(call, call.error), call.error))
            elif call.stub is None and not call.auto and not call.forwarded and not call.cancelled:
                found.unmatched.append(call.message or f"{call.name}: no stub answered.")
        for handle in handles:
            if not handle.was_used and not handle.may_be_unused:
                (found.unused if handle.declared else found.unused_others).append(_unused(handle))
        return found

    def add(self, other: Findings) -> None:
        """Keep those of a snapshot that has ended, too."""
        for own, more in (
            (self.unmatched, other.unmatched),
            (self.unused, other.unused),
            (self.unused_others, other.unused_others),
        ):
            own.extend(more[: _KEPT - len(own)])
        self.errors.extend(other.errors[: _KEPT - len(self.errors)])

    def raise_what_counts(self, *, unmatched: bool, unused: Unused) -> None:
        """Raise :class:`VerificationError` with all that is wrong; return quietly if nothing is."""
        __tracebackhide__ = True
        parts = [text for text, _ in self.errors]
        if unmatched:
            parts += self.unmatched[:_SHOWN]
            if len(self.unmatched) > _SHOWN:
                parts.append(f"… and {len(self.unmatched) - _SHOWN} more calls that no stub answered.")
        parts += ["\n".join(lines)] if (lines := list(self._unused(unused))) else []
        if parts:
            raise VerificationError("\n\n".join(parts)) from (self.errors[0][1] if self.errors else None)

    def _unused(self, unused: Unused) -> Iterator[str]:
        lines = [] if unused == "none" else [*self.unused]
        if unused == "all":
            lines += self.unused_others
        if lines:
            yield "A stub was never used:" if len(lines) == 1 else f"{len(lines)} stubs were never used:"
            yield from (f"  {line}" for line in lines)
            yield "Say .optional() of a stub that need not be."


def _failed(call: CallRecord, error: BaseException) -> str:
    return f"The handler {call.stub} of {call.name} raised {type(error).__name__}: {error}"


def _unused(handle: StubHandle[Any]) -> str:
    stub = handle.stub
    named = str(stub.name) if stub.location is None or str(stub.location) in stub.name else str(stub)
    return f"{named}  {stub.method}"
