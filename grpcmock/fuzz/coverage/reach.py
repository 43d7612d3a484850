"""How far a run got: the share of methods that ever answered OK, whether that is enough, and what would get further."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcmock.fuzz.coverage.totals import Share

if TYPE_CHECKING:
    from grpcmock.fuzz.coverage.collector import Coverage

_LITTLE = 0.5
"""Below this share it is said, though it fails nothing."""

_MORE = {
    "UNAUTHENTICATED": "give credentials: -H 'authorization: Bearer ${TOKEN}'",
    "PERMISSION_DENIED": "give credentials that may do more: -H 'authorization: Bearer ${TOKEN}'",
    "UNIMPLEMENTED": "is it the right server, and are the services registered there?",
    "UNAVAILABLE": "is all up that the server needs?",
    "NOT_FOUND": "give requests that work as stubs: --stubs FILE; or say with --links FILE what creates what",
    "FAILED_PRECONDITION": "give requests that work as stubs: --stubs FILE; or say with --links FILE what creates what",
    "INVALID_ARGUMENT": "give requests that work as stubs: --stubs FILE; rules in the protos help, too",
}
_OTHERS = "what -H gives isn't enough: is it meant for this server, and has it expired?"
"""In the place of a hint to give credentials, where some were given."""

_ELSE = "give requests that work as stubs: --stubs FILE"


@dataclass(frozen=True, slots=True)
class Reach:
    """How many methods answered OK at least once."""

    answered: Share

    minimum: float | None = None
    """The share that is asked for, between 0 and 1; None for any at all."""

    hint: str = ""
    """What to do about the others."""

    @classmethod
    def of(cls, coverage: Coverage, minimum: float | None = None, *, credentials: bool = False) -> Reach:
        """Return how far a run has got, in which calls had *credentials* or had not."""
        codes: Counter[str] = Counter()
        for method in coverage.never_ok():
            if (code := method.usual_refusal) is not None:
                codes[code] += 1
        usual = codes.most_common(1)[0][0] if codes else ""
        hint = _MORE.get(usual, _ELSE) if usual else ""
        if usual == "UNAUTHENTICATED" and credentials:
            hint = _OTHERS
        answered = Share.of(method.is_ok for method in coverage.methods.values())
        return cls(answered, minimum, hint)

    @property
    def too_little(self) -> str:
        """Say why nothing follows from a run that found nothing; empty if it does."""
        if self.minimum is None and self.answered.total and not self.answered.done:
            return f"{self}: nothing behind their answers was tested"
        if self.minimum is not None and self.answered.part < self.minimum:
            return f"{self}, and --min-answered asks for {self.minimum:.0%}"
        return ""

    @property
    def little(self) -> str:
        """Say that much wasn't tested, though it fails nothing; empty if it isn't so."""
        if self.too_little or self.minimum is not None or self.answered.part >= _LITTLE:
            return ""
        return f"{self}: the rest was hardly tested"

    def __str__(self) -> str:
        done, total = self.answered.done, self.answered.total
        return (
            f"{f'Only {done}' if done else 'None'} of {total} {'method' if total == 1 else 'methods'} ever answered OK"
        )
