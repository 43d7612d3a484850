"""What the replies of a server teach: values it has handed out, and rules that it says were broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcmock.fuzz.evidence import Evidence
    from grpcmock.fuzz.trials import Trial


class Lessons:
    """Values and rules by the names of fields. Filled in the order of the trials, so that it is the same each time."""

    def learn(self, trial: Trial, evidence: Evidence) -> None:
        """Take what a trial's replies hold."""
