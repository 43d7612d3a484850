"""The verification of a mock: calls that nothing answered, handlers that failed, stubs that nobody called."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from grpcmock.errors import ConfigError
from grpcmock.mock.loops import HANDLER_LOOPS

if TYPE_CHECKING:
    from grpcmock.engine.call_record import CallRecord
    from grpcmock.engine.journal import Journal
    from grpcmock.mock.drafts import Draft
    from grpcmock.mock.handle import StubHandle

Unused = Literal["declared", "all", "none"]

_SHOWN = 5
"""Calls whose whole explanation a failure shows."""

_KEPT = 1_000
"""Findings kept of snapshots that have ended."""


_OWN = str(Path(__file__).parents[1]) + os.sep


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

    unanswered: list[str] = field(default_factory=list)
    """What the test said of methods without an answer."""

    left_over: list[str] = field(default_factory=list)
    """What the test pushed, and no call took."""

    lost_unmatched: int = 0
    """Calls that no stub answered, and that the journal has dropped since."""

    lost_errors: int = 0
    """Calls whose handlers raised, and that the journal has dropped since."""

    @classmethod
    def of(cls, journal: Journal, handles: Iterable[StubHandle[Any]], drafts: Iterable[Draft] = ()) -> Findings:
        found = cls(unanswered=list(map(str, drafts)))
        held = journal.contents()
        found.lost_unmatched = held.lost.count(outcome="unmatched")
        found.lost_errors = held.lost.count(outcome="failed")
        for call in held.calls:
            match call.outcome:
                case "unmatched":
                    found.unmatched.append(call.miss.text if call.miss is not None else _refused(call))
                case "failed":
                    assert call.error is not None
                    found.errors.append((handler_failure(call, call.error), call.error))
        for handle in handles:
            if handle.may_be_unused:
                continue
            if not handle.was_used:
                (found.unused if handle.declared else found.unused_others).append(_unused(handle))
            elif handle.left_over:
                found.left_over.append(f"{_unused(handle)}  {handle.left_over}")
        return found

    def add(self, other: Findings) -> None:
        """Keep those of a snapshot that has ended, too."""
        for own, more in (
            (self.unmatched, other.unmatched),
            (self.unused, other.unused),
            (self.unused_others, other.unused_others),
            (self.unanswered, other.unanswered),
            (self.left_over, other.left_over),
        ):
            own.extend(more[: _KEPT - len(own)])
        self.errors.extend(other.errors[: _KEPT - len(self.errors)])
        self.lost_unmatched += other.lost_unmatched
        self.lost_errors += other.lost_errors

    def raise_what_counts(self, *, unmatched: bool, unused: Unused) -> None:
        """Raise :class:`VerificationError` with all that is wrong; return quietly if nothing is."""
        __tracebackhide__ = True
        parts = [text for text, _ in self.errors]
        if self.lost_errors:
            parts.append(f"Handlers raised in {_dropped(self.lost_errors)}")
        if unmatched:
            parts += self.unmatched[:_SHOWN]
            if self.lost_unmatched:
                parts.append(f"No stub answered {_dropped(self.lost_unmatched)}")
            if len(self.unmatched) > _SHOWN:
                parts.append(f"… and {len(self.unmatched) - _SHOWN} more calls that no stub answered.")
        parts += ["\n".join(lines)] if (lines := list(self._unused(unused))) else []
        if self.unanswered and unused != "none":
            lines = [f"  {line}" for line in self.unanswered]
            end = "Say returns(…), fails(…) or another answer after it, or .optional() where it need not have one."
            parts.append("\n".join(["This was given no answer, and so is no stub:", *lines, end]))
        if self.left_over and unused != "none":
            lines = [f"  {line}" for line in self.left_over]
            parts.append("\n".join(["What was pushed, and no call took:", *lines]))
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


def _dropped(calls: int) -> str:
    number = "1 call that was" if calls == 1 else f"{calls:,} calls that were"
    return f"{number} dropped from the journal since: raise its bounds, journal_calls and journal_bytes, to see them."


def _refused(call: CallRecord) -> str:
    text = call.message or f"{call.name}: no stub answered."
    if call.method is not None:
        return text
    return f"{text}\nGive the mock the protos of its service (grpcmock_protos), or import its generated code."


def handler_failure(call: CallRecord, error: BaseException) -> str:
    """Say that a handler raised this, and where: the frames of the user, without those around them."""
    if isinstance(error, ConfigError):
        return f"{call.name}: {error}"
    text = f"The handler {call.stub} of {call.name} raised {type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OWN)]
    lines = [
        line
        for frame in frames
        for line in (f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}', f"    {frame.line}")
    ]
    hint = f"\n{HANDLER_LOOPS}" if isinstance(error, RuntimeError) and "different" in str(error) else ""
    return "\n".join([text, *lines]) + hint


def _unused(handle: StubHandle[Any]) -> str:
    stub = handle.stub
    named = str(stub.name) if stub.location is None or str(stub.location) in stub.name else str(stub)
    return f"{named}  {stub.method}"
