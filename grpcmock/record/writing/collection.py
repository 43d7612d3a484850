"""What was recorded so far: one stub for each request, with its answers in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grpcmock.drafting.assembly import make_stub
from grpcmock.drafting.recorded_stub import RecordedStub, SkippedCall
from grpcmock.errors import Problems
from grpcmock.reports.wording import counted

if TYPE_CHECKING:
    from grpcmock.stubs.model import Stub

MAX_STUBS = 100_000
"""Stubs that a recording makes; calls of more requests than that are passed on, but not recorded."""

MAX_IN_TURN = 200
"""Answers that a stub gives in turn, repeated ones among them; of more, only those that differ from all before."""

MAX_ANSWERS = 1_000
"""Different answers of a stub."""


@dataclass(slots=True)
class _Entry:
    """One request and what was answered."""

    first: RecordedStub
    answers: list[RecordedStub]
    """In turn; the last one stands for all that follow."""
    repeats: int = 0
    """How often the last answer was given again, since."""
    ended: float = 0.0
    """When the last call ended."""
    known: set[str] = field(default_factory=set)
    overlap: bool = False
    """Whether calls with different answers went on at once, so that their order is a guess."""
    shortened: bool = False


class Collection:
    """Gathers recorded calls, in the order in which they ended."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._count = 0
        self._changed: set[str] = set()
        self.skipped: Counter[SkippedCall] = Counter()
        """Calls that became no stub."""
        self.notes: Counter[tuple[str, str]] = Counter()
        """What passed that stubs don't say, by method."""

    def add(self, recorded: RecordedStub | SkippedCall, started: float, ended: float, count: int = 1) -> None:
        """Take in *count* calls that were alike, one after the other; times are in seconds."""
        if isinstance(recorded, SkippedCall):
            self.skipped[recorded] += count
            return
        name = recorded.method.full_name
        for note in recorded.notes:
            self.notes[name, note] += count
        entries = self._entries.setdefault(name, {})
        entry = entries.get(recorded.request_key)
        if entry is None:
            if self._count >= MAX_STUBS:
                self.skipped[SkippedCall(name, f"there are {MAX_STUBS:,} stubs already")] += count
                return
            self._count += 1
            entry = entries[recorded.request_key] = _Entry(recorded, [recorded], -1, ended, {recorded.answer_key})
            self._changed.add(name)
        elif entry.answers[-1].answer_key != recorded.answer_key:
            entry.overlap |= started < entry.ended
            self._append(entry, recorded)
        elif recorded.eagerness < entry.answers[-1].eagerness:
            # Of two orders of the same messages, that in which the server waits for less suits more clients.
            entry.answers[-1] = recorded
            self._changed.add(name)
        entry.repeats += count
        entry.ended = max(entry.ended, ended)

    def _append(self, entry: _Entry, recorded: RecordedStub) -> None:
        if recorded.answer_key not in entry.known and len(entry.known) >= MAX_ANSWERS:
            reason = f"there are {MAX_ANSWERS:,} different answers to its request already"
            self.skipped[SkippedCall(recorded.method.full_name, reason)] += 1
            return
        repeated = [entry.answers[-1]] * entry.repeats
        if len(entry.answers) + len(repeated) + 1 > MAX_IN_TURN:
            entry.shortened = True
            repeated = []
            if recorded.answer_key in entry.known:
                return
        entry.answers += [*repeated, recorded]
        entry.known.add(recorded.answer_key)
        entry.repeats = -1
        self._changed.add(recorded.method.full_name)

    # What is in it --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._count

    def changed(self) -> list[str]:
        """Name the methods that there is something new of since this was last asked."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    @property
    def has_changed(self) -> bool:
        return bool(self._changed)

    def put_back(self, names: list[str]) -> None:
        """Count these as changed, still."""
        self._changed.update(names)

    def methods(self) -> list[str]:
        return sorted(name for name, entries in self._entries.items() if entries)

    def stubs(self, method: str) -> list[Stub]:
        """Return the stubs of a method, named by number in the order in which its requests first came."""
        entries = list(self._entries.get(method, {}).values())
        first_of_many = {entry.first.opening_key for entry in entries if "requests" in entry.first.matching}
        found = []
        for number, entry in enumerate(entries, 1):
            priority = 0
            if first_of_many and "requests" not in entry.first.matching:
                # It answers before the client has sent all it has; unless that may be what another stub waits for.
                priority = -1 if entry.first.opening_key in first_of_many else 1
            problems = Problems()
            stub = make_stub(f"{method}, recorded {number}", entry.first, entry.answers, problems, priority=priority)
            assert stub is not None  # it was made before
            found.append(stub)
        return found

    def remarks(self) -> Iterator[str]:
        """Say what the stubs leave in doubt."""
        for name, entries in sorted(self._entries.items()):
            overlapping = sum(entry.overlap for entry in entries.values())
            if overlapping:
                yield (
                    f"{name}: {counted(overlapping, 'request')} got different answers while calls went on at once; "
                    "the order of the answers is that in which they ended."
                )
            alike = [entry for entry in entries.values() if _are_conversations(entry)]
            if alike:
                yield (
                    f"{name}: {counted(len(alike), 'request')} began conversations that went on differently; "
                    "they can be told apart by their order only."
                )
            if any(entry.shortened for entry in entries.values()):
                yield f"{name}: of more than {MAX_IN_TURN} answers in turn, only those that are new were kept."


def _are_conversations(entry: _Entry) -> bool:
    """Whether one stub stands for conversations in which the client said different things."""
    return len({answer.conversation_key for answer in entry.answers}) > 1
