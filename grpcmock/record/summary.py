"""What came of a recording, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grpcmock.reports.wording import counted

if TYPE_CHECKING:
    from grpcmock.drafting.recorded_stub import SkippedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What came of a recording."""

    calls: int = 0
    """Calls that were passed on."""
    stubs: int = 0
    files: Sequence[Path] = ()
    """Those that were written."""
    left_out: Mapping[SkippedCall, int] = field(default_factory=dict)
    """Calls that became no stub, with their number."""
    notes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By method: what of calls is not in their stubs, with the number of the calls."""
    remarks: Sequence[str] = ()
    redacted: Mapping[str, int] = field(default_factory=dict)
    """Metadata keys of answers that were left out, and how often."""
    suspects: Sequence[str] = ()
    """Fields that sound secret and were written."""
    unused: Sequence[str] = ()
    """Rules that fitted nothing."""
    failure: str = ""
    """Why not everything could be written; empty if it could."""

    def headline(self) -> str:
        """Say how much was recorded, in one line."""
        files = counted(len(self.files), "file")
        return f"Recorded {counted(self.stubs, 'stub')} of {counted(self.calls, 'call')} in {files}."

    def missing(self) -> Iterator[str]:
        """Say what was not recorded, and why."""
        by_reason: Counter[SkippedCall] = Counter(self.left_out)
        for (name, reason), number in sorted(by_reason.items()):
            times = f" ({number:,} calls)" if number > 1 else ""
            yield f"{name}: {reason}{times}"

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield everything, each as a level (``info``, ``warning``) and a text."""
        yield "info", self.headline()
        for file in self.files:
            yield "info", f"  {file}"
        yield from self.remarks_on_it()

    def remarks_on_it(self) -> Iterator[tuple[str, str]]:
        """Yield what there is to say besides how much was recorded, as :meth:`lines` does."""
        for text in self.missing():
            yield "info", f"not recorded: {text}"
        for (name, note), number in sorted(self.notes.items()):
            yield "info", f"{name}: {note} ({counted(number, 'call')})."
        for remark in self.remarks:
            yield "info", remark
        if self.redacted:
            keys = ", ".join(f"{key} ({number:,}×)" for key, number in sorted(self.redacted.items()))
            yield "info", f"Left out of answers as secret: {keys}."
        for name in self.suspects:
            rule = f"--redact field:{name}"
            yield "warning", f"{name} sounds secret, and was written as it came. If it is: {rule}"
        for text in self.unused:
            yield "warning", text
